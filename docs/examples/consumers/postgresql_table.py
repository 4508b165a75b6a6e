"""Reads VINs from PostgreSQL, each once: python postgresql_table.py postgresql://user:password@host/name."""

import sys
import time

import psycopg

(url,) = sys.argv[1:]
with psycopg.connect(url, autocommit=True) as connection:
    connection.execute("CREATE TABLE IF NOT EXISTS vins_done (id VARCHAR(64) PRIMARY KEY)")
    while True:
        rows = connection.execute(
            "SELECT id, vin, verdict, object_key FROM vindrop_readings r WHERE NOT EXISTS "
            "(SELECT 1 FROM vins_done d WHERE d.id = r.id) ORDER BY made_at LIMIT 100"
        ).fetchall()
        for identity, vin, verdict, key in rows:
            print(vin, verdict, key, flush=True)
            connection.execute("INSERT INTO vins_done VALUES (%s)", [identity])
        if not rows:
            time.sleep(1)
