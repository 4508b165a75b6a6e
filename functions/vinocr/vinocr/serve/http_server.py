"""The server process: a listening socket, uvicorn, the readers, and a clean end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import ssl
import sys
from types import FrameType
from typing import Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from vinocr import logging_json
from vinocr.api.accounts import Accounts
from vinocr.api.addresses import AllowList
from vinocr.api.download import Downloader
from vinocr.api.faults import Faults
from vinocr.api.image_checks import largest_image
from vinocr.api.reloaded_file import ReloadedFile, SettingsError
from vinocr.serve import http_app
from vinocr.serve.extra_api import ExtraApi
from vinocr.serve.metrics import Metrics
from vinocr.serve.reader_pool import ReaderPool
from vinocr.serve.vinocr_action import VinOcrAction
from vinocr.settings import PREFIX, Settings

_HEAD_LIMIT: Final = 1024 * 1024
"""Bytes of a request's line and headers; what is over the API's own 32 KB is still answered."""
_HEAD_SECONDS: Final = 60.0
_TLS_CLOSE_SECONDS: Final = 1.0


class Protocol(H11Protocol):
    """HTTP/1.1 with a time limit on a request's head, and a way for a fault to cut the line."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}
        self._head_timer = self.loop.call_later(_HEAD_SECONDS, self._check_head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of a connection."""
        self._head_timer.cancel()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Close the connection, now or after the answer in progress."""
        self._ending = True
        super().shutdown()
        if self.cycle is None or self.cycle.response_complete:
            self._abort_soon()

    def on_response_complete(self) -> None:
        """Note that an answer is out."""
        super().on_response_complete()
        if self._ending:
            self._abort_soon()

    def _abort_soon(self) -> None:
        # TLS waits 30 s for the client's close_notify, which an idle client never sends.
        self.loop.call_later(_TLS_CLOSE_SECONDS, self.transport.abort)

    def _check_head(self) -> None:
        # A request that was begun and not finished for one whole period is a slow one.
        if self.cycle is None:
            self.transport.close()
            return
        half = bool(self.conn.trailing_data[0]) and self.cycle.response_complete
        if half and self._was_half:
            self.transport.close()
            return
        self._was_half = half
        self._head_timer = self.loop.call_later(_HEAD_SECONDS, self._check_head)

    _was_half = False
    _ending = False


class Server(uvicorn.Server):
    """uvicorn that ends with status 0 after a signal."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Finish the calls in progress, then end; at the second signal, end at once."""
        self.force_exit = self.should_exit
        self.should_exit = True


def listen(settings: Settings) -> socket.socket:
    """Bind the socket.

    :raises SettingsError: the address is not this machine's, or the port is taken.
    """
    host, port = settings.host, settings.port
    try:
        family, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        both = family == socket.AF_INET6 and socket.has_dualstack_ipv6()
        return socket.create_server(address, family=family, backlog=256, dualstack_ipv6=both)
    except socket.gaierror as error:
        raise SettingsError(f"VINOCR_HOST {host}: {error.strerror}") from None
    except OSError as error:
        # create_server adds the address to the system's words
        why = os.strerror(error.errno) if error.errno else str(error)
        raise SettingsError(
            f"cannot listen on {host}:{port}: {why}; set VINOCR_PORT to a free port, or to 0"
        ) from None


def reader_command(settings: Settings) -> list[str]:
    """Return the command line of a reader process."""
    options: dict[str, float] = {"threads": settings.threads, "max_pixels": settings.max_pixels}
    if settings.threshold is not None:
        options["threshold"] = settings.threshold
    return [sys.executable, "-m", "vinocr.serve.reader_process", json.dumps(options)]


def assemble(settings: Settings) -> VinOcrAction:
    """Put the service together.

    :raises SettingsError: the faults file is wrong.
    """
    readers = ReaderPool(
        command=reader_command(settings),
        # The settings are left out: a reader has no use for secrets.
        environment={k: v for k, v in os.environ.items() if not k.startswith(PREFIX)},
        workers=settings.workers,
        queue=settings.queue,
        queue_seconds=settings.queue_seconds,
        read_seconds=settings.read_seconds,
        max_pixels=settings.max_pixels,
    )
    metrics = Metrics()
    metrics.gauge("vinocr_readers_ready", "Reader processes that are up.", lambda: readers.ready)
    metrics.gauge("vinocr_readers_busy", "Reader processes at work.", lambda: readers.busy)
    metrics.gauge("vinocr_queue", "Calls waiting for a reader.", lambda: readers.waiting)
    about = "Readers replaced since the start."
    metrics.gauge("vinocr_reader_restarts", about, lambda: readers.restarts)
    downloader = Downloader(
        allow=AllowList.parse(settings.url_allow),
        seconds=settings.url_seconds,
        max_bytes=largest_image(settings.max_base64),
        max_base64=settings.max_base64,
        redirects=settings.url_redirects,
    )
    return VinOcrAction(
        settings=settings,
        accounts=ReloadedFile(Accounts, settings.accounts, settings.known_accounts),
        readers=readers,
        downloader=downloader,
        faults=Faults(settings.faults),
        metrics=metrics,
    )


def run(settings: Settings, *, until_stdin_closes: bool = False) -> int:
    """Serve until stopped; return the exit status.

    :raises SettingsError: the socket, the certificate, or a file that a setting names.
    """
    logging_json.setup()
    action = assemble(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn raises the signal again when it has ended
    with listen(settings) as bound:
        asyncio.run(_serve(action, bound, until_stdin_closes=until_stdin_closes))
    return 0


async def _serve(action: VinOcrAction, bound: socket.socket, *, until_stdin_closes: bool) -> None:
    settings = action.settings
    bodies = http_app.BodyReader(asyncio.Semaphore(settings.bodies), settings.body_seconds)
    operators = http_app.Operators(settings.operators)
    config = uvicorn.Config(
        http_app.build(action, bodies, operators, ExtraApi(action, bodies, operators).routes()),
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=list(settings.proxies),
        h11_max_incomplete_event_size=_HEAD_LIMIT,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=max(1, round(settings.stop_seconds)),
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )
    try:
        config.load()
    except (ssl.SSLError, OSError):
        raise SettingsError(
            "VINOCR_TLS_CERT and VINOCR_TLS_KEY are not a certificate and its key in PEM"
        ) from None
    server = Server(config)
    action.readers.start()
    if until_stdin_closes:
        _watch_stdin(server)
    about = {
        "event": "listening",
        "scheme": "https" if settings.tls_cert else "http",
        "host": settings.host,
        "port": bound.getsockname()[1],
        "pid": os.getpid(),
    }
    print(json.dumps(about), flush=True)  # noqa: T201 - the parent process reads it
    evicting = asyncio.create_task(action.evict_idle_clients())
    try:
        await server.serve(sockets=[bound])
    finally:
        evicting.cancel()
        await action.readers.close()
        logging_json.event("stopped")


def _watch_stdin(server: Server) -> None:
    """Stop when the process that started us closes our standard input, or dies."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            server.should_exit = True

    loop.add_reader(0, read)
