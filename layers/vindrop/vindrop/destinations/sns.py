"""SNS: ``sns:///<ARN>`` or ``sns://region/account/topic``; ``.fifo`` at the end for a FIFO topic."""

from __future__ import annotations

from collections.abc import Mapping

from vindrop.clouds import aws_api
from vindrop.core.store_errors import StoreSettingError
from vindrop.destinations.message import MessageDestination, headers, structured
from vindrop.destinations.sqs import fifo_fields, message_attributes
from vindrop.domain.records import Record


class SNSDestination(MessageDestination):
    """See `vindrop.core.destination.Destination`."""

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        super().__init__()
        place = aws_api.place(url, "sns")
        if not place.account:
            raise StoreSettingError(
                f"the topic {place.name} has no account: write sns://region/account/topic or sns:///<ARN>"
            )
        self._client = aws_api.Client("sns", place, environment)
        region = self._client.region
        partition = "aws-cn" if region.startswith("cn-") else "aws"
        self._arn = place.arn or f"arn:{partition}:sns:{region}:{place.account}:{place.name}"
        self._fifo = place.name.endswith(".fifo")

    def send(self, record: Record, *, redelivered: bool) -> None:
        """Publish it; subscriptions filter by its attributes."""
        found = headers(record, redelivered=redelivered)
        self._client.call(
            "publish",
            TopicArn=self._arn,
            Message=structured(record).decode(),
            MessageAttributes=message_attributes(found),
            **(fifo_fields(record) if self._fifo else {}),
        )
