"""EventBridge of AWS: ``eventbridge://region/bus`` or ``eventbridge:///<ARN>``.

``detail-type`` is the record's type, ``detail`` the whole event with what rules filter by under
``detail.attributes``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from vindrop.clouds import aws_api
from vindrop.core.store_errors import StoreError
from vindrop.destinations.message import MessageDestination, headers
from vindrop.domain.records import Record, to_cloudevent, type_of

SOURCE: Final = "vindrop"


class EventBridgeDestination(MessageDestination):
    """See `vindrop.core.destination.Destination`."""

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        super().__init__()
        place = aws_api.place(url, "events")
        self._client = aws_api.Client("events", place, environment)
        # Another account's bus can only be named in full.
        self._bus = place.arn or place.name

    def send(self, record: Record, *, redelivered: bool) -> None:
        """Put the event; one entry, so its own answer says whether it was taken."""
        found = headers(record, redelivered=redelivered)
        detail = {**to_cloudevent(record), "attributes": found}
        answer = self._client.call(
            "put_events",
            Entries=[
                {
                    "EventBusName": self._bus,
                    "Source": SOURCE,
                    "DetailType": type_of(record),
                    "Time": record.time,
                    "Detail": json.dumps(detail, ensure_ascii=False),
                }
            ],
        )
        if answer.get("FailedEntryCount"):
            entry = answer["Entries"][0]
            raise StoreError(
                f"EventBridge did not take the event: {entry.get('ErrorCode')}: "
                f"{entry.get('ErrorMessage')}"
            )
