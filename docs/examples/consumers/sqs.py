"""Reads VINs from SQS, filled by vindrop, by SNS (raw delivery) or by EventBridge: python sqs.py queue-url."""

import json
import sys

import boto3
from in_force import Vins

(queue,) = sys.argv[1:]
sqs = boto3.client("sqs")
vins = Vins()  # yours: a table in your own database
while True:
    answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=10)
    for message in answer.get("Messages", []):
        event = json.loads(message["Body"])
        event = event.get("detail", event)  # EventBridge wraps it
        if now := vins.take(event["id"], event["data"]):
            print(*now, flush=True)
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
