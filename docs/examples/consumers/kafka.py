"""Keeps VINs from Kafka or CKafka, structured or binary: python kafka.py host:9092 topic group vins.db."""

import json
import sys

from confluent_kafka import Consumer
from vins_in_force import VinsInForce

servers, topic, group, path = sys.argv[1:]
consumer = Consumer(
    {
        "bootstrap.servers": servers,  # CKafka: and security.protocol, sasl.* as in the producer's URL
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    }
)
consumer.subscribe([topic])
vins = VinsInForce(path)
while True:
    message = consumer.poll(1.0)
    if message is None or message.error():
        continue
    headers = {name: value.decode() for name, value in message.headers()}
    event = json.loads(message.value())
    if "ce_id" in headers:  # binary: the body is the data alone
        event = {**{name: headers[f"ce_{name}"] for name in ("id", "type", "time")}, "data": event}
    if found := vins.take(event):
        print(*found, flush=True)
    consumer.commit(message=message)
