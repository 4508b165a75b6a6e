"""What a test has held is gone with it (tests/memory.py): a worker does not grow by all it has run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CODE = """
import gc, threading
from tests import memory

class Held:
    # In a cycle, which only the collector frees; in pieces, and from a thread's own arena.
    def __init__(self):
        self.itself = self
        self.parts = []
    def take(self):
        self.parts += [bytes([n % 251]) * 50_000 for n in range(4_000)]

gc.disable()
before = memory.resident()
held = Held()
thread = threading.Thread(target=held.take)
thread.start()
thread.join()
print(memory.resident() - before)
del held
memory.give_back()
print(memory.resident() - before)
"""


def test_what_nothing_refers_to_is_given_back(root: Path) -> None:
    """In a process of its own: what this one has held already is no part of it."""
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=root, capture_output=True, text=True, check=True
    )
    held, left = map(int, done.stdout.split())
    assert held > 180_000_000
    assert left < 40_000_000
