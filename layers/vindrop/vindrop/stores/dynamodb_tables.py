"""The tables of DynamoDB and their indexes, as CreateTable and CloudFormation take them."""

from __future__ import annotations

from typing import Any, Final

BY_STATE: Final = "by_state"
BY_PLACE: Final = "by_place"
_SHOWN: Final = {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["upload", "first_seen"]}


def tables(prefix: str) -> dict[str, dict[str, Any]]:
    """Return table → its definition."""
    made: dict[str, dict[str, Any]] = {}
    for name in ("uploads", "readings", "dead_letters"):
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
    return made


def adding(definition: dict[str, Any], index: str) -> dict[str, Any]:
    """Return what UpdateTable takes to add ``index`` to a table of an earlier version."""
    (wanted,) = (
        each for each in definition["GlobalSecondaryIndexes"] if each["IndexName"] == index
    )
    return {
        "TableName": definition["TableName"],
        "AttributeDefinitions": definition["AttributeDefinitions"],
        "GlobalSecondaryIndexUpdates": [{"Create": wanted}],
    }
