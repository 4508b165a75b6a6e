"""Reads VINs from a RabbitMQ queue: python rabbitmq.py amqp://user:password@host/ queue."""

import json
import sys

import pika
from in_force import Vins

url, queue = sys.argv[1:]
channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
channel.basic_qos(prefetch_count=10)
vins = Vins()  # yours: a table in your own database
for method, properties, body in channel.consume(queue):
    event = json.loads(body)
    data = event.get("data", event)  # structured, or binary: the body is the data alone
    if now := vins.take(properties.message_id, data):
        print(*now, flush=True)
    channel.basic_ack(method.delivery_tag)  # after the work, never before
