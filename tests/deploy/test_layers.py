"""Layers: the same bytes wherever they are built, nothing but what is locked, within the limits."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from layers.dependencies import interpreters, lock
from layers.dependencies.build import LOCK, BuildError, build, check_limits
from layers.dependencies.contents import (
    ALWAYS,
    ARCHITECTURES,
    FUNCTION_LIMIT,
    FUNCTIONS,
    LAYERS,
    RUNTIMES,
    USUAL,
    Target,
)
from tests.deploy.installed import ROOT

SCF = Target("scf", "3.10", "x86_64")


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


TARGETS = [
    Target(layout, python, arch)
    for layout, pythons in RUNTIMES.items()
    for python in pythons
    for arch in ARCHITECTURES[layout]
]


@dataclass(frozen=True)
class Built:
    """Every layer for every runtime, and the functions' packages; built twice."""

    out: Path
    manifest: dict[str, Any]
    again: Path
    """Built from a copy of the checkout elsewhere, by its own command."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("built")
    copy, out, again = folder / "in_progress", folder / "out", folder / "another" / "out"
    for part in ("layers", "functions"):
        shutil.copytree(
            ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__", "vinocr")
        )
    shutil.copy(ROOT / "LICENSE", copy)
    command = [sys.executable, "-m", "layers.dependencies", "--layout", "all", "--out", str(again)]
    with subprocess.Popen(command, cwd=copy, stdout=subprocess.DEVNULL) as process:
        try:
            manifest = build(TARGETS, list(USUAL), out)
        except BaseException:
            process.kill()
            raise
        assert process.wait(timeout=600) == 0
    return Built(out, manifest, again)


@pytest.mark.deploy
@pytest.mark.timeout(900)
def test_two_builds_in_different_folders_are_equal(built: Built) -> None:
    first, second = hashes(built.out), hashes(built.again)
    assert len(first) == len(built.manifest["layers"]) + len(FUNCTIONS) + 1
    assert {entry["arch"] for entry in built.manifest["layers"]} == {"x86_64", "arm64"}
    assert first == second


@pytest.mark.deploy
def test_bytecode_is_in_every_layer_whose_python_is_at_hand(built: Built) -> None:
    """For that version alone: an arm64 layer has the same, since bytecode knows no architecture."""
    for entry in built.manifest["layers"]:
        assert entry["bytecode"] == (interpreters.find(entry["python"]) is not None)
        with zipfile.ZipFile(built.out / entry["file"]) as archive:
            compiled = {name for name in archive.namelist() if name.endswith(".pyc")}
        assert bool(compiled) == entry["bytecode"]
        version = entry["python"].replace(".", "")
        assert all(f".cpython-{version}." in name for name in compiled)


@pytest.mark.deploy
def test_the_function_with_its_layers_stays_small(built: Built) -> None:
    layers = [e for e in built.manifest["layers"] if e["layout"] == "scf"]
    sizes = {entry["name"]: entry["unzipped_bytes"] for entry in layers}
    assert sum(sizes[name] for name in ALWAYS) < FUNCTION_LIMIT
    grown = [
        {**entry, "unzipped_bytes": entry["unzipped_bytes"] + FUNCTION_LIMIT} for entry in layers
    ]
    with pytest.raises(BuildError, match="are the limit"):
        check_limits({**built.manifest, "layers": grown}, SCF)


@pytest.mark.deploy
def test_the_manifest_tells_what_is_inside(built: Built) -> None:
    out, manifest = built.out, built.manifest
    assert json.loads((out / "manifest.json").read_text()) == manifest
    locked = {(pin.name, pin.version) for pin in lock.read(LOCK)}
    for entry in [*manifest["layers"], *manifest["functions"]]:
        assert hashlib.sha256((out / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
        inside = {package["name"] for package in entry.get("packages", [])}
        assert set(LAYERS[entry["name"]].roots if "layout" in entry else ()) <= inside
        for package in entry.get("packages", []):
            assert (package["name"], package["version"]) in locked
            assert package["licence"]
            assert not package["licence"].startswith("GPL")


@pytest.mark.deploy
def test_layers_lie_as_each_platform_wants_them(built: Built) -> None:
    with zipfile.ZipFile(built.out / "scf-3.10-x86_64" / "vindrop.zip") as archive:
        names = archive.namelist()
        assert "vindrop/core/pipeline.py" in names
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert names == sorted(names)
    assert not [name for name in names if "test" in name.lower()]
    with zipfile.ZipFile(built.out / "lambda-3.13-arm64" / "vindrop.zip") as archive:
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
