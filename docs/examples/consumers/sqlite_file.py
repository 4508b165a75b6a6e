"""Reads VINs from a SQLite file as they come: python sqlite_file.py vindrop.db."""

import sqlite3
import sys
import time

(path,) = sys.argv[1:]
at = ("", "")  # yours: keep it somewhere, and go on from there
with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
    while True:
        rows = connection.execute(
            "SELECT made_at, id, vin, verdict, object_key FROM vindrop_readings "
            "WHERE (made_at, id) > (?, ?) ORDER BY made_at, id LIMIT 100",
            at,
        ).fetchall()
        for made_at, identity, vin, verdict, key in rows:
            print(vin, verdict, key, flush=True)
            at = (made_at, identity)
        if not rows:
            time.sleep(1)
