"""Keeps VINs from a RabbitMQ queue: python rabbitmq.py amqp://user:password@host/ queue vins.db."""

import json
import sys

import pika
from vins_in_force import VinsInForce

url, queue, path = sys.argv[1:]
channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
channel.basic_qos(prefetch_count=10)
vins = VinsInForce(path)
for method, properties, body in channel.consume(queue):
    event, headers = json.loads(body), properties.headers
    if "cloudEvents:id" in headers:  # binary: the body is the data alone
        names = ("id", "type", "time")
        event = {**{name: headers[f"cloudEvents:{name}"] for name in names}, "data": event}
    if found := vins.take(event):
        print(*found, flush=True)
    channel.basic_ack(method.delivery_tag)  # after the work, never before
