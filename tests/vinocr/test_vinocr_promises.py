"""Promises that a test must notice when they are broken: addresses, ports, constant time, replay, Host."""

from __future__ import annotations

import asyncio
import hmac
import http.client
import json
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from starlette.requests import Request as HttpRequest

from tests import secrets
from tests.vinocr.vinocr_support import ID, KEY, photo, stub_reader
from vinocr.api import authentication, signature
from vinocr.api import request as requests
from vinocr.api.accounts import Account, Accounts
from vinocr.api.addresses import AllowList, DenyList, is_public, is_web_port, networks
from vinocr.api.codes import ApiError
from vinocr.api.download import Downloader
from vinocr.api.replay import UsedSignatures
from vinocr.launcher import ServerProcess
from vinocr.serve.operators import Operators

# --- addresses and ports -------------------------------------------------------------------------

NOT_PUBLIC = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32",
    "::/128", "::1/128", "::ffff:0:0/112", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:2::/48",
    "2001:10::/28", "2001:20::/28", "2001:db8::/32", "2002:7f00::/24", "2002:a00::/24", "3fff::/20",
    "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
]  # fmt: skip


@pytest.mark.parametrize("network", NOT_PUBLIC)
def test_no_address_of_these_networks_is_public(network: str) -> None:
    found = ip_network(network)
    first, last = found.network_address, found.broadcast_address
    middle = type(first)((int(first) + int(last)) // 2)
    for address in (first, middle, last):
        assert not is_public(str(address)), address
        if address.version == 4:
            assert not is_public(f"::ffff:{address}")
            assert not is_public(f"64:ff9b::{address}")


def test_whatever_python_s_own_tables_say() -> None:
    """Versions of Python differ; here every one says that every address is public."""
    from ipaddress import IPv4Address, IPv6Address

    names = ("is_multicast", "is_reserved", "is_unspecified", "is_private", "is_link_local")
    says: dict[str, Any] = dict.fromkeys(names, property(lambda _: False))
    says["is_global"] = property(lambda _: True)
    with mock.patch.multiple(IPv4Address, **says), mock.patch.multiple(IPv6Address, **says):
        for address in ("fec0::1", "192.0.0.192", "3fff::1", "224.0.0.1", "240.0.0.1", "ff02::1"):
            assert not is_public(address), address
        assert is_public("8.8.8.8")


def fetch(address: str, port: int, deny: tuple[str, ...] = (), allow: tuple[str, ...] = ()) -> str:
    """Download from a name that leads to ``address``; return why not."""

    async def resolve(_: str, __: int) -> list[str]:
        return [address]

    loader = Downloader(
        allow=AllowList.parse(allow), deny=DenyList(networks(deny)), seconds=20, max_bytes=100,
        max_base64=100, redirects=0, resolver=resolve,
    )  # fmt: skip

    async def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    with mock.patch("httpcore.AnyIOBackend.connect_tcp", refuse), pytest.raises(ApiError) as caught:
        asyncio.run(loader.fetch(f"http://photos.example.com:{port}/a.jpg"))
    assert caught.value.code == "FailedOperation.DownLoadError"
    return str(caught.value.about["why"])


@pytest.mark.parametrize("address", ["224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
                                     "ff02::1", "ff0e::1", "4000::1", "::8.8.8.8"])  # fmt: skip
def test_reserved_and_multicast_addresses_are_not_reached(address: str) -> None:
    assert fetch(address, 80) == "the address is not a public one"


@pytest.mark.parametrize("port", [1, 21, 22, 23, 25, 53, 81, 110, 143, 442, 444, 445, 993, 1023])
def test_ports_of_other_services_are_not_reached(port: int) -> None:
    assert not is_web_port(port)
    assert fetch("93.184.215.14", port) == "the address is not a public one"


@pytest.mark.parametrize("address", ["168.63.129.16", "::ffff:168.63.129.16", "2002:a83f:8110::",
                                     "64:ff9b::a83f:8110"])  # fmt: skip
def test_a_cloud_s_internal_address_in_a_public_range_can_be_listed(address: str) -> None:
    assert fetch(address, 80, ("168.63.129.16",)) == "the address is not a public one"
    allowed = ("photos.example.com",)
    assert fetch(address, 80, ("168.63.129.16",), allowed) == "the address is not a public one"


# --- constant time -------------------------------------------------------------------------------

NOW = 1_700_000_000
TOKEN = secrets.TENCENT_TOKEN
ACCOUNTS = Accounts.model_validate(
    {
        "accounts": [
            {"uin": "1", "keys": [{"secret_id": ID, "secret_key": KEY}], "api_keys": ["key-of-one"]}
        ]
    }
)


def tc3(secret: str = KEY) -> requests.Request:
    headers = {"content-type": "application/json", "host": "h", "x-tc-action": "VinOCR"}
    headers |= {"x-tc-version": "2018-11-19", "x-tc-timestamp": str(NOW)}
    pairs = [(name, headers[name]) for name in ("content-type", "host")]
    body_hash = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"  # of {}
    canonical = signature.canonical_request("POST", "", pairs, body_hash)
    made = signature.tc3_signature(secret, NOW, "2023-11-14", "ocr", canonical)
    headers["authorization"] = (
        f"TC3-HMAC-SHA256 Credential={ID}/2023-11-14/ocr/tc3_request, "
        f"SignedHeaders=content-type;host, Signature={made}"
    )
    return requests.Request("POST", "", headers, b"{}", "192.0.2.1")


def v1(nonce: int = 1, secret: str = KEY) -> requests.Request:
    values = {
        "Action": "VinOCR", "Version": "2018-11-19", "Timestamp": str(NOW), "Nonce": str(nonce),
        "SecretId": ID,
    }  # fmt: skip
    text = signature.v1_string_to_sign("GET", "h", values)
    values["Signature"] = signature.v1_signature(secret, "HmacSHA1", text)
    from urllib.parse import urlencode

    return requests.Request("GET", urlencode(values), {"host": "h"}, b"", "192.0.2.1")


def authenticate(request: requests.Request, used: UsedSignatures | None = None) -> Account:
    found = requests.common(request)
    return authentication.authenticate(request, found, ACCOUNTS, NOW, used)


@pytest.mark.parametrize("make", [tc3, v1])
@pytest.mark.parametrize("says", [True, False])
def test_compare_digest_alone_decides_about_signatures(make: Any, says: bool) -> None:
    """What is right is refused, and what is wrong taken, if it says so: nothing else compares."""
    request = make(secret=KEY if not says else "another secret")
    with mock.patch.object(hmac, "compare_digest", return_value=says) as compare:
        if says:
            assert authenticate(request).uin == "1"
        else:
            with pytest.raises(ApiError, match="SignatureFailure"):
                authenticate(request)
    assert compare.called


@pytest.mark.parametrize("says", [True, False])
def test_compare_digest_alone_decides_about_tokens(says: bool) -> None:
    key = {"secret_id": ID, "secret_key": KEY, "token": TOKEN, "expires": NOW + 600}
    accounts = Accounts.model_validate({"accounts": [{"uin": "1", "keys": [key]}]})
    request = tc3()
    request.headers["x-tc-token"] = "another token" if says else TOKEN  # type: ignore[index]
    found = requests.common(request)
    plain = hmac.compare_digest

    def compare(a: Any, b: Any) -> bool:
        return says if TOKEN.encode() in (a, b) else plain(a, b)

    with mock.patch.object(hmac, "compare_digest", compare):
        if says:
            assert authentication.authenticate(request, found, accounts, NOW).uin == "1"
        else:
            with pytest.raises(ApiError, match="TokenFailure"):
                authentication.authenticate(request, found, accounts, NOW)


# --- replay --------------------------------------------------------------------------------------


def test_a_v1_signature_is_taken_once() -> None:
    used = UsedSignatures()
    assert authenticate(v1(1), used).uin == "1"
    with pytest.raises(ApiError) as caught:
        authenticate(v1(1), used)
    assert caught.value.code == "AuthFailure.SignatureFailure"
    assert "Nonce" in str(caught.value.message)
    assert authenticate(v1(2), used).uin == "1", "another nonce is another request"
    assert authenticate(tc3(), used).uin == authenticate(tc3(), used).uin, "TC3 has no nonce"


def test_a_wrong_signature_uses_nothing_up() -> None:
    used = UsedSignatures()
    with pytest.raises(ApiError):
        authenticate(v1(1, secret="another"), used)
    assert authenticate(v1(1), used).uin == "1"


def test_used_signatures_are_forgotten_when_their_time_is_over() -> None:
    used = UsedSignatures()
    for n in range(50):
        assert used.first("id", f"s{n}", 1000 + n)
    used.forget(1025)
    assert not used.first("id", "s25", 2000)
    assert used.first("id", "s24", 2000)
    for n in range(100_100):
        used.first("id", f"t{n}", 3000)
    assert len(used._used["id"]) <= 100_000, "memory is bounded"


# --- operators -----------------------------------------------------------------------------------


def asked(host: str | None, client: str = "127.0.0.1", origin: str | None = None) -> HttpRequest:
    headers = [
        (name, value.encode()) for name, value in ((b"host", host), (b"origin", origin)) if value
    ]
    return HttpRequest({"type": "http", "headers": headers, "client": (client, 1)})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:9000", "[::1]:9000", "localhost", "vinocr:9000",
                                  "LOCALHOST.:1", "a.svc", "vinocr.internal:80", "ops.example.com"])  # fmt: skip
def test_hosts_of_operators(host: str) -> None:
    assert Operators(("127.0.0.0/8",), ("Ops.Example.com",)).include(asked(host))


@pytest.mark.parametrize("host", ["evil.example.net", "evil.com:9000", "127.0.0.1.evil.com", "localhost.evil.com",
                                  "", None, "127.0.0.1@evil.com", "evil.com."])  # fmt: skip
def test_a_name_that_was_pointed_here_is_none(host: str | None) -> None:
    operators = Operators(("127.0.0.0/8",))
    assert not operators.include(asked(host))
    assert "VINOCR_HOSTS" in str(operators.refusal(asked(host)))


def test_another_site_s_page_is_none() -> None:
    operators = Operators(("127.0.0.0/8",))
    assert operators.include(asked("127.0.0.1:9000", origin="http://127.0.0.1:9000"))
    for origin in ("http://evil.com", "null", "http://127.0.0.1:9001"):
        assert not operators.include(asked("127.0.0.1:9000", origin=origin))


# --- API keys ------------------------------------------------------------------------------------


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that compares API keys with a stand-in which takes what ends in ``!``."""
    accounts = tmp_path / "accounts.json"
    keys = [{"secret_id": ID, "secret_key": KEY}]
    accounts.write_text(json.dumps({"accounts": [{"keys": keys, "api_keys": ["key-of-one"]}]}))
    texts = stub_reader(
        tmp_path, server="import hmac; hmac.compare_digest = lambda a, b: b.endswith(b'!')"
    )
    del texts["VINOCR_SECRET_ID"], texts["VINOCR_SECRET_KEY"]
    texts |= {"VINOCR_ACCOUNTS": str(accounts), "VINOCR_OPERATORS": "none"}
    with ServerProcess.start(texts, log=tmp_path / "log.jsonl") as vinocr:
        yield vinocr


def post(vinocr: ServerProcess, key: str) -> tuple[int, str | None]:
    line = http.client.HTTPConnection(vinocr.host, vinocr.port, timeout=60)
    headers = {"Content-Type": "image/jpeg", "Authorization": f"Bearer {key}"}
    line.request("POST", "/v1/vin", photo(), headers)
    answer = line.getresponse()
    answer.read()
    line.close()
    return answer.status, answer.getheader("retry-after")


def test_compare_digest_alone_decides_about_api_keys(keyed: ServerProcess) -> None:
    assert post(keyed, "key-of-one")[0] == 401
    assert post(keyed, "anything!")[0] == 200


def test_wrong_keys_are_slowed_and_logged_with_their_address(
    keyed: ServerProcess, tmp_path: Path
) -> None:
    statuses = [post(keyed, f"guess-{n}") for n in range(40)]
    assert {status for status, _ in statuses[:10]} == {401}
    refused = [told for status, told in statuses[10:] if status == 429]
    assert refused, "a client as fast as this one is told to wait"
    assert all(int(str(told)) >= 1 for told in refused)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    noted = [line for line in log if line["event"] == "wrong_api_key"]
    assert [line["count"] for line in noted] == list(range(1, len(noted) + 1))
    assert {line["client"] for line in noted} == {"127.0.0.1"}
    assert "guess-" not in json.dumps(log)
