"""The server process: a listening socket, uvicorn, the readers, and a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import signal
import socket
import ssl
import sys
from types import FrameType

import uvicorn

from vinocr import logging_json
from vinocr.api.accounts import Accounts
from vinocr.api.addresses import AllowList, DenyList, networks
from vinocr.api.download import Downloader
from vinocr.api.faults import Faults
from vinocr.api.image_checks import largest_image
from vinocr.api.reloaded_file import ReloadedFile, SettingsError
from vinocr.serve import http_app, sandbox
from vinocr.serve.bodies import BodyReader
from vinocr.serve.extra_api import ExtraApi
from vinocr.serve.fair_line import places
from vinocr.serve.http_protocol import Connections, Protocol
from vinocr.serve.metrics import Metrics
from vinocr.serve.operators import Operators
from vinocr.serve.reader_pool import ReaderPool
from vinocr.serve.vinocr_action import VinOcrAction
from vinocr.settings import Settings


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
    options["memory_mb"] = settings.memory_mb
    options["max_error"] = settings.max_error
    if settings.threshold is not None:
        options["threshold"] = settings.threshold
    return [sys.executable, "-m", "vinocr.serve.reader_process", json.dumps(options)]


def assemble(settings: Settings) -> VinOcrAction:
    """Put the service together.

    :raises SettingsError: the faults file is wrong.
    """
    readers = ReaderPool(
        command=reader_command(settings),
        environment=sandbox.environment(os.environ),
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
        deny=DenyList(networks(settings.url_deny)),
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
    _allow_descriptors(settings.connections + settings.url_downloads + 256)
    action = assemble(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn raises the signal again when it has ended
    with listen(settings) as bound:
        asyncio.run(_serve(action, bound, until_stdin_closes=until_stdin_closes))
    return 0


def _allow_descriptors(count: int) -> None:
    """Raise the process's own limit of open files, as far as the system lets it."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY and soft < count:
            most = count if hard == resource.RLIM_INFINITY else min(count, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


async def _serve(action: VinOcrAction, bound: socket.socket, *, until_stdin_closes: bool) -> None:
    settings = action.settings
    bodies = BodyReader(places(settings.bodies), settings.body_seconds, settings.queue_seconds)
    operators = Operators(settings.operators, settings.hosts)
    connections = Connections(
        settings.connections, settings.client_connections, networks(settings.proxies)
    )
    config = uvicorn.Config(
        http_app.build(action, bodies, operators, ExtraApi(action, bodies, operators).routes()),
        http=functools.partial(  # type: ignore[arg-type]
            Protocol, connections=connections, head_seconds=settings.head_seconds
        ),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=list(settings.proxies),
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
