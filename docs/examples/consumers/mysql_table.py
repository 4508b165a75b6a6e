"""Reads VINs from MySQL or MariaDB, each once: python mysql_table.py host port user password name."""

import sys
import time

import pymysql

host, port, user, password, name = sys.argv[1:]
connection = pymysql.connect(
    host=host, port=int(port), user=user, password=password, database=name, autocommit=True
)
cursor = connection.cursor()
cursor.execute("CREATE TABLE IF NOT EXISTS vins_done (id VARCHAR(64) PRIMARY KEY)")
while True:
    cursor.execute(
        "SELECT id, vin, verdict, object_key FROM vindrop_readings "
        "WHERE id NOT IN (SELECT id FROM vins_done) ORDER BY made_at LIMIT 100"
    )
    rows = cursor.fetchall()
    for identity, vin, verdict, key in rows:
        print(vin, verdict, key, flush=True)
        cursor.execute("INSERT INTO vins_done VALUES (%s)", [identity])
    if not rows:
        time.sleep(1)
