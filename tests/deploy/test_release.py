"""`make release`: what is published is complete, checked, and the same every time."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from release.notes import NotesError, notes
from vindrop import __version__

ROOT = Path(__file__).resolve().parents[2]


def built(out: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "release", "--out", str(out)),
            *("--layout", "lambda", "--python", "3.12", "--layer", "vindrop"),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'tools'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr


def listed_in(out: Path) -> dict[str, str]:
    lines = (out / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split("  ") for line in lines)}


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    built(folder / "one")
    return folder / "one"


def test_a_release_holds_everything_and_is_reproducible(release: Path, tmp_path: Path) -> None:
    sums = listed_in(release)
    files = {file.name for file in release.iterdir()} - {"SHA256SUMS"}
    assert files == set(sums)
    wheel = f"vindrop-{__version__}-py3-none-any.whl"
    assert {wheel, f"vindrop-{__version__}.tar.gz", "NOTES.md"} <= files
    assert {f"vindrop-{__version__}.cdx.json", f"vindrop-layers-{__version__}.cdx.json"} <= files
    for name, digest in sums.items():
        assert hashlib.sha256((release / name).read_bytes()).hexdigest() == digest
    built(tmp_path / "two")
    again = listed_in(tmp_path / "two")
    assert {n: d for n, d in again.items() if not n.endswith(".cdx.json")} == {
        n: d for n, d in sums.items() if not n.endswith(".cdx.json")
    }
    with zipfile.ZipFile(release / wheel) as opened:
        (metadata,) = (n for n in opened.namelist() if n.endswith(".dist-info/METADATA"))
        assert f"Version: {__version__}" in opened.read(metadata).decode()


def test_the_bill_of_materials_lists_what_layers_carry(release: Path) -> None:
    file = release / f"vindrop-layers-{__version__}.cdx.json"
    bill = json.loads(file.read_text(encoding="utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    listed = {(each["name"].lower(), each["version"]) for each in bill["components"]}
    lock = (ROOT / "layers/dependencies/requirements.lock").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([a-z0-9-]+)==([^ \\]+)", lock, re.MULTILINE))
    assert pinned <= listed
    assert bill["metadata"]["component"]["name"] == "vindrop"


@pytest.mark.parametrize(
    ("changelog", "says"),
    [
        ("## [Unreleased]\n- a\n", "has no section for 1.2.3"),
        ("## [1.2.3]\n- a\n", "has no date"),
        ("## [1.2.3] - 2026-01-01\n\n## [1.2.2] - 2025-01-01\n- b\n", "is empty"),
    ],
)
def test_notes_that_are_missing_are_named(changelog: str, says: str) -> None:
    with pytest.raises(NotesError, match=says):
        notes(changelog, "1.2.3")


def test_notes_end_where_the_next_version_begins() -> None:
    text = "# Changelog\n## [1.2.3] - 2026-01-01\n### Added\n- a\n\n## [1.2.2] - 2025-01-01\n- b\n"
    assert notes(text, "1.2.3") == "### Added\n- a\n"
