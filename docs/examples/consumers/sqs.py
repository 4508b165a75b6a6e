"""Reads VINs from SQS, filled by vindrop, by SNS (raw delivery) or by EventBridge: python sqs.py queue-url."""

import json
import sys

import boto3

(queue,) = sys.argv[1:]
sqs = boto3.client("sqs")
seen: set[str] = set()  # yours: a unique key in your own database
while True:
    answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=10)
    for message in answer.get("Messages", []):
        event = json.loads(message["Body"])
        event = event.get("detail", event)  # EventBridge wraps it
        if event["type"] == "vindrop.reading.v1" and event["id"] not in seen:
            data = event["data"]
            print(data["vin"], data["verdict"], data["upload"]["key"], flush=True)
            seen.add(event["id"])
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
