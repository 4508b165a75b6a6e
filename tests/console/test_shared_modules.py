"""What both pages do with a VIN and a photo is written once, and served to both."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from vindrop import http
from vindrop.http import page
from vindrop.http.console import assets

ROOM = Path(http.__file__).parent
FOLDERS = (ROOM / "shared", ROOM / "page", ROOM / "console" / "static")


def test_the_shared_modules_are_served_to_both_pages() -> None:
    shared = {path.name for path in (ROOM / "shared").iterdir()}
    assert shared == {"vin.js", "typing.js", "view.js"}
    assert shared <= set(page._PAGE)
    served = assets._files()
    for name in shared:
        assert served[name] == (ROOM / "shared" / name).read_text(encoding="utf-8")
        assert not any((folder / name).exists() for folder in FOLDERS[1:])
    for folder in FOLDERS[1:]:
        assert "extends VinTyping" in (folder / "cells.js").read_text(encoding="utf-8")
        assert "extends PhotoView" in (folder / "viewer.js").read_text(encoding="utf-8")


def test_nothing_of_a_size_worth_sharing_is_written_twice() -> None:
    """Of any two modules of both pages, ten lines in a row that are the same."""
    seen = Counter[tuple[str, ...]]()
    where: dict[tuple[str, ...], set[str]] = {}
    for folder in FOLDERS:
        for path in folder.glob("*.js"):
            text = path.read_text(encoding="utf-8")
            lines = [re.sub(r"\s+", "", line) for line in text.splitlines()]
            lines = [line for line in lines if len(line) > 3]
            for run in {tuple(lines[n : n + 10]) for n in range(len(lines) - 9)}:
                seen[run] += 1
                where.setdefault(run, set()).add(f"{folder.name}/{path.name}")
    assert {frozenset(where[run]) for run, count in seen.items() if count > 1} == set()


def test_a_deployment_with_another_shared_module_is_another_version(tmp_path: Path) -> None:
    """A browser keeps the scripts for a year under the version of all of them."""
    assets.version.cache_clear()
    before = assets.version()
    path = tmp_path / "view.js"
    path.write_text("// another")
    kept = assets.FOLDERS
    try:
        assets.FOLDERS = (kept[0], tmp_path)  # type: ignore[misc]
        assets.version.cache_clear()
        assert assets.version() != before
    finally:
        assets.FOLDERS = kept  # type: ignore[misc]
        assets.version.cache_clear()
