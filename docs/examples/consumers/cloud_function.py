"""A function on SCF or Lambda that is handed VINs: by CMQ, SNS, or EventBridge of either cloud.

It says what each event means. One that keeps VINs keeps both words of an upload, as vins_in_force.py
does: the newest reading, and the review with the highest sequence, which goes before the reading.
Put that file into its package: it tells what vindrop did not write.
"""

import json
from collections.abc import Iterator
from typing import Any

from vins_in_force import event_in


def bodies(event: dict[str, Any]) -> Iterator[str | None]:
    """Yield the messages that the function is handed."""
    for record in event.get("Records", ()):
        if "CMQ" in record:
            yield record["CMQ"]["msgBody"]
        elif "Sns" in record:
            yield record["Sns"]["Message"]
        else:
            yield record.get("body")  # SQS
    if "Records" not in event:  # EventBridge
        yield json.dumps(event)


def main_handler(event: dict[str, Any], _context: object) -> None:
    """Handle one call."""
    for number, body in enumerate(bodies(event), 1):
        found = event_in(body, f"message {number}", named=False)
        if found is None:
            continue
        data = found["data"]
        key = data["upload"]["key"]
        if found["type"] == "vindrop.reading.v1":
            print(data["vin"], data["verdict"], key, flush=True)
        elif data["reason"] == "undone":
            print("the reading counts again", data["sequence"], key, flush=True)
        else:  # the VIN in force, or none
            print(data["vin"] or "none", "reviewed", data["sequence"], key, flush=True)
