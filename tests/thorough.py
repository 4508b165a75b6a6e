"""Which tests `make test` leaves to `make test-all`: they take long, and vary what others show.

The list is ``tests/thorough.txt``: a test a line, ``path::function``. Where a test has variants
(stores, formats, seeds), ``path::function *`` keeps the first of them in `make test`, so that every
thing a user relies on is tried there once. A new test is in `make test` until somebody adds it here.

Renewed from what a run took, two or more seconds a test (the second number is of all variants):

    .venv/bin/python -m pytest -n 2 --durations=0 | tee run.log; .venv/bin/python -m tests.thorough run.log
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

LIST = Path(__file__).with_name("thorough.txt")
_TIMED = re.compile(r"^([0-9.]+)s (?:call|setup) +(tests/\S+?)::(\S+?)(\[.*)?$")


def listed(text: str) -> dict[str, bool]:
    """Return test → whether its first variant stays in `make test`."""
    found = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, star = line.partition(" ")
            found[name] = star.strip() == "*"
    return found


def mark(items: Iterable[pytest.Item], root: Path) -> None:
    """Mark what the list names."""
    names = listed(LIST.read_text(encoding="utf-8"))
    kept: set[str] = set()
    for item in items:
        path = item.path.relative_to(root).as_posix()
        name = f"{path}::{getattr(item, 'originalname', item.name)}"
        if name not in names:
            continue
        if names[name] and name not in kept:
            kept.add(name)
            continue
        item.add_marker(pytest.mark.thorough)


def slow(log: str, seconds: float) -> list[str]:
    """Return the lines of the list for a run's durations."""
    total: dict[str, float] = defaultdict(float)
    variants: dict[str, set[str]] = defaultdict(set)
    for line in log.splitlines():
        if found := _TIMED.match(line):
            name = f"{found[2]}::{found[3]}"
            total[name] += float(found[1])
            variants[name].add(found[4] or "")
    return sorted(
        name + (" *" if len(variants[name]) > 1 else "")
        for name, taken in total.items()
        if taken >= seconds
    )


if __name__ == "__main__":
    least = float(sys.argv[2]) if len(sys.argv) > 2 else 2.0
    text = Path(sys.argv[1]).read_text(encoding="utf-8", errors="replace")
    sys.stdout.write("\n".join(slow(text, least)) + "\n")
