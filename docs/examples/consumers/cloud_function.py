"""A function on SCF or Lambda that is handed VINs: by CMQ, SNS, or EventBridge of either cloud."""

import json
from collections.abc import Iterator
from typing import Any


def records(event: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (type, data) of everything in the event."""
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
    for kind, data in records(event):
        if kind == "vindrop.reading.v1":
            print(data["vin"], data["verdict"], data["upload"]["key"], flush=True)
