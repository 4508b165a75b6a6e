"""Keeps VINs from Kafka or CKafka, structured or binary: python kafka.py host:9092 topic group vins.db."""

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
    headers = {
        name: (value or b"").decode(errors="replace") for name, value in message.headers() or ()
    }
    where = f"partition {message.partition()}, offset {message.offset()}"
    if found := vins.take(message.value(), where, headers):
        print(*found, flush=True)
    consumer.commit(message=message)
