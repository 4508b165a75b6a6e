"""``make docs``: the site in every language, into ``build/site``, and what is wrong with it.

PYTHONPATH=tools python -m documentation [--zensical PROGRAM] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from documentation import check, reference
from documentation.stage import LANGUAGES, ROOT, stage


def main(arguments: list[str] | None = None) -> int:
    """Build and check; the exit status is 1 where something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m documentation", description="Build the site.")
    parser.add_argument("--zensical", default="zensical", help="the program that builds")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site")
    given = parser.parse_args(arguments)
    shutil.rmtree(given.out, ignore_errors=True)
    for language in LANGUAGES:
        folder = ROOT / "build" / "docs" / language
        stage(language, folder)
        done = subprocess.run(
            [given.zensical, "build", "--strict", "--clean"],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            sys.stderr.write(done.stdout + done.stderr)
            return 1
        target = given.out if language == "en" else given.out / language
        shutil.copytree(folder / "site", target, dirs_exist_ok=True)
    reference.as_json(given.out)
    faults = list(check.faults(given.out))
    for fault in faults:
        sys.stderr.write(fault + "\n")
    sys.stdout.write(f"{len(list(given.out.rglob('*.html')))} pages in {given.out}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
