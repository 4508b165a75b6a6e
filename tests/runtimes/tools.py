"""The platforms' own runtimes, fetched once into build/runtimes: pinned, hashed, for Python 3.10.

SCF: the Python bootstrap that Tencent's own command line (PyPI: scf) carries. Lambda: awslambdaric,
and the runtime interface emulator inside the wheel of aws-sam-cli. Neither tool itself is installed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

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
    candidates = [
        os.environ.get("PYTHON3_10", ""),
        sys.executable,
        shutil.which("python3.10") or "",
    ]
    if shutil.which("pyenv"):
        root = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=False).stdout
        candidates += map(str, sorted(Path(root.strip()).glob("versions/3.10.*/bin/python")))
    for candidate in filter(None, candidates):
        said = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)
        if said.stdout.startswith("Python 3.10."):
            return Path(candidate)
    return Path(needs.program("python3.10", package="python3.10"))


def fetch() -> Runtimes:
    """Return the runtimes, fetched when first asked for and whenever their pins change."""
    python = python310()
    pins = b"".join((HERE / name).read_bytes() for name in ("tools.txt", "site.txt"))
    folder = ROOT / "build" / "runtimes" / hashlib.sha256(pins).hexdigest()[:12]
    found = Runtimes(python, folder / "site", folder / "tools" / RIE, folder / "tools" / BOOTSTRAP)
    if not (folder / "ready").exists():
        fresh = folder.with_suffix(f".{os.getpid()}")
        try:
            _make(fresh, python)
            shutil.rmtree(folder, ignore_errors=True)
            fresh.rename(folder)
        except (subprocess.CalledProcessError, OSError) as error:
            _away(error)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return found


def _away(error: Exception) -> None:
    sentence = f"the platforms' runtimes cannot be fetched ({type(error).__name__}): go online once"
    if os.environ.get("CI"):
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


def _make(folder: Path, python: Path) -> None:
    folder.mkdir(parents=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    _run(
        *(*pip, "download", "--no-deps", "--require-hashes"),
        *("-r", str(HERE / "tools.txt"), "-d", str(folder / "downloads")),
    )
    _run(
        *(str(python), "-m", "pip", "--disable-pip-version-check", "-q", "install"),
        *("--no-deps", "--require-hashes", "--target", str(folder / "site")),
        *("-r", str(HERE / "site.txt")),
    )
    tools = folder / "tools"
    (wheel,) = (folder / "downloads").glob("aws_sam_cli-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extract(RIE, tools)
    (tools / RIE).chmod(0o755)
    (source,) = (folder / "downloads").glob("scf-*.tar.gz")
    with tarfile.open(source) as archive:
        for member in archive.getmembers():
            _, _, inside = member.name.partition("/")
            if inside.startswith(BOOTSTRAP) and member.isfile():
                target = tools / inside
                target.parent.mkdir(parents=True, exist_ok=True)
                data = archive.extractfile(member)
                target.write_bytes(data.read() if data else b"")
    shutil.rmtree(folder / "downloads")
    (folder / "ready").touch()


def _run(*words: str) -> None:
    subprocess.run(words, check=True, timeout=300, capture_output=True)
