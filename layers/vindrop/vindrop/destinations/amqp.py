"""RabbitMQ (AMQP 0-9-1): ``amqp://user:password@host:5672/vhost?queue=name``, ``amqps://`` for TLS.

Or ``?exchange=name`` with ``routing_key`` (default: the record's type). Messages are persistent,
and a put returns after the broker's confirm. The headers are what headers exchanges filter by.
``mode=binary`` writes the event's attributes as ``cloudEvents:…`` headers, as the binding for
AMQP 1.0 names them and as RabbitMQ hands them over to AMQP 1.0 readers.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from vindrop.core.store_errors import StoreError, StoreSettingError, load_client
from vindrop.core.store_url import parse
from vindrop.destinations import message
from vindrop.domain.records import Record, type_of

ANSWER_SECONDS: Final = 10
_NOT_FOUND: Final = 404


class AMQPDestination(message.MessageDestination):
    """See `vindrop.core.destination.Destination`. One connection per thread: pika's must not be shared."""

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:  # noqa: ARG002  # as every opener
        super().__init__()
        where = parse(url, ("queue", "exchange", "routing_key", "mode"))
        self._queue = where.options.get("queue", "")
        self._exchange = where.options.get("exchange", "")
        if bool(self._queue) == bool(self._exchange):
            raise StoreSettingError(f"{where.shown} takes either ?queue=name or ?exchange=name")
        self._routing_key = where.options.get("routing_key", "")
        self._mode = where.choice("mode", message.MODES, "structured")
        self._pika: Any = load_client("pika", f"{where.scheme}://…")
        split = urlsplit(url)
        try:
            self._parameters = self._pika.URLParameters(
                urlunsplit((split.scheme, split.netloc, split.path or "/%2F", "", ""))
            )
        except (ValueError, TypeError) as error:
            raise StoreSettingError(
                f"{where.shown} is not an address of RabbitMQ: {error}"
            ) from None
        self._parameters.heartbeat = 0  # a frozen function sends none
        self._parameters.socket_timeout = ANSWER_SECONDS
        self._parameters.stack_timeout = ANSWER_SECONDS
        self._parameters.blocked_connection_timeout = ANSWER_SECONDS
        self._threads = threading.local()

    def send(self, record: Record, *, redelivered: bool) -> None:
        """Publish it, and wait for the confirm."""
        for last in (getattr(self._threads, "channel", None) is None, True):
            try:
                self._publish(record, redelivered=redelivered)
            except self._pika.exceptions.UnroutableError:
                raise StoreError(
                    f"RabbitMQ has no queue bound for it at the exchange {self._exchange!r}: bind one"
                ) from None
            except self._pika.exceptions.NackError:
                raise StoreError("RabbitMQ refused the record: its queue is full") from None
            except (self._pika.exceptions.AMQPError, OSError) as error:
                self._drop()
                if last:
                    raise StoreError(_sentence(error)) from None
                redelivered = True  # it may have been on its way when the connection broke
            else:
                return

    def _publish(self, record: Record, *, redelivered: bool) -> None:
        channel = self._channel()
        fields, body, content_type = message.encode(
            record, self._mode, "cloudEvents:", redelivered=redelivered
        )
        channel.basic_publish(
            self._exchange,
            self._queue or self._routing_key or type_of(record),
            body,
            self._pika.BasicProperties(
                content_type=content_type,
                delivery_mode=2,
                message_id=record.id,
                type=type_of(record),
                timestamp=int(record.time.timestamp()),
                headers=fields,
            ),
            mandatory=True,
        )

    def _channel(self) -> Any:
        channel = getattr(self._threads, "channel", None)
        if channel is not None and channel.is_open:
            return channel
        self._drop()
        connection = self._pika.BlockingConnection(self._parameters)
        self._threads.connection = connection
        channel = connection.channel()
        if self._queue:
            try:
                channel.queue_declare(self._queue, passive=True)
            except self._pika.exceptions.ChannelClosedByBroker as error:
                if error.reply_code != _NOT_FOUND:
                    raise
                channel = connection.channel()  # the refusal closed the first
                channel.queue_declare(self._queue, durable=True)
        channel.confirm_delivery()
        self._threads.channel = channel
        return channel

    def _drop(self) -> None:
        connection = getattr(self._threads, "connection", None)
        self._threads.channel = self._threads.connection = None
        if connection is not None and connection.is_open:
            try:
                connection.close()
            except (self._pika.exceptions.AMQPError, OSError):
                return  # closed is what was wanted


def _sentence(error: BaseException) -> str:
    """Return what pika means: its connection errors wrap others, and often say nothing themselves."""
    said = str(error)
    for inner in getattr(error, "args", ()):
        said = said or str(inner) or type(inner).__name__
    return f"RabbitMQ is out of reach or refused: {type(error).__name__} {said}".strip()
