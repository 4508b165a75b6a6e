"""``make release``: everything that a release holds, into ``build/release``.

    python -m release [--out FOLDER] [--layout scf|lambda|all] [--python 3.10] [--layer NAME …] [--tag]

The version is that of ``layers/vindrop/vindrop/__init__.py``, and of nothing else. Archives are made
with the time of the last commit: the same commit gives the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from release.notes import NotesError, notes

ROOT: Final = Path(__file__).resolve().parents[2]
CYCLONEDX: Final = "cyclonedx-bom==7.5.0"
EXTRAS: Final = (
    *("photo", "aws", "postgresql", "mysql", "kafka", "amqp", "redis", "vehicle"),
    *("vinocr", "local", "console"),
)
"""Extras of the wheel whose packages its bill of materials lists, where they exist."""


class ReleaseError(RuntimeError):
    """Something is not ready; the message says what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and build. Returns the exit status."""
    given = _parser().parse_args(arguments)
    try:
        version = read_version()
        text = notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)
        if given.tag:
            _clean()
        shutil.rmtree(given.out, ignore_errors=True)
        given.out.mkdir(parents=True)
        (given.out / "NOTES.md").write_text(text, encoding="utf-8")
        _package(given.out)
        _layers(given)
        _bills(given.out, version)
        _checksums(given.out)
        if given.tag:
            _git("tag", "--annotate", f"v{version}", "--message", f"vindrop {version}\n\n{text}")
    except (ReleaseError, NotesError) as error:
        sys.stderr.write(f"release: {error}\n")
        return 1
    for file in sorted(given.out.iterdir()):
        sys.stdout.write(f"{file.stat().st_size / 1e6:8.2f} MB  {file.name}\n")
    sys.stdout.write(f"vindrop {version} is in {given.out}\n")
    return 0


def read_version() -> str:
    """Return the version, from the one place that has it.

    :raises ReleaseError: it is not one of Semantic Versioning.
    """
    text = (ROOT / "layers/vindrop/vindrop/__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(\d+\.\d+\.\d+)"$', text, re.MULTILINE)
    if found is None:
        raise ReleaseError("layers/vindrop/vindrop/__init__.py has no version such as 1.2.3")
    return found[1]


def _clean() -> None:
    if _git("status", "--porcelain"):
        raise ReleaseError(
            "the tree has changes that are not committed: a tag must name what is built"
        )


def _package(out: Path) -> None:
    _run("uv", "build", "--quiet", "--out-dir", str(out), str(ROOT))
    for extra in out.glob(".*"):
        extra.unlink()


def _layers(given: argparse.Namespace) -> None:
    words = ["--layout", given.layout, "--python", given.python, "--out", str(given.out / "layers")]
    for name in given.layer or ():
        words += ["--layer", name]
    _run("layers.dependencies", *words)
    made = given.out / "layers"
    for file in sorted(each for each in made.rglob("*") if each.is_file()):
        file.replace(given.out / "-".join(("layers", *file.relative_to(made).parts)))
    shutil.rmtree(given.out / "layers")


def _bills(out: Path, version: str) -> None:
    """Write one bill of materials (CycloneDX) for the layers' lock and one for the wheel's."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = [
        w for e in EXTRAS if re.search(rf"^{e} = \[", project, re.MULTILINE) for w in ("--extra", e)
    ]
    compiled = out / "wheel.txt"
    _run(
        *("uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.10", *extras),
        *("--constraint", str(ROOT / "requirements.lock"), "--no-emit-index-url", "--no-header"),
        *("--output-file", str(compiled), str(ROOT / "pyproject.toml")),
    )
    lock = ROOT / "layers/dependencies/requirements.lock"
    for name, listed in (("vindrop", compiled), ("vindrop-layers", lock)):
        _run(
            *("uv", "run", "--no-project", "--quiet", "--with", CYCLONEDX),
            *("cyclonedx-py", "requirements", "--pyproject", str(ROOT / "pyproject.toml")),
            *(
                "--output-reproducible",
                "--of",
                "JSON",
                "-o",
                str(out / f"{name}-{version}.cdx.json"),
            ),
            str(listed),
        )
    compiled.unlink()


def _checksums(out: Path) -> None:
    """Write what ``sha256sum --check SHA256SUMS`` reads."""
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"
        for file in sorted(out.iterdir())
    ]
    (out / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def _git(*words: str) -> str:
    git = shutil.which("git")
    if git is None:
        raise ReleaseError("git is missing")
    done = subprocess.run([git, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"git {words[0]}: {done.stderr.strip()[:300]}")
    return done.stdout.strip()


def _run(module: str, *words: str) -> None:
    moment = _git("log", "-1", "--format=%ct")
    done = subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        env={**os.environ, "SOURCE_DATE_EPOCH": moment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ReleaseError(f"{module} {words[0]}: {(done.stderr or done.stdout).strip()[-600:]}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m release", description="Build a release.")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "release")
    parser.add_argument("--layout", choices=["scf", "lambda", "all"], default="all")
    parser.add_argument("--python", default="", help="minor version of the layers; default: all")
    parser.add_argument("--layer", action="append", help="may be repeated; default: the usual ones")
    parser.add_argument("--tag", action="store_true", help="then tag the commit as vVERSION")
    return parser


if __name__ == "__main__":
    sys.exit(main())
