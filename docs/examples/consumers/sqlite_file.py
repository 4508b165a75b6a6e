"""Keeps the VINs of a SQLite file as they come and change: python sqlite_file.py vindrop.db vins.db."""

import sqlite3
import sys
import time
from pathlib import Path

CHANGED = """
SELECT r.id, r.made_at, r.review_sequence, CASE WHEN r.reviewed_by IS NULL THEN r.vin ELSE r.reviewed_vin END,
CASE WHEN r.reviewed_by IS NULL THEN r.verdict ELSE 'reviewed' END, r.object_key, m.vin, m.verdict
FROM theirs.vindrop_readings r LEFT JOIN my_vins m ON m.id = r.id
WHERE m.id IS NULL OR m.made_at <> r.made_at OR m.review_sequence <> r.review_sequence
ORDER BY r.made_at LIMIT 100"""
TAKEN_BACK = """
SELECT id, object_key FROM my_vins m
WHERE NOT EXISTS (SELECT 1 FROM theirs.vindrop_readings r WHERE r.id = m.id)"""

path, own = sys.argv[1:]
connection = sqlite3.connect(Path(own).resolve().as_uri(), uri=True, isolation_level=None)
connection.execute("ATTACH ? AS theirs", [Path(path).resolve().as_uri() + "?mode=ro"])
connection.execute(
    "CREATE TABLE IF NOT EXISTS my_vins (id TEXT PRIMARY KEY, made_at TEXT, review_sequence INTEGER, "
    "vin TEXT, verdict TEXT, object_key TEXT)"
)
while True:
    rows = connection.execute(CHANGED).fetchall()
    for *row, vin, verdict in rows:
        if (row[3], row[4]) != (vin, verdict):  # what is in force has changed
            print(row[3] or "none", row[4], row[5], flush=True)
        connection.execute("REPLACE INTO my_vins VALUES (?, ?, ?, ?, ?, ?)", row)
    for identity, key in connection.execute(TAKEN_BACK).fetchall():  # a person undid the VIN
        print("none", "undone", key, flush=True)
        connection.execute("DELETE FROM my_vins WHERE id = ?", [identity])
    if not rows:
        time.sleep(1)
