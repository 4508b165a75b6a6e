"""What floods cost those who send them, and nobody else."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from tests.vinocr.vinocr_support import VIN, b64, call, photo, stub_reader
from vinocr.api.addresses import networks
from vinocr.launcher import ServerProcess
from vinocr.serve.http_protocol import Connections, Protocol
from vinocr.serve.penalties import Buckets, Penalties

FLOODS = {
    "no HTTP": b"\x16\x03\x01\r\n\r\n",
    "header lines": b"POST / HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 200,
    "chunks": b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 300,
    "a bad chunk": b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
}  # fmt: skip


def test_the_first_refusals_come_at_once_and_later_ones_are_held() -> None:
    penalties = Penalties()
    held = [penalties.of_refusal("192.0.2.1", 0.0) for _ in range(40)]
    assert held[:20] == [0.0] * 20
    assert all(held[21:])
    assert penalties.of_refusal("192.0.2.2", 0.0) == 0.0, "another address pays nothing"
    assert penalties.of_refusal("192.0.2.1", 60.0) == 0.0, "who stops is forgiven"
    assert [penalties.of_refusal("", 0.0) for _ in range(40)] == [0.0] * 40, "a proxy carries many"


def test_small_chunks_are_paid_for_by_the_second() -> None:
    penalties = Penalties()
    assert penalties.of_chunks("192.0.2.1", 2000, 0.0) == 0.0
    assert penalties.of_chunks("192.0.2.1", 500, 0.0) == pytest.approx(0.5)
    assert penalties.of_chunks("192.0.2.1", 0, 0.0) == 0.0
    assert penalties.of_chunks("192.0.2.2", 2000, 0.0) == 0.0
    assert penalties.of_chunks("192.0.2.1", 100, 10.0) == 0.0


def test_addresses_without_end_fill_no_memory() -> None:
    buckets = Buckets(rate=1.0, burst=2.0)
    for n in range(50_000):
        buckets.take(str(n), 3, 0.0)
    assert len(buckets._of) <= 10_000


class Wire(asyncio.Transport):
    """A transport without a network, which notes whether it is read."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 1), "sockname": ("192.0.2.9", 9000)})
        self.reads, self.closing, self.written = True, False, b""

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    abort = close

    def write(self, data: Any) -> None:
        self.written += bytes(data)


async def swallow(_: Any, receive: Any, __: Any) -> None:
    """An application that reads its body as fast as it can."""
    while (await receive()).get("more_body"):
        pass


@pytest.mark.parametrize(("exempt", "reads"), [((), False), (("192.0.2.0/24",), True)])
def test_a_connection_with_too_many_small_chunks_is_not_read_for_a_while(
    exempt: tuple[str, ...], reads: bool
) -> None:
    async def run() -> None:
        config = uvicorn.Config(swallow, lifespan="off", log_config=None)
        config.load()
        connections = Connections(10, 10, networks(exempt))
        made = Protocol(
            connections=connections, head_seconds=60.0, config=config, server_state=ServerState(),
            app_state={},
        )  # fmt: skip
        wire = Wire()
        made.connection_made(wire)
        made.data_received(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        block = (b"200\r\n" + b"x" * 512 + b"\r\n") * 100
        for _ in range(40):
            made.data_received(block)
            for _ in range(5):
                await asyncio.sleep(0)  # the application takes what has come, and asks for more
        assert wire.reads is reads
        made.connection_lost(None)

    asyncio.run(run())


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_is_answered_a_few_times_and_the_honest_always(tmp_path: Path, flood: str) -> None:
    """The bound grows with the time that has gone by: a busy machine only makes the flood smaller."""
    log = tmp_path / "log.jsonl"
    with ServerProcess.start(stub_reader(tmp_path), log=log) as vinocr:
        vinocr.wait_ready()
        stop, senders = threading.Event(), 4

        def send() -> None:
            while not stop.is_set():
                try:
                    with socket.create_connection((vinocr.host, vinocr.port), timeout=60) as line:
                        line.sendall(FLOODS[flood])
                        while line.recv(4096):
                            pass
                except OSError:
                    pass

        started = time.monotonic()
        threads = [threading.Thread(target=send) for _ in range(senders)]
        for thread in threads:
            thread.start()
        for _ in range(40):
            assert call(vinocr, {"ImageBase64": b64(photo())}) == VIN
        lines = [json.loads(line) for line in log.read_text().splitlines()[:-1]]
        elapsed = time.monotonic() - started
        stop.set()
        for thread in threads:
            thread.join()
    refused = sum(line["event"] == "malformed_request" for line in lines)
    assert 1 <= refused <= 21 + 2 * elapsed + senders * (1 + elapsed / 2)
