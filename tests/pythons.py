"""The library's own tests on the oldest and the newest Python that it claims: ``make test-pythons``.

Each gets a virtual environment of its own (``.venv-3.10``), from ``requirements.lock`` without the
extras that only VinOCR and the servers need.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from layers.dependencies import interpreters

ROOT: Final = Path(__file__).resolve().parent.parent
VERSIONS: Final = ("3.10", "3.13")
EXTRAS: Final = "photo,aws,postgresql,mysql,redis"
NEED_MORE: Final = ("test_image_ends", "test_regular_expressions", "test_signing")
"""Tests of the library that also need VinOCR, the servers or the clouds' own clients."""
TOOLS: Final = ("hypothesis", "jsonschema", "pytest", "pytest-timeout")


def main() -> int:
    """Run them; return 1 if any failed. A Python that is not there is said, and is no failure."""
    failed = 0
    for version in VERSIONS:
        python = interpreters.find(version)
        if python is None:
            print(f"Python {version} was not found: not tried")
            continue
        print(f"Python {version}: {python}", flush=True)
        failed |= _try(version, python)
    return failed


def _try(version: str, python: Path) -> int:
    folder = ROOT / f".venv-{version}"
    own = folder / "bin" / "python"
    if not own.exists():
        subprocess.run([_uv(), "venv", "--quiet", "--python", python, folder], check=True)
    subprocess.run(
        [
            *(_uv(), "pip", "install", "--quiet", "--python", own),
            *("--constraint", "requirements.lock", "--editable", f".[{EXTRAS}]", *TOOLS),
        ],
        cwd=ROOT,
        check=True,
    )
    tests = [str(own), "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/library"]
    tests += [f"--ignore=tests/library/{name}.py" for name in NEED_MORE]
    return min(subprocess.run(tests, cwd=ROOT, check=False).returncode, 1)


def _uv() -> str:
    return str(Path(sys.executable).parent / "uv")


if __name__ == "__main__":
    sys.exit(main())
