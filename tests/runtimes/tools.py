"""The platforms' own runtimes, fetched once into build/runtimes: pinned, hashed, for Python 3.10.

SCF: the Python bootstrap that Tencent's own command line (PyPI: scf) carries. Lambda: awslambdaric,
and the runtime interface emulator inside the wheel of aws-sam-cli. Neither tool itself is installed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from layers.dependencies import interpreters
from tests import needs

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RIE = "samcli/local/rapid/aws-lambda-rie-x86_64"
BOOTSTRAP = "tcfcli/cmds/native/common/runtime/python3.6"


@dataclass(frozen=True)
class Runtimes:
    """Where everything lies."""

    python: Path
    """Python 3.10, as on both platforms."""
    site: Path
    """What the functions need, as the layer brings it, and awslambdaric."""
    rie: Path
    bootstrap: Path
    """Folder with SCF's bootstrap.py."""


def python310() -> Path:
    """Return a Python 3.10, or end the test."""
    found = interpreters.find("3.10")
    return found or Path(
        needs.program("python3.10", package="python3.10, or .venv/bin/uv python install 3.10")
    )


def fetch() -> Runtimes:
    """Return the runtimes, fetched when first asked for and whenever their pins change."""
    python, commands = python310(), emulators()
    site = _made("site", lambda folder: _install(folder, python))
    return Runtimes(python, site, commands / RIE, commands / BOOTSTRAP)


def emulators() -> Path:
    """Return the folder with `RIE` and `BOOTSTRAP`, fetched as by `fetch`; no Python 3.10 is needed."""
    return _made("tools", _unpack)


def _made(name: str, make: Callable[[Path], None]) -> Path:
    """Return the folder of what ``name``.txt pins: made whole, or not at all."""
    pins = hashlib.sha256((HERE / f"{name}.txt").read_bytes()).hexdigest()[:12]
    folder = ROOT / "build" / "runtimes" / f"{name}-{pins}"
    if not folder.exists():
        fresh = folder.with_suffix(f".{os.getpid()}")
        try:
            make(fresh)
            with contextlib.suppress(OSError):  # another process was first
                fresh.rename(folder)
        except (subprocess.CalledProcessError, OSError) as error:
            _away(error)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return folder


def _away(error: Exception) -> None:
    sentence = f"the platforms' runtimes cannot be fetched ({type(error).__name__}): go online once"
    if os.environ.get("CI"):
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


def _install(folder: Path, python: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    _run(
        *(str(python), "-m", "pip", "--disable-pip-version-check", "-q", "install"),
        *("--no-deps", "--require-hashes", "--target", str(folder)),
        *("-r", str(HERE / "site.txt")),
    )


def _unpack(folder: Path) -> None:
    downloads = folder / "downloads"
    downloads.mkdir(parents=True)
    _run(
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "download"),
        *("--no-deps", "--require-hashes", "-r", str(HERE / "tools.txt"), "-d", str(downloads)),
    )
    (wheel,) = downloads.glob("aws_sam_cli-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extract(RIE, folder)
    (folder / RIE).chmod(0o755)
    (source,) = downloads.glob("scf-*.tar.gz")
    with tarfile.open(source) as archive:
        for member in archive.getmembers():
            _, _, inside = member.name.partition("/")
            if inside.startswith(BOOTSTRAP) and member.isfile():
                target = folder / inside
                target.parent.mkdir(parents=True, exist_ok=True)
                data = archive.extractfile(member)
                target.write_bytes(data.read() if data else b"")
    shutil.rmtree(downloads)


def _run(*words: str) -> None:
    subprocess.run(words, check=True, timeout=300, capture_output=True)
