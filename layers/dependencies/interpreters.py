"""Finds a Python of a given minor version: bytecode is of use to that one only."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path


@cache
def find(minor: str) -> Path | None:
    """Return an interpreter of ``minor`` (``3.10``), or None.

    Looks at ``PYTHON3_10`` (the variable), at this process, at PATH, at pyenv's versions, and at
    those that ``uv python install`` has brought.
    """
    candidates = [os.environ.get("PYTHON" + minor.replace(".", "_"), "")]
    candidates += [sys.executable, shutil.which(f"python{minor}") or ""]
    pyenv = shutil.which("pyenv")
    if pyenv:
        root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False)
        versions = Path(root.stdout.strip() or "/nonexistent") / "versions"
        candidates += [str(path) for path in sorted(versions.glob(f"{minor}.*/bin/python"))]
    for candidate in filter(None, [*candidates, *_managed(minor)]):
        if _minor(candidate) == minor:
            return Path(candidate)
    return None


def _managed(minor: str) -> list[str]:
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        return []
    words = [uv, "python", "find", "--managed-python", "--no-python-downloads", minor]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    return found.stdout.split("\n")[:1] if found.returncode == 0 else []


def _minor(program: str) -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run(
            [program, "-I", "-c", code], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
