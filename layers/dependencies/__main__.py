"""``python -m layers.dependencies``: build layers and function packages; see ``--help``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from layers.dependencies.build import ROOT, BuildError, build
from layers.dependencies.contents import ARCHITECTURES, LAYERS, RUNTIMES, USUAL, Target
from layers.dependencies.lock import LockError


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and build. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m layers.dependencies",
        description="Build the layers and function packages: same input, same bytes.",
    )
    parser.add_argument("--layout", choices=["scf", "lambda", "all"], default="scf")
    parser.add_argument("--python", default="", help="minor version; default: every one supported")
    parser.add_argument("--arch", choices=["x86_64", "arm64", ""], default="", help="default: both")
    parser.add_argument(
        "--layer", action="append", choices=sorted(LAYERS), help="may be repeated; default: usual"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "layers")
    given = parser.parse_args(arguments)
    targets = [
        Target(layout, python, arch)
        for layout in RUNTIMES
        if given.layout in {layout, "all"}
        for python in RUNTIMES[layout]
        if given.python in {python, ""}
        for arch in ARCHITECTURES[layout]
        if given.arch in {arch, ""}
    ]
    if not targets:
        parser.error(f"no target has Python {given.python} on {given.layout} {given.arch}")
    try:
        manifest = build(targets, given.layer or list(USUAL), given.out)
    except (BuildError, LockError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for entry in manifest["layers"]:
        sys.stdout.write(
            f"{entry['file']:42} {entry['unzipped_bytes'] / 1e6:7.2f} MB unzipped "
            f"{entry['zipped_bytes'] / 1e6:6.2f} MB zipped  "
            f"{'bytecode' if entry['bytecode'] else 'source only: no Python ' + entry['python'] + ' here'}\n"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
