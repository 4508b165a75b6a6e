"""Keeps VINs from SQS, filled by vindrop, by SNS or by EventBridge: python sqs.py queue-url vins.db."""

import sys

import boto3
from vins_in_force import VinsInForce

queue, path = sys.argv[1:]
sqs = boto3.client("sqs")
vins = VinsInForce(path)
while True:
    answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=10)
    for message in answer.get("Messages", []):
        if found := vins.take(message["Body"], f"message {message['MessageId']}"):
            print(*found, flush=True)
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
