"""From the wheel alone: what the command says without extras, and that `local` needs no clone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from layers.dependencies import interpreters
from tests import needs

ROOT = Path(__file__).resolve().parents[2]
PLATE = ROOT / "events" / "photos" / "plate-04.jpg"
VERSIONS = ("3.10", "3.11", "3.12", "3.13")
"""Pythons that the wheel is promised for."""
slow = pytest.mark.skipif(
    not (os.environ.get("CI") or os.environ.get("WHEEL_TESTS")),
    reason="installs from the registry, minutes: WHEEL_TESTS=1 runs it",
)


@pytest.mark.parametrize("missing", ["typer", "rich", "starlette", "onnxruntime", "PIL"])
@pytest.mark.parametrize("arguments", [[], ["demo"], ["recognize", "a.jpg"], ["--help"]])
def test_without_the_extra_it_says_which_brings_what(missing: str, arguments: list[str]) -> None:
    script = (
        "import importlib.util, sys\n"
        "found = importlib.util.find_spec\n"
        f"hidden = lambda name, *more: None if name == {missing!r} else found(name, *more)\n"
        "importlib.util.find_spec = hidden\n"
        "from vindrop_local.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert "pip install 'vindrop[local]'" in said.splitlines()[0]
    assert missing in said.splitlines()[0]
    assert done.returncode == (0 if "--help" in arguments else 2)
    assert ("vindrop[postgresql]" in said) == ("--help" in arguments)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    uv = str(Path(sys.executable).with_name("uv"))
    run(uv, "build", "--wheel", "--quiet", "--out-dir", str(folder), str(ROOT), cwd=folder)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not a folder of pytest's: what packages of others hold is not searched for our secrets."""
    with tempfile.TemporaryDirectory(prefix="vindrop-wheel-") as made:
        yield Path(made)


def installed(version: str, folder: Path, what: str) -> Path:
    """Install by plain pip into a virtual environment of that Python; return the command."""
    python = interpreters.find(version)
    if python is None and version == "3.10":
        python = Path(needs.program("python3.10", package="python3.10, or pyenv install 3.10"))
    if python is None:  # .ci/run asks for 3.10 and one later
        pytest.skip(f"no Python {version} here: set PYTHON{version.replace('.', '_')} to one")
    run(str(python), "-m", "venv", str(folder / "venv"), cwd=folder)
    run(str(folder / "venv/bin/pip"), "install", "--quiet", what, cwd=folder)
    said = run(str(folder / "venv/bin/python"), "--version", cwd=folder)
    assert said.startswith(f"Python {version}.")
    return folder / "venv/bin/vindrop"


def run(*words: str, cwd: Path) -> str:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("VINDROP_", "PYTHONPATH"))}
    clean["XDG_CACHE_HOME"] = str(cwd / "cache")
    done = subprocess.run(
        words, cwd=cwd, env=clean, capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("version", VERSIONS)
def test_the_bare_wheel_says_what_is_missing(version: str, wheel: Path, folder: Path) -> None:
    command = installed(version, folder, str(wheel))
    assert "vindrop[local]" in run(str(command), "--help", cwd=folder)
    assert run(str(command), "--version", cwd=folder).startswith("vindrop ")


@slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("version", VERSIONS)
def test_with_local_it_reads_photos_without_a_clone_and_without_opencv(
    version: str, wheel: Path, folder: Path
) -> None:
    command = installed(version, folder, f"vindrop[local] @ {wheel.as_uri()}")
    assert not list((folder / "venv").rglob("cv2"))
    found = json.loads(run(str(command), "recognize", "--json", str(PLATE), cwd=folder))
    assert found["vin"] == "5NPEVYK97FD841835"
    run(str(command), "event", "cos", "--key", "plate-04.jpg", cwd=folder)
    report = json.loads(run(str(command), "demo", "--json", cwd=folder))
    assert report["ok"], report
