"""Reads the VINs in force from PostgreSQL: python postgresql_table.py postgresql://user:password@host/name."""

import sys
import time

import psycopg

(url,) = sys.argv[1:]
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
    "DELETE FROM vins_taken t WHERE NOT EXISTS (SELECT 1 FROM vindrop_readings r WHERE r.id = t.id) "
    "RETURNING object_key"
)
TAKE = (
    "INSERT INTO vins_taken VALUES (%s, %s, %s, %s) "
    "ON CONFLICT (id) DO UPDATE SET vin = excluded.vin, verdict = excluded.verdict"
)
with psycopg.connect(url, autocommit=True) as connection:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS vins_taken (id VARCHAR(64) PRIMARY KEY, object_key TEXT, vin TEXT, "
        "verdict TEXT)"
    )
    while True:
        rows = connection.execute(CHANGED).fetchall()
        for identity, key, vin, verdict in rows:
            print(vin, verdict, key, flush=True)
            connection.execute(TAKE, [identity, key, vin, verdict])
        for (key,) in connection.execute(UNDONE).fetchall():
            print("-", "undone", key, flush=True)
        if not rows:
            time.sleep(1)
