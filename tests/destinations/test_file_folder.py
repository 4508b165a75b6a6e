"""A file in a folder that is not there is one sentence at the start, not a folder that nobody finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from vindrop.core.store_errors import StoreSettingError
from vindrop.destinations import open_destination


@pytest.mark.parametrize("folder", ["gone", "gone/deeper", "with%20blank", "gon\u00e9"])
def test_a_missing_folder_is_said_at_the_start(folder: str, tmp_path: Path) -> None:
    with pytest.raises(StoreSettingError) as error:
        open_destination(f"file://{tmp_path}/{folder}/readings.jsonl")
    assert "which is not there: make it" in str(error.value)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_there_yet_is_fine(tmp_path: Path) -> None:
    open_destination(f"file://{tmp_path}/readings.jsonl")
    assert list(tmp_path.iterdir()) == []
