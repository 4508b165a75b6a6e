"""Keeps VINs from a RabbitMQ queue: python rabbitmq.py amqp://user:password@host/ queue vins.db."""

import sys

import pika
from vins_in_force import VinsInForce

url, queue, path = sys.argv[1:]
channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
channel.basic_qos(prefetch_count=10)
vins = VinsInForce(path)
for method, properties, body in channel.consume(queue):
    if found := vins.take(body, f"delivery {method.delivery_tag}", properties.headers):
        print(*found, flush=True)
    channel.basic_ack(method.delivery_tag)  # after the work, never before
