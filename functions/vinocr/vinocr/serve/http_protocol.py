"""HTTP/1.1 on one connection, with limits on what comes before anybody has signed anything.

uvicorn's protocol over h11; added are limits on time, number and size of heads and chunks, on
connections of one address and in total, and one clear answer to what is not HTTP, which comes later to
those who do not stop (`vinocr.serve.penalties`).
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, Final

import h11
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from vinocr import logging_json
from vinocr.api.addresses import Network
from vinocr.serve.penalties import SMALL_CHUNK, Penalties

HEAD_LIMIT: Final = 128 * 1024
"""Bytes of a request's line and headers; a GET over the API's own 32 KB is still answered."""
_MOST_HEADERS: Final = 100
_FREE_CHUNKS: Final = 128
_LEAST_CHUNK: Final = 256
"""Bytes that chunks must have on average, after the free ones."""
_READ_SIZE: Final = 64 * 1024
_TLS_CLOSE_SECONDS: Final = 1.0
_HEAD_END: Final = re.compile(rb"\n\r?\n")


class Connections:
    """All open connections: limits in total and for each address.

    Where a limit is reached, the connection that has been without a request for longest makes room
    for the new one; where none is without, the new one is closed.

    :param exempt: networks of proxies, which carry many clients.
    """

    def __init__(self, most: int, per_client: int, exempt: tuple[Network, ...] = ()) -> None:
        self._most, self._per_client, self._exempt = most, per_client, exempt
        self.penalties = Penalties()
        self._open: dict[Protocol, str] = {}
        self._count: Counter[str] = Counter()

    def admit(self, new: Protocol, address: str) -> bool:
        """Take ``new`` in, if there is room."""
        client = self.name(address)
        is_over = bool(client) and self._count[client] >= self._per_client
        if (is_over or len(self._open) >= self._most) and not self._make_room(
            client if is_over else None
        ):
            return False
        self._open[new] = client
        self._count[client] += 1
        return True

    def leave(self, old: Protocol) -> None:
        """Let a connection go; one that was not admitted is no error."""
        client = self._open.pop(old, None)
        if client is not None:
            self._count[client] -= 1
            if not self._count[client]:
                del self._count[client]

    def name(self, address: str) -> str:
        """Return what counts as one client: an IPv4 address, an IPv6 network of /64; empty if exempt."""
        try:
            ip = ip_address(address.partition("%")[0])
        except ValueError:
            return address
        plain = getattr(ip, "ipv4_mapped", None) or ip
        if any(plain in network for network in self._exempt):
            return ""
        return str(plain) if plain.version == 4 else plain.exploded[:19]

    def _make_room(self, client: str | None) -> bool:
        for old, name in list(self._open.items()):  # the longest open come first
            if (client is None or name == client) and old.is_idle:
                self.leave(old)
                old.transport.abort()
                return True
        return False


class Connection(h11.Connection):
    """h11 that refuses floods of header lines and of tiny chunks, before they cost time."""

    def __init__(self) -> None:
        super().__init__(h11.SERVER, HEAD_LIMIT)
        self._lines = self._chunks = self._bytes = 0
        self._tail = b""
        self.hint = 400
        """The status that fits the last error."""
        self.small_chunks = 0
        """How many have come since somebody has asked, and set it to 0."""

    def receive_data(self, data: bytes) -> None:
        """Take bytes.

        :raises h11.RemoteProtocolError: too many header lines.
        """
        if self.their_state is h11.IDLE and data:
            joined = self._tail + data
            end = _HEAD_END.search(joined)
            upto = end.end() if end else len(joined)
            self._lines += joined.count(b"\n", len(self._tail), upto)
            self._tail = joined[-2:]
            if self._lines > _MOST_HEADERS + 2:  # the first line, and the blank one
                raise _too_many()
        super().receive_data(data)

    def next_event(self) -> Any:
        """Return the next event.

        :raises h11.RemoteProtocolError: not HTTP, too many headers, or chunks of a few bytes each.
        """
        try:
            return self._checked(super().next_event())
        except h11.RemoteProtocolError as error:
            self.hint = error.error_status_hint
            raise

    def _checked(self, event: Any) -> Any:
        if isinstance(event, h11.Request):
            self._lines = self._chunks = self._bytes = 0
            self._tail = b""
            if len(event.headers) > _MOST_HEADERS:
                raise _too_many()
            if event.http_version not in (b"1.0", b"1.1"):
                raise h11.RemoteProtocolError("another version")
        elif isinstance(event, h11.Data):
            self._chunks += 1
            self._bytes += len(event.data)
            self.small_chunks += len(event.data) < SMALL_CHUNK
            if self._chunks > _FREE_CHUNKS + self._bytes // _LEAST_CHUNK:
                raise h11.RemoteProtocolError("chunks of a few bytes each")
        return event


def _too_many() -> h11.RemoteProtocolError:
    return h11.RemoteProtocolError("too many headers", error_status_hint=431)


class Flow(FlowControl):
    """uvicorn's flow control, of which a connection's reading can be taken away for a while."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__(transport)
        self._is_held = False

    def hold(self) -> None:
        """Read nothing until `release`, whatever the application wants."""
        self._is_held = True
        self._transport.pause_reading()

    def release(self) -> None:
        """Read again, unless the application has paused."""
        self._is_held = False
        if not self.read_paused:
            self._transport.resume_reading()

    def resume_reading(self) -> None:
        """Read again, unless held."""
        if self._is_held:
            self.read_paused = False
        else:
            super().resume_reading()


class Protocol(H11Protocol):
    """One connection. `Connections` and ``head_seconds`` come by `functools.partial`."""

    def __init__(self, *, connections: Connections, head_seconds: float, **about: Any) -> None:
        super().__init__(**about)
        self.conn: Connection = Connection()
        self._open, self._head_seconds = connections, head_seconds
        self._head_timer: asyncio.TimerHandle | None = None
        self._hold_timer: asyncio.TimerHandle | None = None
        self._name = ""
        self._is_refused = self._ending = False

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way: none has come, it is not complete, or it is answered."""
        cycle = self.cycle
        return cycle is None or cycle.response_complete or cycle.more_body

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or close it where there are too many."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}
        self._flow = self.flow = Flow(transport)
        if hasattr(transport, "max_size"):  # less at once, so that others get their turn
            transport.max_size = _READ_SIZE
        address = self.client[0] if self.client else ""
        self._name = self._open.name(address)
        if not self._open.admit(self, address):
            logging_json.event("connection_refused", client=address)
            transport.abort()
            return
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of a connection."""
        self._open.leave(self)
        self._forget_head()
        if self._hold_timer is not None:
            self._hold_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; what is not HTTP ends the connection and nothing else."""
        if self._is_refused:
            return
        self._unset_keepalive_if_required()
        try:
            self.conn.receive_data(data)
            self.handle_events()
        except h11.RemoteProtocolError as error:
            self._refuse(error.error_status_hint)
        except h11.LocalProtocolError:
            self._refuse(400)
        self._pay_for_chunks()
        self._watch_head()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - its words are uvicorn's
        """Answer what is not HTTP."""
        self._refuse(self.conn.hint)

    def shutdown(self) -> None:
        """Close the connection, now or after the answer in progress."""
        self._ending = True
        super().shutdown()
        if self.cycle is None or self.cycle.response_complete:
            self._abort_soon()

    def on_response_complete(self) -> None:
        """Note that an answer is out."""
        super().on_response_complete()
        self._watch_head()
        if self._ending:
            self._abort_soon()

    def _abort_soon(self) -> None:
        # TLS waits 30 s for the client's close_notify, which an idle client never sends.
        self.loop.call_later(_TLS_CLOSE_SECONDS, self.transport.abort)

    def _refuse(self, hint: int) -> None:
        """Tell the client that its request is malformed, and close; the log says whose fault it is."""
        if self._is_refused:
            return
        self._is_refused = True
        status = hint if hint == 431 else 400
        address = self.client[0] if self.client else None
        logging_json.event("malformed_request", client=address, status=status)
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # what the application still says goes nowhere
            self.cycle.message_event.set()
        seconds = self._open.penalties.of_refusal(self._name, self.loop.time())
        if seconds:
            self._hold(seconds, self._say_refused, status)
        else:
            self._say_refused(status)

    def _say_refused(self, status: int) -> None:
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            text = b"This is not a well-formed HTTP/1.1 request: mend the client that sent it.\n"
            if status == 431:
                text = b"The request has too many headers: send at most 100.\n"
            head = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
            head.append((b"content-length", b"%d" % len(text)))
            answer = h11.Response(status_code=status, headers=head, reason=STATUS_PHRASES[status])
            for event in (answer, h11.Data(data=text), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _pay_for_chunks(self) -> None:
        """Stop reading for as long as the address has sent too many small chunks."""
        count, self.conn.small_chunks = self.conn.small_chunks, 0
        now = self.loop.time()
        seconds = self._open.penalties.of_chunks(self._name, count, now)
        if seconds and not self._is_refused and not self.transport.is_closing():
            self._hold(seconds, self._flow.release)

    def _hold(self, seconds: float, then: Callable[..., None], *values: Any) -> None:
        """Read nothing for some seconds."""
        if self._hold_timer is not None:
            self._hold_timer.cancel()
        self._flow.hold()
        self._hold_timer = self.loop.call_later(seconds, then, *values)

    def _watch_head(self) -> None:
        """Limit the time in which a head that was begun must be complete."""
        if self.transport.is_closing():
            return
        is_begun = self.cycle is None or bool(self.conn.trailing_data[0])
        if self.conn.their_state is not h11.IDLE or not is_begun:
            self._forget_head()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self._head_seconds, self.transport.abort)

    def _forget_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
