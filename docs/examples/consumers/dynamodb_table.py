"""Reads VINs from DynamoDB: python dynamodb_table.py vindrop_readings. (For a flow: a stream and a function.)"""

import sys

import boto3

(table,) = sys.argv[1:]
pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=table)
for page in pages:
    for item in page["Items"]:
        print(item["vin"]["S"], item["verdict"]["S"], item["object_key"]["S"], flush=True)
