"""A function on SCF or Lambda that is handed VINs: by CMQ, SNS, or EventBridge of either cloud."""

import json
from collections.abc import Iterator
from typing import Any

from in_force import Vins

vins = Vins()  # yours: a table in your own database, which all instances share


def records(event: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (id, data) of everything in the event."""
    for record in event.get("Records", ()):
        if "CMQ" in record:
            found = json.loads(record["CMQ"]["msgBody"])
        elif "Sns" in record:
            found = json.loads(record["Sns"]["Message"])
        else:
            found = json.loads(record["body"])  # SQS
        yield found["id"], found["data"]
    if "detail" in event:  # EventBridge on AWS
        yield event["detail"]["id"], event["detail"]["data"]
    elif "data" in event:  # EventBridge on Tencent Cloud
        yield event["id"], event["data"]


def main_handler(event: dict[str, Any], _context: object) -> None:
    """Handle one call."""
    for identity, data in records(event):
        if now := vins.take(identity, data):
            print(*now, flush=True)
