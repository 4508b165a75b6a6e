"""Reads VINs from Kafka or CKafka, structured or binary: python kafka.py host:9092 topic group."""

import json
import sys

from confluent_kafka import Consumer
from in_force import Vins

servers, topic, group = sys.argv[1:]
consumer = Consumer(
    {
        "bootstrap.servers": servers,  # CKafka: and security.protocol, sasl.* as in the producer's URL
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    }
)
consumer.subscribe([topic])
vins = Vins()  # yours: a table in your own database
while True:
    message = consumer.poll(1.0)
    if message is None or message.error():
        continue
    headers = dict(message.headers())
    event = json.loads(message.value())
    binary = "ce_id" in headers
    data, identity = (event, headers["ce_id"].decode()) if binary else (event["data"], event["id"])
    if now := vins.take(identity, data):
        print(*now, flush=True)
    consumer.commit(message=message)
