"""Keeps VINs from MySQL or MariaDB as they come and change: python mysql_table.py host port user password name."""

import sys
import time

import pymysql

CHANGED = """
SELECT r.id, r.made_at, r.review_sequence, CASE WHEN r.reviewed_by IS NULL THEN r.vin ELSE r.reviewed_vin END,
CASE WHEN r.reviewed_by IS NULL THEN r.verdict ELSE 'reviewed' END, r.object_key, m.vin, m.verdict
FROM vindrop_readings r LEFT JOIN my_vins m ON m.id = r.id
WHERE m.id IS NULL OR m.made_at <> r.made_at OR m.review_sequence <> r.review_sequence
ORDER BY r.made_at LIMIT 100"""
TAKEN_BACK = """
SELECT m.id, m.object_key FROM my_vins m LEFT JOIN vindrop_readings r ON r.id = m.id WHERE r.id IS NULL"""

host, port, user, password, name = sys.argv[1:]
connection = pymysql.connect(
    host=host, port=int(port), user=user, password=password, database=name, autocommit=True
)
cursor = connection.cursor()
cursor.execute(
    "CREATE TABLE IF NOT EXISTS my_vins (id VARCHAR(64) PRIMARY KEY, made_at VARCHAR(40), "
    "review_sequence INTEGER, vin CHAR(17), verdict VARCHAR(16), object_key VARCHAR(1024)) "
    "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
)
while True:
    cursor.execute(CHANGED)
    rows = cursor.fetchall()
    for *row, vin, verdict in rows:
        if (row[3], row[4]) != (vin, verdict):  # what is in force has changed
            print(row[3] or "none", row[4], row[5], flush=True)
        cursor.execute("REPLACE INTO my_vins VALUES (%s, %s, %s, %s, %s, %s)", row)
    cursor.execute(TAKEN_BACK)
    for identity, key in cursor.fetchall():  # a person undid the VIN
        print("none", "undone", key, flush=True)
        cursor.execute("DELETE FROM my_vins WHERE id = %s", [identity])
    if not rows:
        time.sleep(1)
