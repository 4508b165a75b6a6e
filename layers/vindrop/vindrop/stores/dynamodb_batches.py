"""DynamoDB for people: many items at once, pages of an index, two writes that succeed together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from vindrop.clouds.aws_api import AWSError, Client
from vindrop.core.store_errors import StoreError

_AT_ONCE: Final = 100
"""Keys that one BatchGetItem takes."""
_TRIES: Final = 6
Item = dict[str, str | int | float]


class DynamoDBBatches:
    """The part of `vindrop.stores.dynamodb.DynamoDB` that uploads do not pass through."""

    _client: Client
    _tables: dict[str, dict[str, Any]]
    call: Callable[..., dict[str, Any]]

    def get_many(self, table: str, keys: Sequence[str]) -> dict[str, Item]:
        """Return id → item of those that are there.

        :raises StoreError: DynamoDB does not keep up, or is out of reach.
        """
        name, found = self._tables[table]["TableName"], dict[str, Item]()
        for start in range(0, len(keys), _AT_ONCE):
            wanted: list[Any] = [{"id": {"S": key}} for key in keys[start : start + _AT_ONCE]]
            for tries in range(_TRIES):
                answer = self._client.call(
                    "batch_get_item",
                    RequestItems={name: {"Keys": wanted, "ConsistentRead": True}},
                )
                for each in answer.get("Responses", {}).get(name, []):
                    item = plain(each)
                    found[str(item["id"])] = item
                wanted = answer.get("UnprocessedKeys", {}).get(name, {}).get("Keys", [])
                if not wanted:
                    break
                time.sleep(0.05 * 2**tries)
            else:
                raise StoreError(f"DynamoDB does not keep up with {name}: try again in a minute")
        return found

    def query(
        self,
        table: str,
        index: str,
        equal: tuple[str, str],
        *,
        between: tuple[str, float, float] | None = None,
        begins: tuple[str, str] | None = None,
        descending: bool = False,
        page: int | None = None,
    ) -> Iterator[Item]:
        """Yield the items of an index's partition, in its order.

        :param equal: the partition's attribute and its value.
        :param between: attribute of the order, and the first and last number that are wanted.
        :param begins: attribute of the order, and how its text begins.
        :param page: items per call.
        """
        condition = "#p = :p"
        names, values = {"#p": equal[0]}, {":p": typed(equal[1])}
        if between is not None:
            condition += " AND #o BETWEEN :first AND :last"
            names["#o"] = between[0]
            values |= {":first": typed(between[1]), ":last": typed(between[2])}
        elif begins is not None:
            condition += " AND begins_with(#o, :begins)"
            names["#o"] = begins[0]
            values[":begins"] = typed(begins[1])
        parameters: dict[str, Any] = {
            "IndexName": index,
            "KeyConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            "ScanIndexForward": not descending,
            **({"Limit": page} if page else {}),
        }
        while True:
            answer = self.call(table, "query", **parameters)
            yield from map(plain, answer.get("Items", []))
            if not answer.get("LastEvaluatedKey"):
                return
            parameters["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def scan_from(self, table: str, place: str, limit: int) -> tuple[list[Item], str]:
        """Return items after the one whose id is ``place``, in no order, and the last one's id.

        An empty id: from the beginning; returned: there are no more.
        """
        start = {"ExclusiveStartKey": {"id": {"S": place}}} if place else {}
        answer = self.call(table, "scan", Limit=limit, **start)
        last = answer.get("LastEvaluatedKey", {}).get("id", {}).get("S", "")
        return list(map(plain, answer.get("Items", []))), str(last)

    def both(self, change: Mapping[str, Any], put: Mapping[str, Any], table: str) -> bool:
        """Update one item and put another, both or neither; False: a condition did not hold.

        :param change: what TransactWriteItems takes as an Update, and ``put`` as a Put, but for
            the table's name.
        """
        name = self._tables[table]["TableName"]
        writes = [{"Update": {**change, "TableName": name}}, {"Put": {**put, "TableName": name}}]
        for tries in range(_TRIES):
            try:
                self._client.call("transact_write_items", TransactItems=writes)
            except AWSError as error:
                if error.code != "TransactionCanceledException":
                    raise
                reasons = error.response.get("CancellationReasons", [])
                codes = {str(each.get("Code")) for each in reasons} - {"None"}
                if "ConditionalCheckFailed" in codes:
                    return False
                if codes != {"TransactionConflict"}:
                    raise
                time.sleep(0.05 * 2**tries)  # another write to the item is just under way
            else:
                return True
        raise StoreError("others write to the same upload all the time: try again in a minute")


def typed(value: str | float) -> dict[str, str]:
    """Return a value as DynamoDB writes it."""
    from vindrop.stores import storable

    return {"S": storable(value)} if isinstance(value, str) else {"N": repr(value)}


def plain(found: Mapping[str, Mapping[str, str]] | None) -> Item:
    """Return an item without DynamoDB's types: texts and numbers, which are all that we write."""
    item: Item = {}
    for name, value in (found or {}).items():
        if "S" in value:
            item[name] = value["S"]
        elif "N" in value:
            number = float(value["N"])
            item[name] = int(number) if number.is_integer() else number
    return item
