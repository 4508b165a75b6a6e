"""Signed requests go where they are meant to go, and carry what was signed: whatever the home says."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any, get_args

import pytest

from tests import secrets
from tests.clouds.bucket import FakeBucket
from tests.http_server import Handler, HTTPThread
from vindrop import settings as settings_module
from vindrop.clouds import Credentials, of_role, own_region, reachable_by, usable
from vindrop.clouds.tencent_api import TencentClient
from vindrop.core.photo import Photo
from vindrop.core.store_errors import StoreError
from vindrop.core.store_url import parse
from vindrop.domain import error_codes
from vindrop.domain.failures import FailureError
from vindrop.domain.upload import BucketCloud
from vindrop.recognizers.vinocr import VinOCR

CLOUDS = get_args(BucketCloud)
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
ANSWER = b'{"Response": {"Vin": "LBV2B25G2E5069977", "RequestId": "r-1"}}'


class Recorder(HTTPThread):
    """Answers like VinOCR, and keeps the headers of every request."""

    def __init__(self) -> None:
        super().__init__(_Recorded)
        self.seen: list[dict[str, str]] = []
        self.redirect = ""


class _Recorded(Handler):
    server: Recorder

    def do_POST(self) -> None:
        self.body()
        self.server.seen.append({name.lower(): v for name, v in self.headers.items()})
        if self.server.redirect:
            self.answer(307, b"", {"Location": self.server.redirect})
        else:
            self.answer(200, ANSWER, {"Content-Type": "application/json"})

    def do_GET(self) -> None:
        self.do_POST()


@pytest.fixture
def traps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A home with a password for every host, and a proxy for every request."""
    (tmp_path / ".netrc").write_text("default login me password x\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with Recorder() as proxy:
        for name in PROXIES:
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        yield proxy
        assert proxy.seen == []


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_bucket_on_this_machine_is_asked_without_proxy_and_password(
    traps: Any, cloud: BucketCloud
) -> None:
    with FakeBucket(cloud) as bucket:
        bucket.put("a.jpg", b"photo")
        assert bucket.store().fetch(bucket.upload("a.jpg")) == b"photo"
        assert "authorization" not in bucket.headers[0]
        bucket.refuses = (200, b"<ListBucketResult></ListBucketResult>", {})
        upload = bucket.upload("a.jpg")
        assert list(bucket.store().pages(upload.bucket, upload.region, "")) == [[]]
        assert not any("authorization" in each for each in bucket.headers)


def vinocr(url: str) -> VinOCR:
    settings = settings_module.load(
        {
            "VINDROP_LEDGER": "none",
            "VINDROP_RESULTS": "file:///dev/null",
            "VINDROP_DEAD_LETTERS": "file:///dev/null",
            "VINDROP_VINOCR_ENDPOINT": url,
            **secrets.VINOCR,
        }
    )
    return VinOCR(settings, {})


def test_vinocr_gets_its_own_signature_and_no_password(traps: Any) -> None:
    with Recorder() as service:
        answer = vinocr(service.url).recognize(Photo("bytes", data=b"photo"))
        assert answer.vin == "LBV2B25G2E5069977"
        assert service.seen[0]["authorization"].startswith("TC3-HMAC-SHA256 Credential=")


def test_an_api_of_tencent_gets_its_own_signature_and_no_password(traps: Any) -> None:
    with Recorder() as service:
        url = parse(f"cmq://ap-guangzhou/queue?endpoint={service.url}", ("endpoint",))
        client = TencentClient("tdmq", "2020-02-17", url, secrets.TENCENT)
        assert client.call("SendCmqMsg", {})["RequestId"] == "r-1"
        assert service.seen[0]["authorization"].startswith("TC3-HMAC-SHA256 Credential=")


def test_a_redirect_never_carries_a_signed_request_to_another_host() -> None:
    with Recorder() as service, Recorder() as other:
        service.redirect = other.url
        with pytest.raises(FailureError):
            vinocr(service.url).recognize(Photo("bytes", data=b"photo"))
        url = parse(f"cmq://ap-guangzhou/queue?endpoint={service.url}", ("endpoint",))
        with pytest.raises(StoreError):
            TencentClient("tdmq", "2020-02-17", url, secrets.TENCENT).call("SendCmqMsg", {})
        assert len(service.seen) == 2
        assert other.seen == []


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_redirect_of_a_bucket_is_not_followed(cloud: BucketCloud) -> None:
    with FakeBucket(cloud) as bucket, Recorder() as other:
        bucket.refuses = (302, b"", {"Location": f"{other.url}/a.jpg"})
        with pytest.raises(FailureError):
            bucket.store().fetch(bucket.upload("a.jpg"))
        assert other.seen == []


LOOPBACK = [
    "http://127.0.0.1:80/", "http://127.8.9.1/", "http://[::1]:9000/", "http://localhost/",
    "https://localhost:8443/", "http://bucket.localhost/", "http://LOCALHOST./", "http://0.0.0.0/",
    "http://[::]/", "http://127.1/", "http://0x7f000001/", "http://2130706433/",
    "http://[::ffff:127.0.0.1]/", "http://169.254.0.23/", "http://[fe80::1]/",
]  # fmt: skip


@pytest.mark.parametrize("url", LOOPBACK)
def test_no_proxy_is_asked_for_this_machine(traps: Any, url: str) -> None:
    assert reachable_by(url) == {}


def test_a_proxy_of_the_environment_is_asked_for_other_hosts(traps: Any) -> None:
    found = reachable_by("https://photos.s3.us-east-1.amazonaws.com/a.jpg")
    assert found["https"] == traps.url


def test_no_proxy_is_asked_for_what_the_environment_exempts(
    traps: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", ".myqcloud.com,10.0.0.0/8")
    assert "https" not in reachable_by("https://b-1.cos.ap-guangzhou.myqcloud.com/")
    assert "https" not in reachable_by("https://10.1.2.3/")
    assert reachable_by("https://photos.s3.us-east-1.amazonaws.com/")["https"] == traps.url


def test_nothing_of_ours_asks_the_network_in_another_way(root: Path) -> None:
    """`requests.get` and its kin read the home and the environment again."""
    asking = {*(f"requests.{verb}" for verb in ("get", "put", "post", "head", "request"))}
    found = [
        f"{path}:{node.lineno}"
        for path in (root / "layers" / "vindrop").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in asking
    ]
    assert found == []


AROUND = ["\n", "\r\n", " ", "\t", "\ufeff", "\u00a0", "\u200b", "\v", "\0"]


@pytest.mark.parametrize("blank", AROUND)
def test_blanks_around_keys_and_regions_are_no_part_of_them(blank: str) -> None:
    names = (("ID", "KEY", "TOKEN"),)
    given = {"ID": f"{blank}id", "KEY": f"key{blank}", "TOKEN": f"{blank}token{blank}"}
    assert of_role(names, given) == Credentials("id", "key", "token")
    assert own_region({"AWS_REGION": f"{blank}us-east-1{blank}"}, "aws") == "us-east-1"
    assert of_role(names, {"ID": blank, "KEY": "key"}) is None


@pytest.mark.parametrize("field", ["id", "key", "token"])
@pytest.mark.parametrize("bad", ["0 0", "0\n0", "ключ", "a\u200bb", "a\x7fb"])
def test_a_key_that_can_be_none_is_refused_in_one_sentence(field: str, bad: str) -> None:
    keys = Credentials(**{"id": "id", "key": "key", "token": "token", field: bad})
    with pytest.raises(FailureError, match="copy it anew") as caught:
        usable(keys, "AWS_ACCESS_KEY_ID")
    assert caught.value.failure.code == error_codes.NO_CREDENTIALS
    assert bad not in str(caught.value)
