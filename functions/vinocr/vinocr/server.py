"""The server process: a listening socket, uvicorn, the readers, and a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import ssl
import sys
from collections.abc import Generator
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from vinocr import app, logs
from vinocr.accounts import SettingsError
from vinocr.addresses import AllowList
from vinocr.beyond import Beyond
from vinocr.directory import Directory
from vinocr.download import Downloader
from vinocr.faults import Faults
from vinocr.image import largest
from vinocr.meters import Meters
from vinocr.pool import Pool
from vinocr.service import Service
from vinocr.settings import PREFIX, Settings

_HEAD_LIMIT: Final = 1024 * 1024
"""Bytes of a request's line and headers; what is over the API's own 32 KB is still answered."""
_HEAD_SECONDS: Final = 60.0
_GOODBYE_SECONDS: Final = 1.0
_BACKLOG: Final = 256


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
        """Close the connection, now or after the answer that is under way."""
        self._ending = True
        super().shutdown()
        if self.cycle is None or self.cycle.response_complete:
            self._part()

    def on_response_complete(self) -> None:
        """Note that an answer is out."""
        super().on_response_complete()
        if self._ending:
            self._part()

    def _part(self) -> None:
        # TLS waits 30 s for the other side's goodbye, which an idle client never says.
        self.loop.call_later(_GOODBYE_SECONDS, self.transport.abort)

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
    """uvicorn, with signals left to us: a stopped server ends with status 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Let SIGTERM and Ctrl-C stop the server; a second one stops it at once."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def stop(self) -> None:
        """Finish what was taken, then end; asked again, end now."""
        self.force_exit = self.should_exit
        self.should_exit = True


def listen(settings: Settings) -> socket.socket:
    """Bind the socket.

    :raises SettingsError: the address is not this machine's, or the port is taken.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind)
    except OSError as error:
        raise SettingsError(f"VINOCR_HOST {settings.host}: {error.strerror}") from None
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise SettingsError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; "
            "set VINOCR_PORT to a free port, or to 0"
        ) from None
    return bound


def reader_command(settings: Settings) -> list[str]:
    """Return the command line of a reader process."""
    command = [sys.executable, "-m", "vinocr.worker"]
    command += ["--threads", str(settings.threads), "--max-pixels", str(settings.max_pixels)]
    if settings.threshold is not None:
        command += ["--threshold", str(settings.threshold)]
    command += ["--max-error", str(settings.max_error)]
    return command


def reader_environment() -> dict[str, str]:
    """Return our environment without the settings: a reader has no use for secrets."""
    return {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}


def assemble(settings: Settings) -> Service:
    """Put a service together.

    :raises SettingsError: the faults file or the allow list is wrong.
    """
    readers = Pool(
        command=reader_command(settings),
        environment=reader_environment(),
        workers=settings.workers,
        queue=settings.queue,
        queue_seconds=settings.queue_seconds,
        read_seconds=settings.read_seconds,
    )
    faults = Faults(settings.faults)
    faults.load()
    meters = Meters()
    meters.gauge("vinocr_readers_ready", "Reader processes that are up.", lambda: readers.ready)
    meters.gauge("vinocr_readers_busy", "Reader processes at work.", lambda: readers.busy)
    meters.gauge("vinocr_queue", "Calls waiting for a reader.", lambda: readers.waiting)
    meters.gauge(
        "vinocr_reader_restarts", "Readers replaced since the start.", lambda: readers.restarts
    )
    downloader = Downloader(
        allow=AllowList.parse(settings.url_allow),
        seconds=settings.url_seconds,
        max_bytes=largest(settings.max_base64),
        max_base64=settings.max_base64,
        redirects=settings.url_redirects,
    )
    return Service(
        settings=settings,
        directory=Directory(settings.accounts, settings.accounts_file),
        readers=readers,
        downloader=downloader,
        faults=faults,
        meters=meters,
    )


def run(settings: Settings, *, until_stdin_closes: bool = False) -> int:
    """Serve until stopped; return the exit status.

    :raises SettingsError: the socket, the certificate, or a file that a setting names.
    """
    logs.setup()
    service = assemble(settings)
    with listen(settings) as bound:
        asyncio.run(_serve(settings, service, bound, until_stdin_closes=until_stdin_closes))
    return 0


async def _serve(
    settings: Settings, service: Service, bound: socket.socket, *, until_stdin_closes: bool
) -> None:
    bodies = app.Bodies(asyncio.Semaphore(settings.bodies), settings.body_seconds)
    operators = app.Operators(settings.operators)
    config = uvicorn.Config(
        app.build(service, bodies, operators, Beyond(service, bodies, operators).routes()),
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
            "VINOCR_TLS_CERT and VINOCR_TLS_KEY are no certificate with its key in PEM"
        ) from None
    server = Server(config)
    service.readers.start()
    if until_stdin_closes:
        _watch_stdin(server)
    port = bound.getsockname()[1]
    scheme = "https" if settings.tls_cert else "http"
    line: dict[str, Any] = {"event": "listening", "scheme": scheme, "host": settings.host}
    sys.stdout.write(json.dumps(line | {"port": port, "pid": os.getpid()}) + "\n")
    sys.stdout.flush()
    sweeper = asyncio.create_task(service.sweep())
    try:
        await server.serve(sockets=[bound])
    finally:
        sweeper.cancel()
        await service.readers.close()
        logs.event("stopped")


def _watch_stdin(server: Server) -> None:
    """Stop when the process that started us closes our standard input, or dies."""
    loop = asyncio.get_running_loop()

    def look() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            server.should_exit = True

    loop.add_reader(0, look)
