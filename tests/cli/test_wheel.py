"""From the wheel alone: what the command says without extras, and that `local` needs no clone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLATE = ROOT / "events" / "photos" / "plate-04.jpg"
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


def installed(folder: Path, what: str) -> Path:
    run(sys.executable, "-m", "venv", str(folder / "venv"), cwd=folder)
    run(str(folder / "venv/bin/pip"), "install", "--quiet", what, cwd=folder)
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
def test_the_bare_wheel_says_what_is_missing(wheel: Path, tmp_path: Path) -> None:
    command = installed(tmp_path, str(wheel))
    assert "vindrop[local]" in run(str(command), "--help", cwd=tmp_path)
    assert run(str(command), "--version", cwd=tmp_path).startswith("vindrop ")


@slow
@pytest.mark.timeout(1800)
def test_with_local_it_reads_photos_without_a_clone_and_without_opencv(
    wheel: Path, tmp_path: Path
) -> None:
    command = installed(tmp_path, f"vindrop[local] @ {wheel.as_uri()}")
    assert not list((tmp_path / "venv").rglob("cv2"))
    found = json.loads(run(str(command), "recognize", "--json", str(PLATE), cwd=tmp_path))
    assert found["vin"] == "5NPEVYK97FD841835"
    run(str(command), "event", "cos", "--key", "plate-04.jpg", cwd=tmp_path)
    report = json.loads(run(str(command), "demo", "--json", cwd=tmp_path))
    assert report["ok"], report
