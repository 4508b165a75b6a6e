"""Reads the VINs in force from a SQLite file as they come: python sqlite_file.py vindrop.db."""

import sqlite3
import sys
import time

(path,) = sys.argv[1:]
CHANGED = """
SELECT r.id, r.object_key, r.vin, r.verdict
FROM (
  SELECT id, object_key, made_at,
    CASE WHEN reviewed_by IS NULL THEN vin ELSE COALESCE(reviewed_vin, '-') END AS vin,
    CASE WHEN reviewed_by IS NULL THEN verdict ELSE 'reviewed' END AS verdict
  FROM vindrop_readings) r
LEFT JOIN vins_taken t ON t.id = r.id
WHERE t.id IS NULL OR t.vin <> r.vin OR t.verdict <> r.verdict ORDER BY r.made_at LIMIT 100
"""
UNDONE = (  # a person had read a dead letter, which stands again
    "SELECT t.id, t.object_key FROM vins_taken t LEFT JOIN vindrop_readings r ON r.id = t.id "
    "WHERE r.id IS NULL"
)
connection = sqlite3.connect(
    ":memory:", isolation_level=None, uri=True
)  # yours: a file of your own
connection.execute(
    "CREATE TABLE vins_taken (id TEXT PRIMARY KEY, object_key TEXT, vin TEXT, verdict TEXT)"
)
connection.execute("ATTACH ? AS vindrop", [f"file:{path}?mode=ro"])
while True:
    rows = connection.execute(CHANGED).fetchall()
    for identity, key, vin, verdict in rows:
        print(vin, verdict, key, flush=True)
        connection.execute(
            "REPLACE INTO vins_taken VALUES (?, ?, ?, ?)", [identity, key, vin, verdict]
        )
    for identity, key in connection.execute(UNDONE).fetchall():
        print("-", "undone", key, flush=True)
        connection.execute("DELETE FROM vins_taken WHERE id = ?", [identity])
    if not rows:
        time.sleep(1)
