"""Reads VINs from a RabbitMQ queue: python rabbitmq.py amqp://user:password@host/ queue."""

import json
import sys

import pika

url, queue = sys.argv[1:]
channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
channel.basic_qos(prefetch_count=10)
seen: set[str] = set()  # yours: a unique key in your own database
for method, properties, body in channel.consume(queue):
    event = json.loads(body)
    data = event.get("data", event)  # structured, or binary: the body is the data alone
    if "vin" in data and properties.message_id not in seen:
        print(data["vin"], data["verdict"], data["upload"]["key"], flush=True)
        seen.add(properties.message_id)
    channel.basic_ack(method.delivery_tag)  # after the work, never before
