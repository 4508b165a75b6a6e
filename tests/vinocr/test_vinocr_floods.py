"""Hostile clients, before anybody has signed anything: slow ones, floods, and what is not HTTP.

The server is the real one; its readers only wait. None of this may cost an honest client its answer.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.http_server import Handler, HTTPThread
from tests.vinocr.vinocr_support import VIN, b64, call, photo, refusal, stub_reader, wait_until
from vinocr.launcher import ServerProcess

SLOW_NAMES = """
import socket, time
ask = socket.getaddrinfo
def slow(host, *more, **how):
    flags = how.get("flags", more[4] if len(more) > 4 else 0)
    if str(host).endswith(".slow.test") and not flags & socket.AI_NUMERICHOST:
        time.sleep(25)
        raise socket.gaierror(-2, "Name or service not known")
    return ask(host, *more, **how)
socket.getaddrinfo = slow
"""


class Site(Handler):
    """A site with one photo, and one that floods."""

    def do_GET(self) -> None:
        ok = b"HTTP/1.1 200 OK\r\n"
        length = b"content-length: %d\r\n\r\n" % len(photo())
        if self.path.startswith("/photo"):
            self.answer(200, photo())
        elif self.path == "/headers":
            self._send(ok + b"a: b\r\n" * 150 + length + photo())
        elif self.path == "/long-header":
            self._send(ok + b"a: " + b"b" * 80_000 + b"\r\n" + length + photo())
        else:
            chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in photo())
            self._send(ok + b"transfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")

    def _send(self, data: bytes) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.write(data)


@pytest.fixture(scope="module")
def site() -> Iterator[HTTPThread]:
    with HTTPThread(Site) as server:
        yield server


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("floods") / "log.jsonl"


@pytest.fixture(scope="module")
def vinocr(log: Path, site: HTTPThread) -> Iterator[ServerProcess]:
    port = site.server_port
    texts = stub_reader(log.parent, 0.01, SLOW_NAMES) | {
        "VINOCR_URL_ALLOW": f"127.0.0.1:{port},localhost:{port}",
        "VINOCR_QUEUE_SECONDS": "60",
        "VINOCR_URL_SECONDS": "20",
        "VINOCR_HEAD_SECONDS": "30",
    }
    with ServerProcess.start(texts, log=log) as child:
        child.wait_ready()
        yield child


def events(log: Path, name: str) -> list[dict[str, Any]]:
    lines = (json.loads(line) for line in log.read_text().splitlines())
    return [line for line in lines if line["event"] == name]


def send(vinocr: ServerProcess, data: bytes) -> bytes:
    """Send bytes and return all that comes back until the server closes the line."""
    answer = b""
    with socket.create_connection((vinocr.host, vinocr.port), timeout=60) as line:
        try:
            line.sendall(data)
            while block := line.recv(65536):
                answer += block
        except OSError:
            pass
    return answer


CHUNKED = b" HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
MALFORMED = {
    "a bad chunk": b"POST /" + CHUNKED + b"zz\r\n",
    "a bad chunk to another path": b"POST /nowhere" + CHUNKED + b"zz\r\n",
    "a bad chunk to a page": b"POST /healthz" + CHUNKED + b"zz\r\n",
    "a bad chunk to v1": b"POST /v1/vin" + CHUNKED + b"zz\r\n",
    "a bad chunk later": b"POST /nowhere" + CHUNKED + b"1\r\nx\r\n-1\r\n",
    "a bad chunk with another method": b"PUT /" + CHUNKED + b"zz\r\n",
    "a chunk that is too long": b"POST /nowhere" + CHUNKED + b"1\r\nxyz\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no path": b"GET\r\n\r\n",
    "another version": b"GET / HTTP/9.9\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
    "a negative length": b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nhost: x\r\nnonsense\r\n\r\n",
    "a blank before the colon": b"GET / HTTP/1.1\r\nhost : x\r\n\r\n",
    "a null in a header": b"GET / HTTP/1.1\r\nhost: x\r\na: \x00\r\n\r\n",
    "an unknown coding": b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n",
    "an endless line": b"GET /" + b"a" * 2_000_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_not_http_is_answered_400_and_is_the_client_s_fault(
    vinocr: ServerProcess, log: Path, name: str
) -> None:
    before = len(events(log, "malformed_request"))
    answer = send(vinocr, MALFORMED[name])
    if "bad chunk" not in name and "too long" not in name and "endless" not in name:
        assert answer.startswith(b"HTTP/1.1 400 "), answer[:100]
        assert b"well-formed" in answer
    wait_until(lambda: len(events(log, "malformed_request")) > before)
    assert events(log, "malformed_request")[-1]["client"] == "127.0.0.1"
    assert call(vinocr, {"ImageBase64": b64(photo())}) == VIN
    assert not [line for line in events(log, "server") if line["level"] == "error"]
    assert "Exception" not in log.read_text()


@pytest.mark.parametrize("host", ["[", "[::1", "a b", "x:y:z", "\xff", "", "a/b", "@"])
@pytest.mark.parametrize("path", ["/nowhere", "/v1/vin", "/metrics", "/", "/docs"])
def test_a_strange_host_breaks_nothing(
    vinocr: ServerProcess, log: Path, host: str, path: str
) -> None:
    head = f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
    answer = send(vinocr, head.encode("latin-1"))
    assert answer.startswith(b"HTTP/1.1 ")
    assert not answer.startswith(b"HTTP/1.1 5")
    assert "Exception" not in log.read_text()


def test_connect_is_405(vinocr: ServerProcess) -> None:
    for target in (b"example.com:443", b"/", b"127.0.0.1:80"):
        answer = send(vinocr, b"CONNECT " + target + b" HTTP/1.1\r\nhost: x\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 405 "), answer
        assert b"allow: GET, POST" in answer


@pytest.mark.parametrize("line", [b"a:\r\n", b"authorization: x\r\n", b"a: b\r\n c\r\n", b"a:\n"])
def test_a_flood_of_headers_is_refused_before_it_is_read(
    vinocr: ServerProcess, line: bytes
) -> None:
    flood = b"POST / HTTP/1.1\r\nhost: x\r\n" + line * 100_000 + b"\r\n"
    with socket.create_connection((vinocr.host, vinocr.port), timeout=60) as sender:
        sent = sender.send(flood[:4096])  # what follows need not come: 100 lines are in it
        assert sent > 1000
        answer = b""
        while block := sender.recv(65536):
            answer += block
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b"at most 100" in answer
    assert send(vinocr, flood)[:13] in (b"HTTP/1.1 431 ", b"")


def test_a_hundred_headers_are_fine(vinocr: ServerProcess) -> None:
    lines = b"".join(b"x-%d: y\r\n" % n for n in range(97))
    body = b"line\n" * 5000  # lines of a body are no headers
    head = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: %d\r\n" % len(body)
    answer = send(vinocr, head + lines + b"\r\n" + body)
    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("chunk", [b"1\r\nx\r\n", b"2;a=b\r\nxy\r\n"])
def test_a_flood_of_tiny_chunks_is_refused_early(vinocr: ServerProcess, chunk: bytes) -> None:
    head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    head += b"transfer-encoding: chunked\r\n\r\n"
    with socket.create_connection((vinocr.host, vinocr.port), timeout=60) as line:
        line.sendall(head + chunk * 600)  # and no end: who reads on would wait for it
        answer = line.recv(65536)
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_ordinary_chunks_are_fine(vinocr: ServerProcess) -> None:
    head = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    chunks = (b"200\r\n" + b"x" * 512 + b"\r\n") * 1500 + b"0\r\n\r\n"
    assert send(vinocr, head + chunks).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("page", ["headers", "long-header", "chunks"])
def test_a_site_that_floods(vinocr: ServerProcess, site: HTTPThread, page: str) -> None:
    assert refusal(vinocr, {"ImageUrl": f"{site.url}/{page}"}) == "FailedOperation.DownLoadError"
    assert call(vinocr, {"ImageUrl": f"{site.url}/photo.jpg"}) == VIN


@pytest.mark.parametrize("begun", [b"", b"POST / HT", b"GET / HTTP/1.1\r\nhost: x\r\na: "])
def test_a_head_that_never_ends_loses_its_line(tmp_path: Path, begun: bytes) -> None:
    texts = stub_reader(tmp_path) | {"VINOCR_HEAD_SECONDS": "0.5"}
    with ServerProcess.start(texts, log=tmp_path / "log.jsonl") as vinocr:
        with socket.create_connection((vinocr.host, vinocr.port), timeout=60) as line:
            answered = http.client.HTTPConnection(vinocr.host, vinocr.port, timeout=60)
            answered.request("GET", "/healthz")
            answered.getresponse().read()
            line.sendall(begun)
            ended = threading.Event()
            dripping = threading.Thread(target=_drip, args=(line, ended), daemon=True)
            dripping.start()
            assert ended.wait(60), "dripping does not keep it open"
        answered.request("GET", "/healthz")  # a line at rest between two requests stays
        assert answered.getresponse().status in (200, 503)
        answered.close()


def _drip(line: socket.socket, ended: threading.Event) -> None:
    try:
        while True:
            line.sendall(b"a")
            time.sleep(0.05)
    except OSError:
        ended.set()


def test_connections_are_limited_and_the_idle_ones_make_room(tmp_path: Path) -> None:
    texts = stub_reader(tmp_path) | {"VINOCR_CLIENT_CONNECTIONS": "8", "VINOCR_HEAD_SECONDS": "600"}
    with ServerProcess.start(texts, log=tmp_path / "log.jsonl") as vinocr:
        vinocr.wait_ready()
        idle = [socket.create_connection((vinocr.host, vinocr.port)) for _ in range(30)]
        try:
            for _ in range(5):
                assert call(vinocr, {"ImageBase64": b64(photo())}) == VIN
            idle[0].settimeout(60)
            assert idle[0].recv(1) == b"", "the oldest was closed"
        except ConnectionResetError:
            pass
        finally:
            for line in idle:
                line.close()


@pytest.fixture
def slow_clients(vinocr: ServerProcess) -> Iterator[None]:
    """64 unsigned requests whose large bodies come at a byte in some time."""
    head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5000000\r\n\r\n" + b"x" * 60_000
    lines = [socket.create_connection((vinocr.host, vinocr.port)) for _ in range(64)]
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(0.2):
            for line in lines:
                try:
                    line.send(b"x")
                except OSError:
                    continue

    for line in lines:
        line.sendall(head)
    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    yield
    stop.set()
    thread.join()
    for line in lines:
        line.close()


@pytest.mark.usefixtures("slow_clients")
def test_slow_clients_and_slow_names_beside_honest_ones(
    vinocr: ServerProcess, site: HTTPThread
) -> None:
    large = {"ImageBase64": b64(photo() + bytes(300_000))}
    by_name = {"ImageUrl": f"http://localhost:{site.server_port}/photo.jpg"}
    by_address = {"ImageUrl": f"{site.url}/photo.jpg"}
    with ThreadPoolExecutor(40) as threads:
        slow = [
            threads.submit(refusal, vinocr, {"ImageUrl": f"http://n{n}.slow.test/a.jpg"})
            for n in range(32)
        ]
        wait_until(lambda: vinocr.counters()["vinocr_calls_received_total"] >= 32)
        honest = [
            threads.submit(call, vinocr, parameters)
            for parameters in (large, by_name, by_address) * 8
        ]
        assert [each.result() for each in honest] == [VIN] * 24
        assert {each.result() for each in slow} == {"FailedOperation.DownLoadError"}
