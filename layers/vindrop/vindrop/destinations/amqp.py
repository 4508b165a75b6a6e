"""RabbitMQ (AMQP 0-9-1): ``amqp://user:password@host:5672/vhost?queue=name``, ``amqps://`` for TLS.

Or ``?exchange=name`` with ``routing_key`` (default: the record's type). Messages are persistent,
and a put returns after the broker's confirm. The headers are what headers exchanges filter by.
``mode=binary`` writes the event's attributes as ``cloudEvents:…`` headers, as the binding for
AMQP 1.0 names them and as RabbitMQ hands them over to AMQP 1.0 readers.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from vindrop.core.store_errors import StoreError, StoreSettingError, load_client
from vindrop.core.store_url import TIMEOUT, parse
from vindrop.destinations import message
from vindrop.domain.records import Record, type_of

CONNECT_SECONDS: Final = 3.0
CLOSE_SECONDS: Final = 1.0
_NOT_FOUND: Final = 404


class AMQPDestination(message.MessageDestination):
    """See `vindrop.core.destination.Destination`. One connection per thread: pika's must not be shared."""

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:  # noqa: ARG002  # as every opener
        super().__init__()
        where = parse(url, ("queue", "exchange", "routing_key", "mode", TIMEOUT))
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
        except (ValueError, TypeError):
            raise StoreSettingError(
                f"{where.shown} is not an address of RabbitMQ: write "
                "amqp://user:password@host:5672/vhost"
            ) from None
        connect = min(CONNECT_SECONDS, where.timeout * 0.3)
        self._seconds = where.timeout - connect
        self._parameters.heartbeat = 0  # a frozen function sends none
        self._parameters.socket_timeout = connect
        self._parameters.stack_timeout = connect
        self._parameters.blocked_connection_timeout = self._seconds
        workflow = load_client("pika.adapters.utils.connection_workflow", "amqp://…")
        self._failures = (
            self._pika.exceptions.AMQPError,
            workflow.AMQPConnectorException,
            OSError,
        )
        self._threads = threading.local()

    def send(self, record: Record, *, redelivered: bool) -> None:
        """Publish it, and wait for the confirm."""
        for last in (getattr(self._threads, "channel", None) is None, True):
            try:
                channel = self._channel()
                with self._limited(self._threads.connection):
                    self._publish(channel, record, redelivered=redelivered)
            except self._pika.exceptions.UnroutableError:
                raise StoreError(
                    f"RabbitMQ has no queue bound for it at the exchange {self._exchange!r}: bind one"
                ) from None
            except self._pika.exceptions.NackError:
                raise StoreError("RabbitMQ refused the record: its queue is full") from None
            except self._failures as error:
                self._drop()
                if last or isinstance(error, self._pika.exceptions.AMQPHeartbeatTimeout):
                    raise StoreError(_sentence(error)) from None
                redelivered = True  # it may have been on its way when the connection broke
            else:
                return

    def _publish(self, channel: Any, record: Record, *, redelivered: bool) -> None:
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
        with self._limited(connection):
            channel = self._prepared(connection)
        self._threads.channel = channel
        return channel

    def _prepared(self, connection: Any) -> Any:
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
        return channel

    @contextlib.contextmanager
    def _limited(self, connection: Any, seconds: float | None = None) -> Iterator[None]:
        """Break the connection when what happens in the block takes longer than the time-out.

        pika's own way is the heartbeat, which a function that is frozen between two calls cannot
        keep; so this does once what pika does when a heartbeat is missed.
        """
        inner, limit = connection._impl, seconds or self._seconds  # noqa: SLF001
        silent = self._pika.exceptions.AMQPHeartbeatTimeout(f"no answer in {limit:g} s")
        timer = inner._adapter_call_later(  # noqa: SLF001
            limit,
            lambda: inner._terminate_stream(silent),  # noqa: SLF001
        )
        try:
            yield
        finally:
            inner._adapter_remove_timeout(timer)  # noqa: SLF001

    def _drop(self) -> None:
        connection = getattr(self._threads, "connection", None)
        self._threads.channel = self._threads.connection = None
        if connection is not None and connection.is_open:
            # closed is what is wanted, whatever the broker says to it
            with contextlib.suppress(*self._failures), self._limited(connection, CLOSE_SECONDS):
                connection.close()


def _sentence(error: BaseException) -> str:
    """Return what pika means: its connection errors wrap others, and often say nothing themselves."""
    said = str(error)
    for inner in getattr(error, "args", ()):
        said = said or str(inner) or type(inner).__name__
    return f"RabbitMQ is out of reach or refused: {type(error).__name__} {said}".strip()
