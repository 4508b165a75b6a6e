"""Keeps VINs from a Redis stream: python redis_stream.py redis://:password@host/0 stream group vins.db."""

import sys

import redis
from vins_in_force import VinsInForce

url, stream, group, path = sys.argv[1:]
client = redis.Redis.from_url(url)
try:
    client.xgroup_create(stream, group, id="0", mkstream=True)
except redis.ResponseError as error:
    if "BUSYGROUP" not in str(error):
        raise
vins = VinsInForce(path)
start = "0"  # first what this consumer had and did not acknowledge, then what is new
while True:
    for _, entries in client.xreadgroup(group, "one", {stream: start}, count=10, block=1000) or []:
        start = start if entries else ">"
        for number, fields in entries:
            event = (fields or {}).get(b"event")  # no fields: the stream was trimmed meanwhile
            if found := vins.take(event, f"entry {number.decode()}"):
                print(*found, flush=True)
            client.xack(stream, group, number)
