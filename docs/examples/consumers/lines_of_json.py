"""Follows a file of records, as `tail -f` would: python lines_of_json.py out.jsonl vins.db."""

import json
import sys
import time
from pathlib import Path

from vins_in_force import VinsInForce

path, kept = sys.argv[1:]
vins = VinsInForce(kept)
with Path(path).open(encoding="utf-8") as file:
    rest = ""
    while True:
        rest += file.readline()
        if not rest.endswith("\n"):  # the end, or a line that is being written
            time.sleep(1)
            continue
        event, rest = json.loads(rest), ""
        if found := vins.take(event):
            print(*found, flush=True)
