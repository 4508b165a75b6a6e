"""Reads the VINs in force from MySQL or MariaDB: python mysql_table.py host port user password name."""

import sys
import time

import pymysql

host, port, user, password, name = sys.argv[1:]
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
connection = pymysql.connect(
    host=host, port=int(port), user=user, password=password, database=name, autocommit=True
)
cursor = connection.cursor()
cursor.execute(
    "CREATE TABLE IF NOT EXISTS vins_taken (PRIMARY KEY (id)) "
    "SELECT id, object_key, vin, verdict FROM vindrop_readings LIMIT 0"
)
while True:
    cursor.execute(CHANGED)
    rows = cursor.fetchall()
    for identity, key, vin, verdict in rows:
        print(vin, verdict, key, flush=True)
        cursor.execute(
            "REPLACE INTO vins_taken VALUES (%s, %s, %s, %s)", [identity, key, vin, verdict]
        )
    cursor.execute(UNDONE)
    for identity, key in cursor.fetchall():
        print("-", "undone", key, flush=True)
        cursor.execute("DELETE FROM vins_taken WHERE id = %s", [identity])
    if not rows:
        time.sleep(1)
