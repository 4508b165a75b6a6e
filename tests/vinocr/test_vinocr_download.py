"""ImageUrl: what is fetched, what is refused, and that nothing inside can be reached."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.http_server import Handler, HTTPThread
from tests.vinocr.vinocr_support import VIN, call, photo, refusal
from vinocr.api.addresses import AllowList, is_public
from vinocr.api.codes import ApiError
from vinocr.api.download import Downloader, GuardedBackend
from vinocr.launcher import ServerProcess

Start = Callable[..., ServerProcess]
LIMIT = 7 * 1024 * 1024


class Site(HTTPThread):
    """A web site on loopback that answers as its paths say."""

    hits: list[str]


class Pages(Handler):
    server: Site

    def do_GET(self) -> None:
        self.server.hits.append(self.path)
        name, _, rest = self.path[1:].partition("/")
        getattr(self, "page_" + name.partition("?")[0].replace(".", "_"), self.page_missing)(rest)

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.answer(status, body, {key.replace("_", "-"): v for key, v in headers.items()})

    def page_missing(self, _: str) -> None:
        self.send(404, b"no")

    def page_photo_jpg(self, _: str) -> None:
        self.send(200, photo(), Content_Type="text/html")  # what it is, its content says

    def page_empty(self, _: str) -> None:
        self.send(200, b"")

    def page_html(self, _: str) -> None:
        self.send(200, b"<html>log in first</html>")

    def page_gzip(self, _: str) -> None:
        self.send(200, photo(), Content_Encoding="gzip")

    def page_big(self, _: str) -> None:
        self.send(200, b"", Content_Length=str(LIMIT))

    def page_endless(self, _: str) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        block = bytes(65536)
        try:
            while True:
                self.wfile.write(b"10000\r\n" + block + b"\r\n")
        except OSError:
            self.close_connection = True

    def page_drip(self, _: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        try:
            for _n in range(100):
                self.wfile.write(b"\xff")
                self.wfile.flush()
                time.sleep(0.1)
        except OSError:
            self.close_connection = True

    def page_short(self, _: str) -> None:
        self.send(200, b"\xff\xd8\xff", Content_Length="1000")
        self.close_connection = True

    def page_to(self, target: str) -> None:
        self.send(302, b"", Location=target)

    def page_hop(self, count: str) -> None:
        self.send(302, b"", Location=f"/hop/{int(count) - 1}" if int(count) else "/photo.jpg")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site(Pages) as server:
        server.hits = []
        yield server


@pytest.fixture(scope="module")
def allowed(start: Start, site: Site) -> ServerProcess:
    return start(url_allow=f"127.0.0.1:{site.server_port}", url_seconds=1.5)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_photo_is_fetched_and_read(allowed: ServerProcess, site: Site, method: str) -> None:
    url = f"{site.url}/photo.jpg?q-signature=a%2Bb&x=1"
    assert call(allowed, {"ImageUrl": url}, method=method) == VIN
    assert site.hits[-1] == "/photo.jpg?q-signature=a%2Bb&x=1", "the query arrives as it was given"


def test_redirects_are_followed_but_not_for_ever(allowed: ServerProcess, site: Site) -> None:
    assert call(allowed, {"ImageUrl": f"{site.url}/hop/2"}) == VIN
    assert refusal(allowed, {"ImageUrl": f"{site.url}/hop/3"}) == "FailedOperation.DownLoadError"


@pytest.mark.parametrize(
    ("page", "code"),
    [
        ("missing", "FailedOperation.DownLoadError"),
        ("gzip", "FailedOperation.DownLoadError"),
        ("short", "FailedOperation.DownLoadError"),
        ("drip", "FailedOperation.DownLoadError"),
        ("to/ftp://example.com/a.jpg", "FailedOperation.DownLoadError"),
        ("to/", "FailedOperation.DownLoadError"),
        ("empty", "FailedOperation.EmptyImageError"),
        ("html", "FailedOperation.UnKnowFileTypeError"),
        ("big", "LimitExceeded.TooLargeFileError"),
        ("endless", "LimitExceeded.TooLargeFileError"),
    ],
)
def test_what_a_site_can_answer(allowed: ServerProcess, site: Site, page: str, code: str) -> None:
    assert refusal(allowed, {"ImageUrl": f"{site.url}/{page}"}) == code


def test_a_dripping_site_holds_nobody_else_up(allowed: ServerProcess, site: Site) -> None:
    with ThreadPoolExecutor(2) as threads:
        slow = threads.submit(refusal, allowed, {"ImageUrl": f"{site.url}/drip"})
        time.sleep(0.2)
        assert call(allowed, {"ImageUrl": f"{site.url}/photo.jpg"}) == VIN
        assert not slow.done()
        assert slow.result() == "FailedOperation.DownLoadError"


INSIDE = [
    "http://127.0.0.1:{port}/photo.jpg",
    "http://127.1:{port}/photo.jpg",
    "http://2130706433:{port}/photo.jpg",
    "http://0x7f000001:{port}/photo.jpg",
    "http://0177.0.0.1:{port}/photo.jpg",
    "http://0.0.0.0:{port}/photo.jpg",
    "http://[::1]:{port}/photo.jpg",
    "http://[::ffff:127.0.0.1]:{port}/photo.jpg",
    "http://[::ffff:7f00:1]:{port}/photo.jpg",
    "http://[::]:{port}/photo.jpg",
    "http://localhost:{port}/photo.jpg",
    "http://LOCALHOST.:{port}/photo.jpg",
    "http://127.0.0.1/",
    "https://127.0.0.1/",
    "http://169.254.0.23/latest/meta-data",
    "http://2852061207/",
    "http://169.254.169.254/latest/meta-data",
    "http://[fd00:ec2::254]/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://100.100.100.200/",
    "http://[64:ff9b::a9fe:17]/",
    "http://[2002:7f00:1::]/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
]


@pytest.mark.parametrize("url", INSIDE)
def test_nothing_inside_can_be_reached(vinocr: ServerProcess, site: Site, url: str) -> None:
    site.hits.clear()
    code = refusal(vinocr, {"ImageUrl": url.format(port=site.server_port)})
    assert code == "FailedOperation.DownLoadError"
    assert site.hits == []


@pytest.mark.parametrize(
    "target", ["http://localhost:{port}/photo.jpg", "http://169.254.0.23/", "http://[::1]:{port}/"]
)
def test_nor_by_a_redirect(allowed: ServerProcess, site: Site, target: str) -> None:
    site.hits.clear()
    url = f"{site.url}/to/{target.format(port=site.server_port)}"
    assert refusal(allowed, {"ImageUrl": url}) == "FailedOperation.DownLoadError"
    assert len(site.hits) == 1, "only the page that redirects was fetched"


def downloader(allow: AllowList, answers: list[list[str]]) -> Downloader:
    turn = iter(answers)

    async def resolve(_: str, __: int) -> list[str]:
        return next(turn)

    return Downloader(
        allow=allow, seconds=2, max_bytes=LIMIT, max_base64=LIMIT, redirects=3, resolver=resolve
    )


def fetch(loader: Downloader, url: str) -> bytes:
    return asyncio.run(loader.fetch(url))


@pytest.mark.parametrize("answers", [["127.0.0.1"], ["93.184.215.14", "127.0.0.1"], ["::1"]])
def test_a_name_that_resolves_inside(site: Site, answers: list[str]) -> None:
    loader = downloader(AllowList(), [answers])
    site.hits.clear()
    with pytest.raises(ApiError) as caught:
        fetch(loader, f"http://photos.example.com:{site.server_port}/photo.jpg")
    assert caught.value.code == "FailedOperation.DownLoadError"
    assert site.hits == []


def test_a_name_that_changes_its_answer_is_asked_once(site: Site) -> None:
    """DNS rebinding: the address that was checked is the one that is connected to."""
    asked: list[str] = []

    async def resolve(host: str, _: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.0.23"]

    allow = AllowList.parse([f"photos.example.com:{site.server_port}"])
    backend = GuardedBackend(allow, resolve)

    async def connect() -> Any:
        stream = await backend.connect_tcp("photos.example.com", site.server_port, timeout=2)
        peer = stream.get_extra_info("server_addr")
        await stream.aclose()
        return peer

    assert asyncio.run(connect())[0] == "127.0.0.1"
    assert asked == ["photos.example.com"]


def test_ports_of_other_services_are_not_spoken_to() -> None:
    for port in (22, 25, 110):
        with pytest.raises(ApiError) as caught:
            fetch(downloader(AllowList(), [["93.184.215.14"]]), f"http://example.com:{port}/")
        assert caught.value.code == "FailedOperation.DownLoadError"


def test_what_is_public() -> None:
    assert all(
        map(is_public, ["8.8.8.8", "93.184.215.14", "2001:4860:4860::8888", "64:ff9b::808:808"])
    )
    assert not any(
        map(is_public, ["127.0.0.1", "::1", "fe80::1%eth0", "100.127.255.255", "0.0.0.0"])
    )


def test_allow_lists() -> None:
    allow = AllowList.parse(
        ["127.0.0.1:9001", "bucket.local", "10.0.0.0/8", "[::1]:9002", "fd00::/8"]
    )
    assert allow.allows("127.0.0.1", 9001, "127.0.0.1")
    assert allow.allows("[::1]", 9002, "::1")
    assert allow.allows("bucket.local", 80, "127.0.0.1")
    assert allow.allows("x", 80, "10.9.9.9")
    assert allow.allows("x", 80, "::ffff:10.9.9.9")
    assert allow.allows("x", 80, "fd00::7")
    assert not allow.allows("127.0.0.1", 9002, "127.0.0.1")
    assert not allow.allows("x", 9001, "127.0.0.1")
    for wrong in ("", ":80", "host:99999", "host:http", "10.0.0.0/99"):
        with pytest.raises(ValueError, match="is n"):
            AllowList.parse([wrong])
