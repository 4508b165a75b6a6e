"""Keeps VINs from PostgreSQL as they come and change: python postgresql_table.py postgresql://user:password@host/name."""

import sys
import time

import psycopg

CHANGED = """
SELECT r.id, r.made_at, r.review_sequence, CASE WHEN r.reviewed_by IS NULL THEN r.vin ELSE r.reviewed_vin END,
CASE WHEN r.reviewed_by IS NULL THEN r.verdict ELSE 'reviewed' END, r.object_key, m.vin, m.verdict
FROM vindrop_readings r LEFT JOIN my_vins m ON m.id = r.id
WHERE m.id IS NULL OR m.made_at <> r.made_at OR m.review_sequence <> r.review_sequence
ORDER BY r.made_at LIMIT 100"""
KEEP = """
INSERT INTO my_vins VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET made_at = excluded.made_at,
review_sequence = excluded.review_sequence, vin = excluded.vin, verdict = excluded.verdict"""
TAKEN_BACK = """
DELETE FROM my_vins WHERE NOT EXISTS (SELECT 1 FROM vindrop_readings r WHERE r.id = my_vins.id)
RETURNING object_key"""

(url,) = sys.argv[1:]
with psycopg.connect(url, autocommit=True) as connection:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS my_vins (id VARCHAR(64) PRIMARY KEY, made_at VARCHAR(40), "
        "review_sequence INTEGER, vin CHAR(17), verdict VARCHAR(16), object_key TEXT)"
    )
    while True:
        rows = connection.execute(CHANGED).fetchall()
        for *row, vin, verdict in rows:
            if (row[3], row[4]) != (vin, verdict):  # what is in force has changed
                print(row[3] or "none", row[4], row[5], flush=True)
            connection.execute(KEEP, row)
        for (key,) in connection.execute(TAKEN_BACK).fetchall():  # a person undid the VIN
            print("none", "undone", key, flush=True)
        if not rows:
            time.sleep(1)
