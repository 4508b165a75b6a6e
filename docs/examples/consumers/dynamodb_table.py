"""Reads the VINs in force from DynamoDB: python dynamodb_table.py vindrop_readings. (For a flow: a stream and a function.)"""

import sys

import boto3

(table,) = sys.argv[1:]
pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=table)
for page in pages:
    for item in page["Items"]:
        text = {name: value["S"] for name, value in item.items() if "S" in value}
        by_person = "reviewed_by" in text
        vin = text.get("reviewed_vin", "-") if by_person else text["vin"]
        print(vin, "reviewed" if by_person else text["verdict"], text["object_key"], flush=True)
