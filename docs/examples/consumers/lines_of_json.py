"""Follows a file of records, as `tail -f` would: python lines_of_json.py out.jsonl."""

import json
import sys
import time
from pathlib import Path

from in_force import Vins

(path,) = sys.argv[1:]
vins = Vins()  # yours: a table in your own database
with Path(path).open(encoding="utf-8") as file:
    rest = ""
    while True:
        rest += file.readline()
        if not rest.endswith("\n"):  # the end, or a line that is being written
            time.sleep(1)
            continue
        event, rest = json.loads(rest), ""
        # A line that takes a record back has no data: the review beside it says what stands.
        if now := vins.take(event["id"], event.get("data", {})):
            print(*now, flush=True)
