"""Follows a file of records, as `tail -f` would: python lines_of_json.py out.jsonl vins.db."""

import sys
import time
from pathlib import Path

from vins_in_force import VinsInForce

path, kept = sys.argv[1:]
vins = VinsInForce(kept)
lines = taken = 0
while True:
    with Path(path).open("rb") as file:
        file.seek(taken)
        for line in file:
            if not line.endswith(b"\n"):  # is being written; one that a crash cut short goes again
                break
            lines, taken = lines + 1, taken + len(line)
            if found := vins.take(line, f"line {lines}"):
                print(*found, flush=True)
    time.sleep(1)
