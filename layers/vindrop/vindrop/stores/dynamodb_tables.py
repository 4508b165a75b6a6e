"""The tables of DynamoDB and their indexes, as CreateTable and CloudFormation take them."""

from __future__ import annotations

import time
from typing import Any, Final

from vindrop.clouds.aws_api import AWSError, Client
from vindrop.core.store_errors import StoreError

MAKING_SECONDS: Final = 60.0
BY_STATE: Final = "by_state"
BY_PLACE: Final = "by_place"
CONSOLE: Final = "console"
CONSOLE_INDEXES: Final = {
    "by_day": ("day", "first_seen"),
    "by_outcome": ("outcome", "first_seen"),
    "by_maker": ("maker", "first_seen"),
    "by_queue": ("queue", "first_seen"),
    "by_vin": ("vin_head", "vin"),
    "by_vin_end": ("vin_end", "vin_backwards"),
    "by_photo": ("photo_head", "photo"),
    "by_key": ("key_head", "object_key"),
    "by_reference": ("reference_head", "reference"),
}
"""Index of the console's table → partition and order. A table of its own: an index can be added to
an existing table one at a time only, and CloudFormation refuses an update that adds two."""
_SHOWN: Final = {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["upload", "first_seen"]}


def tables(prefix: str) -> dict[str, dict[str, Any]]:
    """Return table → its definition."""
    made: dict[str, dict[str, Any]] = {}
    for name in ("uploads", "readings", "dead_letters", CONSOLE):
        made[name] = {
            "TableName": f"{prefix}_{name}",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        }
    uploads = made["uploads"]
    uploads["AttributeDefinitions"] += [
        {"AttributeName": "state", "AttributeType": "S"},
        {"AttributeName": "due_at", "AttributeType": "N"},
        {"AttributeName": "place", "AttributeType": "S"},
    ]
    uploads["GlobalSecondaryIndexes"] = [
        {
            "IndexName": BY_STATE,
            "KeySchema": [
                {"AttributeName": "state", "KeyType": "HASH"},
                {"AttributeName": "due_at", "KeyType": "RANGE"},
            ],
            "Projection": _SHOWN,
        },
        {
            "IndexName": BY_PLACE,
            "KeySchema": [{"AttributeName": "place", "KeyType": "HASH"}],
            "Projection": _SHOWN,
        },
    ]
    made[CONSOLE]["AttributeDefinitions"] += [
        {"AttributeName": name, "AttributeType": "N" if name == "first_seen" else "S"}
        for name in dict.fromkeys(name for keys in CONSOLE_INDEXES.values() for name in keys)
    ]
    made[CONSOLE]["GlobalSecondaryIndexes"] = [
        {
            "IndexName": index,
            "KeySchema": [
                {"AttributeName": partition, "KeyType": "HASH"},
                {"AttributeName": order, "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
        for index, (partition, order) in CONSOLE_INDEXES.items()
    ]
    return made


def make(client: Client, definition: dict[str, Any]) -> None:
    """Make a table, and return once it serves.

    :raises StoreError: it may not be made, or is not ready yet.
    """
    name = definition["TableName"]
    try:
        client.call("create_table", **definition)
    except AWSError as error:
        if error.code != "ResourceInUseException":  # another made it at the same moment
            raise StoreError(
                f"the table {name} is missing and cannot be made here ({error.code}): make it with "
                "what `vindrop schema dynamodb` prints"
            ) from None
    wait_for(client, name)


def add_index(client: Client, definition: dict[str, Any], index: str) -> None:
    """Begin to add ``index`` to a table of an earlier version, if it lacks it.

    :raises StoreError: it may not be added.
    """
    name = definition["TableName"]
    found = client.call("describe_table", TableName=name)["Table"]
    if index in (each["IndexName"] for each in found.get("GlobalSecondaryIndexes", [])):
        return
    (wanted,) = (
        each for each in definition["GlobalSecondaryIndexes"] if each["IndexName"] == index
    )
    try:
        client.call(
            "update_table",
            TableName=name,
            AttributeDefinitions=definition["AttributeDefinitions"],
            GlobalSecondaryIndexUpdates=[{"Create": wanted}],
        )
    except AWSError as error:
        if error.code not in {"ResourceInUseException", "LimitExceededException"}:
            raise StoreError(
                f"the table {name} has no index {index}, and it cannot be added here ({error.code}): "
                "add it as `vindrop schema dynamodb` prints it"
            ) from None


def wait_for(client: Client, name: str) -> None:
    """Return once the table and all of its indexes serve.

    :raises StoreError: not within `MAKING_SECONDS`.
    """
    deadline = time.monotonic() + MAKING_SECONDS
    while time.monotonic() < deadline:
        found = client.call("describe_table", TableName=name)["Table"]
        indexes = found.get("GlobalSecondaryIndexes", [])
        if all(part.get("IndexStatus", "ACTIVE") == "ACTIVE" for part in indexes) and (
            found["TableStatus"] == "ACTIVE"
        ):
            return
        time.sleep(0.5)
    raise StoreError(
        f"the table {name} or one of its indexes is still being made: try again in a minute"
    )
