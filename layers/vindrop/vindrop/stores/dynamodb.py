"""DynamoDB: conditional writes on a few tables, made when first missed.

``dynamodb://region/prefix`` (or ``dynamodb:///prefix`` in the function's own region): tables
``prefix_uploads`` (ledger, circuit breaker and rate limiter), ``prefix_readings`` and ``prefix_dead_letters``.

DynamoDB has no clock that a condition could ask, so moments are the caller's. Clocks of Lambda are
kept within milliseconds of each other; one that is wrong by more than `SKEW` is corrected by the
``Date`` of DynamoDB's own answers, refusals included, before it is first asked for a moment. A lease
may be off by up to that, which its margin covers.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import itertools
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from vindrop.clouds import aws_api
from vindrop.core.store_errors import StoreSettingError
from vindrop.stores.dynamodb_batches import DynamoDBBatches, plain, typed
from vindrop.stores.dynamodb_tables import BY_PLACE, BY_STATE, add_index, make, tables, wait_for

SKEW: Final = 2.0
"""Seconds. ``Date`` is in whole seconds and travels: a smaller difference says nothing."""
DEFAULT_PREFIX: Final = "vindrop"
_NO_INDEX: Final = frozenset(
    {"ValidationException", "AccessDeniedException", "ResourceNotFoundException"}
)
"""Codes of a query on an index that is not there, or that the function may not ask."""

Value = str | int | float
Item = dict[str, Value]

_NAMES: Final = re.compile(r"#(\w+)")
_PREFIX: Final = re.compile(r"[A-Za-z0-9_.-]{1,200}")


@dataclass(frozen=True, slots=True)
class Refused:
    """A condition did not hold."""

    item: Item | None
    """What is there instead; None where nothing is."""


class DynamoDB(DynamoDBBatches):
    """The tables of one prefix; safe to share between threads."""

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        where = aws_api.place(_with_prefix(url), "dynamodb")
        if where.account or not _PREFIX.fullmatch(where.name):
            raise StoreSettingError(
                "dynamodb://… names the beginning of its tables' names: write dynamodb://region/vindrop"
            )
        self._tables = tables(where.name)
        self._client = aws_api.Client("dynamodb", where, environment)
        self._offset: float | None = None
        """Seconds that this machine's clock is behind; None: not known yet."""

    def now(self) -> float:
        """Seconds since 1970, by DynamoDB's clock where this machine's is wrong.

        :raises StoreError: the time was asked for the first time, and DynamoDB is out of reach.
        """
        if self._offset is None:
            self.get("uploads", "clock")  # any answer tells the time
        return time.time() + (self._offset or 0.0)

    def get(self, table: str, key: str) -> Item | None:
        """Return the item as it stands now."""
        answer = self.call(table, "get_item", Key={"id": {"S": key}}, ConsistentRead=True)
        return _item(answer.get("Item"))

    def put_new(self, table: str, item: Mapping[str, Value | None]) -> Refused | None:
        """Write ``item`` if none of its id is there."""
        return self.put_if(table, item, "attribute_not_exists(#id)")

    def put_if(
        self, table: str, item: Mapping[str, Value | None], where: str, **values: Value
    ) -> Refused | None:
        """Write the whole item where the condition holds."""
        marshalled = {name: typed(v) for name, v in item.items() if v is not None}
        return self._conditional(table, "put_item", where, "", values, Item=marshalled)[0]

    def update(
        self, table: str, key: str, change: str, where: str, **values: Value
    ) -> tuple[Refused | None, Item]:
        """Change one item where the condition holds.

        :param change: an UpdateExpression with attributes as ``#name`` and values as ``:name``.
        :returns: why not, or None; and the item as it was before.
        """
        return self._conditional(
            table,
            "update_item",
            where,
            change,
            values,
            Key={"id": {"S": key}},
            UpdateExpression=change,
            ReturnValues="ALL_OLD",
        )

    def delete(self, table: str, key: str, where: str = "", **values: Value) -> bool:
        """Delete one item where the condition holds; whether there was one."""
        if not where:
            answer = self.call(table, "delete_item", Key={"id": {"S": key}}, ReturnValues="ALL_OLD")
            return bool(answer.get("Attributes"))
        refused, _ = self._conditional(
            table, "delete_item", where, "", values, Key={"id": {"S": key}}
        )
        return refused is None

    def by_state(
        self,
        state: str,
        *,
        since: float | None = None,
        until: float | None = None,
        limit: int | None = None,
    ) -> Iterator[Item]:
        """Yield uploads in ``state`` (id, due_at, upload, first_seen), earliest due first.

        :param since: due after this moment; or ``until``: due at that moment or before.
        """
        values: dict[str, Any] = {":state": {"S": state}}
        condition = "#state = :state"
        names = {"#state": "state"}
        if until is not None:
            values[":until"] = typed(until)
            condition += " AND #due_at <= :until"
            names["#due_at"] = "due_at"
        elif since is not None:
            values[":since"] = typed(since)
            condition += " AND #due_at > :since"
            names["#due_at"] = "due_at"
        found = self.pages(
            "uploads",
            "query",
            IndexName=BY_STATE,
            KeyConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            **({"Limit": limit} if limit else {}),
        )
        yield from itertools.islice(_items(found), limit)

    def by_place(self, place: str) -> list[Item] | None:
        """Return the uploads of one place (id, upload, first_seen); None where there is no index."""
        try:
            return list(
                _items(
                    self.pages(
                        "uploads",
                        "query",
                        IndexName=BY_PLACE,
                        KeyConditionExpression="#place = :place",
                        ExpressionAttributeNames={"#place": "place"},
                        ExpressionAttributeValues={":place": {"S": place}},
                    )
                )
            )
        except aws_api.AWSError as error:
            if error.code not in _NO_INDEX:
                raise
            return None

    def add_index(self, table: str, index: str, *, wait: bool = True) -> None:
        """Add an index to a table of an earlier version, if it lacks it.

        :param wait: return only once it serves.

        :raises StoreError: it may not be added, or is not ready yet.
        """
        self.call(table, "describe_table")  # makes the table where it is missing
        add_index(self._client, self._tables[table], index)
        if wait:
            wait_for(self._client, self._tables[table]["TableName"])

    def count(self, state: str) -> int:
        """Return how many uploads are in ``state``."""
        pages = self.pages(
            "uploads",
            "query",
            IndexName=BY_STATE,
            Select="COUNT",
            KeyConditionExpression="#state = :state",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={":state": {"S": state}},
        )
        return sum(int(page.get("Count", 0)) for page in pages)

    def scan(self, table: str, where: str = "") -> Iterator[Item]:
        """Yield every item for which ``where`` holds, in no order: for people, not for functions."""
        condition: dict[str, object] = {}
        if where:
            condition["FilterExpression"] = where
            condition["ExpressionAttributeNames"] = _names(where)
        yield from _items(self.pages(table, "scan", ConsistentRead=True, **condition))

    def pages(self, table: str, operation: str, **parameters: object) -> Iterator[dict[str, Any]]:
        """Yield the answers of a query or scan, page after page."""
        while True:
            page = self.call(table, operation, **parameters)
            yield page
            if not page.get("LastEvaluatedKey"):
                return
            parameters["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _conditional(
        self,
        table: str,
        operation: str,
        where: str,
        change: str,
        values: Mapping[str, Value],
        **parameters: object,
    ) -> tuple[Refused | None, Item]:
        names = _names(f"{where} {change}")
        if values:
            parameters["ExpressionAttributeValues"] = {f":{k}": typed(v) for k, v in values.items()}
        try:
            answer = self.call(
                table,
                operation,
                ConditionExpression=where,
                ExpressionAttributeNames=names,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **parameters,
            )
        except aws_api.AWSError as error:
            if error.code != "ConditionalCheckFailedException":
                raise
            return Refused(_item(error.response.get("Item"))), {}
        return None, _item(answer.get("Attributes")) or {}

    def call(self, table: str, operation: str, **parameters: object) -> dict[str, Any]:
        """Make one call on a table, which is made first where it is missing.

        :raises StoreError: it was refused, or DynamoDB is out of reach.
        """
        definition = self._tables[table]
        name = definition["TableName"]
        try:
            answer = self._client.call(operation, TableName=name, **parameters)
        except aws_api.AWSError as error:
            self._learn(error.response)
            if error.code != "ResourceNotFoundException":
                raise
            self._make(definition)
            answer = self._client.call(operation, TableName=name, **parameters)
        self._learn(answer)
        return answer

    def _make(self, definition: dict[str, Any]) -> None:
        """Make a table that is missing; `vindrop doctor`, which changes nothing, says so instead."""
        make(self._client, definition)

    def _learn(self, answer: Mapping[str, Any]) -> None:
        told = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
        moment = _moment(told) if told else None
        if moment is not None:
            difference = moment + 0.5 - time.time()
            self._offset = difference if abs(difference) > SKEW else 0.0
        elif self._offset is None:
            self._offset = 0.0  # nobody says otherwise


def _moment(told: str) -> float | None:
    """Return the Unix time of a ``Date``, or None: it makes no sense."""
    try:
        found = email.utils.parsedate_to_datetime(told)
    except (ValueError, OverflowError):
        return None
    # One of asctime's form names no zone, and means UTC as the others do (RFC 9110, 5.6.7).
    return (found if found.tzinfo else found.replace(tzinfo=dt.timezone.utc)).timestamp()


_open: dict[str, DynamoDB] = {}
_lock = threading.Lock()


def open_dynamodb(url: str, environment: Mapping[str, str]) -> DynamoDB:
    """Return the tables that ``url`` names; the same object for the same URL and environment.

    :raises StoreSettingError: the URL is wrong or botocore is not installed.
    """
    key = f"{url} {id(environment)}"
    with _lock:
        if key not in _open:
            _open[key] = DynamoDB(url, environment)
        return _open[key]


def _with_prefix(url: str) -> str:
    scheme, _, rest = url.partition("://")
    address, mark, query = rest.partition("?")
    if not address.partition("/")[2].strip("/"):
        address = f"{address.rstrip('/')}/{DEFAULT_PREFIX}"
    return f"{scheme}://{address}{mark}{query}"


def _names(expression: str) -> dict[str, str]:
    return {f"#{name}": name for name in _NAMES.findall(expression)}


def _items(pages: Iterator[dict[str, Any]]) -> Iterator[Item]:
    for page in pages:
        for found in page.get("Items", []):
            item = _item(found)
            if item is not None:
                yield item


def _item(found: Mapping[str, Mapping[str, str]] | None) -> Item | None:
    return plain(found) if found else None
