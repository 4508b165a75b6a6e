"""Layers: the same bytes wherever they are built, nothing but what is locked, within the limits."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from layers.dependencies import lock
from layers.dependencies.build import LOCK, BuildError, build, check_limits
from layers.dependencies.contents import ALWAYS, FUNCTION_LIMIT, USUAL, Target
from tests.deploy.conftest import ROOT

SCF = Target("scf", "3.10", "x86_64")


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("built")
    return out, build([SCF], list(USUAL), out)


@pytest.mark.deploy
def test_two_builds_in_different_folders_are_equal(
    built: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """The second one from a copy of the checkout elsewhere, by its own command."""
    copy = tmp_path / "elsewhere"
    for part in ("layers", "functions"):
        shutil.copytree(
            ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__", "vinocr")
        )
    shutil.copy(ROOT / "LICENSE", copy)
    subprocess.run(
        [sys.executable, "-m", "layers.dependencies", "--out", tmp_path / "out"],
        cwd=copy,
        check=True,
        timeout=280,
    )
    assert hashes(built[0]) == hashes(tmp_path / "out")


@pytest.mark.deploy
def test_the_function_with_its_layers_stays_small(built: tuple[Path, dict[str, Any]]) -> None:
    sizes = {entry["name"]: entry["unzipped_bytes"] for entry in built[1]["layers"]}
    assert sum(sizes[name] for name in ALWAYS) < FUNCTION_LIMIT
    grown = [
        {**entry, "unzipped_bytes": entry["unzipped_bytes"] + FUNCTION_LIMIT}
        for entry in built[1]["layers"]
    ]
    with pytest.raises(BuildError, match="are the limit"):
        check_limits({**built[1], "layers": grown}, SCF)


@pytest.mark.deploy
def test_the_manifest_tells_what_is_inside(built: tuple[Path, dict[str, Any]]) -> None:
    out, manifest = built
    assert json.loads((out / "manifest.json").read_text()) == manifest
    locked = {(pin.name, pin.version) for pin in lock.read(LOCK)}
    for entry in [*manifest["layers"], *manifest["functions"]]:
        assert hashlib.sha256((out / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
        for package in entry.get("packages", []):
            assert (package["name"], package["version"]) in locked
            assert package["licence"]
            assert not package["licence"].startswith("GPL")


@pytest.mark.deploy
def test_layers_lie_as_each_platform_wants_them(
    built: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    with zipfile.ZipFile(built[0] / "scf-3.10-x86_64" / "vindrop.zip") as archive:
        names = archive.namelist()
        assert "vindrop/uploads.py" in names
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert names == sorted(names)
    assert not [name for name in names if "test" in name.lower()]
    entry = build([Target("lambda", "3.13", "arm64")], ["vindrop"], tmp_path)["layers"][0]
    with zipfile.ZipFile(tmp_path / entry["file"]) as archive:
        assert all(name.startswith("python/") for name in archive.namelist())


def test_a_closure_holds_what_its_roots_need_and_no_more() -> None:
    pins = lock.read(LOCK)
    names = {pin.name for pin in lock.closure(pins, ("tencentcloud-sdk-python-common", "pydantic"))}
    assert {"requests", "urllib3", "pydantic-core", "typing-extensions"} <= names
    assert not names & {"boto3", "pillow", "redis", "tencentcloud-sdk-python-ocr"}


def test_a_lock_without_hashes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "requirements.lock"
    path.write_text("requests==2.32.0\n    # via -r requirements.in\n")
    with pytest.raises(lock.LockError, match="requests has no hash"):
        lock.read(path)
