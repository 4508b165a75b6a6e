"""Follows a file of records, as `tail -f` would: python lines_of_json.py out.jsonl vins.db."""

import sys
import time
from pathlib import Path

from vins_in_force import VinsInForce

path, kept = sys.argv[1:]
vins = VinsInForce(kept)
lines = taken = 0
size = SIZE = 1 << 20
while True:
    with Path(path).open("rb", buffering=0) as file:
        file.seek(taken)
        part = file.read(size)
    # The rest is being written; or a crash cut it short, and a line of its own comes in its place. So
    # it is read again from where it begins: one line is never made of two readings.
    *whole, _ = part.split(b"\n")
    for line in whole:
        lines, taken = lines + 1, taken + len(line) + 1
        if found := vins.take(line, f"line {lines}"):
            print(*found, flush=True)
    if len(part) < size:
        time.sleep(1)
    size = SIZE if whole else min(2 * size, 1 << 30)
