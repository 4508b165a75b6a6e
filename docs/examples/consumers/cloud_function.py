"""A function on SCF or Lambda that is handed VINs: by CMQ, SNS, or EventBridge of either cloud.

It says what each event means. One that keeps VINs keeps both words of an upload, as vins_in_force.py
does: the newest reading, and the review with the highest sequence, which goes before the reading.
"""

import json
from collections.abc import Iterator
from typing import Any


def events(event: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (type, data) of everything that the function is handed."""
    for record in event.get("Records", ()):
        if "CMQ" in record:
            found = json.loads(record["CMQ"]["msgBody"])
        elif "Sns" in record:
            found = json.loads(record["Sns"]["Message"])
        else:
            found = json.loads(record["body"])  # SQS
        yield found["type"], found["data"]
    if "detail" in event:  # EventBridge on AWS
        yield event["detail"]["type"], event["detail"]["data"]
    elif "data" in event:  # EventBridge on Tencent Cloud
        yield event["type"], event["data"]


def main_handler(event: dict[str, Any], _context: object) -> None:
    """Handle one call."""
    for kind, data in events(event):
        key = data["upload"]["key"] if data["upload"] else ""
        if kind == "vindrop.reading.v1":
            print(data["vin"], data["verdict"], key, flush=True)
        elif kind == "vindrop.review.v1" and data["reason"] == "undone":
            print("the reading counts again", data["sequence"], key, flush=True)
        elif kind == "vindrop.review.v1":  # the VIN in force, or none
            print(data["vin"] or "none", "reviewed", data["sequence"], key, flush=True)
