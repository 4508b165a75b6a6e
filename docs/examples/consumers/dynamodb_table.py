"""Reads the VINs in force from DynamoDB: python dynamodb_table.py vindrop_readings. (For a flow: a stream and a function.)"""

import sys

import boto3

(table,) = sys.argv[1:]
none = {"S": "none"}
pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=table)
for page in pages:
    for item in page["Items"]:
        vin, verdict = item["vin"]["S"], item["verdict"]["S"]
        if "reviewed_by" in item:  # a person's word, which may be that there is no VIN
            vin, verdict = item.get("reviewed_vin", none)["S"], "reviewed"
        print(vin, verdict, item["object_key"]["S"], flush=True)
