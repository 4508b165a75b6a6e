"""Follows a file of records, as `tail -f` would: python lines_of_json.py out.jsonl."""

import json
import sys
import time
from pathlib import Path

(path,) = sys.argv[1:]
with Path(path).open(encoding="utf-8") as file:
    rest = ""
    while True:
        rest += file.readline()
        if not rest.endswith("\n"):  # the end, or a line that is being written
            time.sleep(1)
            continue
        event, rest = json.loads(rest), ""
        if event["type"] == "vindrop.reading.v1":
            data = event["data"]
            print(data["vin"], data["verdict"], data["upload"]["key"], flush=True)
