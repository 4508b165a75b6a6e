"""Records as lines of a file, while their writer comes back after a crash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.library.conftest import a_reading, an_upload
from vindrop.destinations import open_destination
from vindrop.domain.records import to_json


@pytest.mark.parametrize("cut", [0, 200, 70_000])
def test_a_line_that_takes_the_place_of_one_cut_short_is_not_mixed_with_it(
    cut: int, tmp_path: Path
) -> None:
    """Somebody lists a file while its writer comes back after a crash: no line is made of two."""
    path = tmp_path / "out.jsonl"
    destination: Any = open_destination(f"file://{path}")
    destination.put(a_reading(an_upload("a.jpg")))
    with path.open("ab") as file:
        file.write(b'{"id": "' + b"b" * cut)
    listed = destination.records("readings")
    assert next(listed).upload.key == "a.jpg"
    open_destination(f"file://{path}").put(a_reading(an_upload("c.jpg")))
    list(listed)  # the new one, if it was seen
    assert [each.upload.key for each in destination.records("readings")] == ["a.jpg", "c.jpg"]


def test_the_end_of_the_last_whole_line_is_found_however_far_it_is(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    destination: Any = open_destination(f"file://{path}")
    assert list(destination.records("readings")) == []
    path.write_bytes(b"x" * 200_000)
    assert list(destination.records("readings")) == []
    path.write_bytes(to_json(a_reading()).encode() + b"\n" + b"x" * 200_000)
    assert list(destination.records("readings")) == [a_reading()]
