"""The parsers of VinOCR, the service: whatever comes, an answer of the contract or its error, at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

import h11
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.conftest import Target
from tests.vinocr.vinocr_support import photo
from vinocr.api import image_checks, signature, web_address
from vinocr.api import request as requests
from vinocr.api.addresses import AllowList, DenyList, is_public
from vinocr.api.codes import MESSAGES, ApiError, Language
from vinocr.serve.http_protocol import Connection

Fuzz = Callable[[Target], None]
HEADERS = [
    "content-type", "host", "authorization", "x-tc-action", "x-tc-version", "x-tc-timestamp",
    "x-tc-language", "x-tc-token", "x-tc-content-sha256", "content-length",
]  # fmt: skip
KINDS = [
    requests.JSON, requests.FORM, requests.MULTIPART, "multipart/form-data; boundary=b",
    "application/octet-stream", "text/plain; charset=x", "",
]  # fmt: skip
PIECES = [
    b"--b", b"--b--", b"\r\n", b"\r\n\r\n", b"\n", b"Content-Disposition: form-data; ",
    b'name="ImageBase64"', b"name=", b'filename="a"', b"Content-Type: text/plain", b"AAAA", b"\x00",
    b"--", b";", b'"', b"\\", b"=", b"&", b"%", b"%zz", b"{", b"}", b"[", b'"ImageUrl":', b"null",
]  # fmt: skip
ADDRESS = [
    "http", "https", "://", ":", "/", "//", "?", "#", ";", "@", "[", "]", "::1", "127.0.0.1", "0x7f.1",
    "example.com", "..", ".", "%", "%2f", "\\", "\t", "\u4e2d", ":80", ":0", ":99999", "a", "ftp",
]  # fmt: skip
scraps = st.lists(st.sampled_from(PIECES) | st.binary(max_size=12), max_size=30).map(b"".join)
addresses = st.lists(st.sampled_from(ADDRESS) | st.text(max_size=3), max_size=12).map("".join)
values = st.text(max_size=60) | st.sampled_from(
    [*KINDS, "VinOCR", "2018-11-19", "1700000000", "en-US"]
)
headers = st.dictionaries(st.sampled_from(HEADERS), values, max_size=10)


@st.composite
def whole(draw: st.DrawFn) -> requests.Request:
    method = draw(st.sampled_from(["GET", "POST"]))
    found = draw(headers)
    if draw(st.booleans()):
        found["content-type"] = draw(st.sampled_from(KINDS))
    query = draw(st.text(alphabet=st.characters(max_codepoint=0x7E), max_size=80))
    return requests.Request(method, query, found, draw(scraps), "192.0.2.1")


def checked(error: ApiError) -> None:
    assert error.code in MESSAGES
    for language in Language:
        assert error.text(language)


def test_wire(fuzz: Fuzz, loop: asyncio.AbstractEventLoop) -> None:
    """Common parameters, the action's own, language, size limits."""

    @given(whole())
    def wire(request: requests.Request) -> None:
        try:
            requests.size_limit(request.method, request.headers)
            requests.language(request, Language.ENGLISH)
            found = requests.common(request)
            given = loop.run_until_complete(requests.parameters(request, found))
            assert isinstance(given, dict)
        except ApiError as error:
            checked(error)

    fuzz(wire)


def test_json(fuzz: Fuzz) -> None:
    @given(scraps | st.binary(max_size=200) | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    ).map(lambda value: json.dumps(value).encode()))  # fmt: skip
    def json_body(body: bytes) -> None:
        try:
            assert isinstance(requests.json_object(body), dict)
        except ApiError as error:
            checked(error)

    fuzz(json_body)


def test_multipart(fuzz: Fuzz, loop: asyncio.AbstractEventLoop) -> None:
    @given(
        scraps,
        st.sampled_from(["multipart/form-data; boundary=b", "multipart/form-data", ""]) | values,
    )
    def multipart(body: bytes, kind: str) -> None:
        request = requests.Request("POST", "", {"content-type": kind}, body, "")
        try:
            for name, part in loop.run_until_complete(requests.multipart(request)):
                assert isinstance(name, str)
                assert isinstance(part, bytes | str)
        except ApiError as error:
            checked(error)

    fuzz(multipart)


def test_signature(fuzz: Fuzz) -> None:
    @given(
        st.lists(
            st.sampled_from(["TC3-HMAC-SHA256", " ", ",", "Credential=", "SignedHeaders=", "Signature=",
                             "/", "ocr", "tc3_request", "content-type;host", ";", "=", "x-a"]) | st.text(max_size=4),
            max_size=20,
        ).map("".join),
        headers, st.integers(), st.text(max_size=20),
    )  # fmt: skip
    def tc3(header: str, sent: dict[str, str], timestamp: int, query: str) -> None:
        with contextlib.suppress(signature.MalformedAuthorizationError):
            claim = signature.parse_authorization(header)
            assert not signature.tc3_is_valid(
                "secret", claim, timestamp, method="POST", raw_query=query,
                headers=sent | {"host": "h", "content-type": "x"}, body_hash="00",
            )  # fmt: skip

    fuzz(tc3)


def test_v1_signature(fuzz: Fuzz) -> None:
    @given(
        st.dictionaries(st.text(max_size=10), st.text(max_size=10), max_size=6),
        st.text(max_size=30),
    )
    def v1(parameters: dict[str, str], given: str) -> None:
        assert not signature.v1_is_valid(
            "secret", "HmacSHA256", given, method="GET", host="h", parameters=parameters
        )

    fuzz(v1)


def test_image_url(fuzz: Fuzz) -> None:
    @given(addresses)
    def image_url(url: str) -> None:
        try:
            found = web_address.parse(url)
        except ApiError as error:
            checked(error)
            return
        assert found.scheme in ("http", "https")
        assert found.target.startswith("/")
        assert found.target.isascii()
        assert found.target.isprintable()
        assert not set("@/?# ") & set(found.authority)

    fuzz(image_url)


def test_redirects(fuzz: Fuzz) -> None:
    @given(addresses.map(lambda text: text.encode("utf-8", "replace")) | st.binary(max_size=60))
    def redirect(location: bytes) -> None:
        url = web_address.join("http://a/b/c;d?e", location)
        assert url.isascii()
        assert url.isprintable()
        with contextlib.suppress(ApiError):
            web_address.parse(url)

    fuzz(redirect)


def test_addresses(fuzz: Fuzz) -> None:
    @given(st.ip_addresses())
    def address(ip: Any) -> None:
        assert is_public(str(ip)) in (True, False)
        assert not DenyList().denies(str(ip))
        assert not AllowList().allows("h", 80, str(ip))

    fuzz(address)


def test_images(fuzz: Fuzz) -> None:
    jpeg = photo(size=(200, 40))

    @given(st.binary(max_size=60), st.integers(0, len(jpeg)), st.text(max_size=80))
    def image(noise: bytes, at: int, text: str) -> None:
        for data in (noise, jpeg[:at] + noise + jpeg[at:], b"\xff\xd8" + noise, jpeg[:at]):
            try:
                image_checks.check(data)
            except ApiError as error:
                checked(error)
        try:
            image_checks.from_base64(text, 100)
        except ApiError as error:
            checked(error)

    fuzz(image)


def test_http(fuzz: Fuzz) -> None:
    """What comes over a connection, in whatever pieces."""
    words = [b"GET ", b"POST ", b"CONNECT ", b"/ ", b"HTTP/1.1", b"HTTP/1.0", b"\r\n", b"\r\n\r\n", b"\n",
             b"host: x", b"content-length: 5", b"transfer-encoding: chunked", b"1\r\nx\r\n", b"0\r\n\r\n",
             b"a:", b":", b" ", b"\x00", b"hello", b"expect: 100-continue"]  # fmt: skip

    @given(
        st.lists(st.sampled_from(words) | st.binary(max_size=5), max_size=40), st.integers(1, 50)
    )
    def http(pieces: list[bytes], size: int) -> None:
        data = b"".join(pieces)
        connection = Connection()
        with contextlib.suppress(h11.RemoteProtocolError):
            for at in range(0, len(data), size):
                connection.receive_data(data[at : at + size])
                while connection.next_event() not in (h11.NEED_DATA, h11.PAUSED):
                    pass

    fuzz(http)
