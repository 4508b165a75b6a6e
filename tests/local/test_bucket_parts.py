"""The bucket's parts by themselves: keys, signatures, listing; and what no SDK would send."""

from __future__ import annotations

import hashlib
import http.client
import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from qcloud_cos.cos_auth import CosS3Auth

from tests import secrets
from vindrop_local.bucket import Account, Bucket, BucketServer, auth, keys, xml
from vindrop_local.bucket.errors import CosError
from vindrop_local.bucket.journal import Entry
from vindrop_local.bucket.listing import Page, page

KEY = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300).filter(
    lambda key: len(key.encode()) <= 1024
)
ODDISH = st.lists(
    st.sampled_from(["a", ".", "..", "/", "//", "\0", ".vindrop", "=", "%2F", "_", " ", "é"]),
    min_size=1,
    max_size=12,
).map("".join)


@given(KEY | ODDISH)
def test_a_keys_place_is_in_the_folder_and_leads_back_to_the_key(key: str) -> None:
    folder = Path("/f/bucket")
    odd = keys.odd_name(key)
    for name in filter(None, (keys.plain_name(key), odd)):
        assert "\0" not in name
        assert os.path.normpath(folder / name) == f"{folder}/{name}"
        assert all(0 < len(part.encode()) <= 255 for part in name.split("/"))
        assert keys.key_of(name) == key


@given(st.sets(KEY | ODDISH, max_size=12))
def test_odd_places_never_get_in_each_others_way(some: set[str]) -> None:
    names = {keys.odd_name(key) for key in some}
    assert len(names) == len(some)
    assert not any(one.startswith(other + "/") for one in names for other in names)


def asked(request: requests.PreparedRequest, path: str, query: dict[str, str]) -> auth.Asked:
    headers = {str(k).lower(): str(v) for k, v in request.headers.items()}
    return auth.Asked(str(request.method), path, list(query.items()), headers)


def signed(path: str = "/a b", **change: Any) -> auth.Asked:
    """A request signed by the official SDK."""
    conf = SimpleNamespace(
        _secret_id=secrets.TENCENT_ID,
        _secret_key=secrets.TENCENT_KEY,
        _anonymous=False,
        _sign_params=True,
        _sign_host=True,
        **change,
    )
    query = {"prefix": "车 +", "Max-Keys": "3"}
    headers = {"Host": "b-1.cos.ap-x.myqcloud.com", "x-cos-meta-A": "1 é"}
    request = requests.Request("GET", "http://h/", headers=headers).prepare()
    CosS3Auth(conf, path, params=query)(request)
    return asked(request, path, query)


def test_the_sdks_signature_is_taken_and_any_change_is_not() -> None:
    good = signed()
    account = Account(secrets.TENCENT_ID, secrets.TENCENT_KEY)
    now = time.time()
    assert auth.check(good, [Account("X", "Y"), account], now) is account
    changes: list[dict[str, Any]] = [
        {"method": "PUT"},
        {"path": "/a c"},
        {"query": [("prefix", "x"), ("Max-Keys", "3")]},
        {"query": []},
        {"headers": {**good.headers, "host": "other"}},
        {"headers": {**good.headers, "x-cos-meta-a": "2"}},
    ]
    for change in changes:
        with pytest.raises(CosError) as caught:
            auth.check(
                auth.Asked(
                    **{
                        "method": good.method,
                        "path": good.path,
                        "query": good.query,
                        "headers": good.headers,
                        **change,
                    }
                ),
                [account],
                now,
            )
        assert (caught.value.status, caught.value.code) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize(("later", "says"), [(20_000, "has expired"), (-3600, "not valid yet")])
def test_a_signature_has_its_time(later: int, says: str) -> None:
    with pytest.raises(CosError, match=says) as caught:
        auth.check(
            signed(), [Account(secrets.TENCENT_ID, secrets.TENCENT_KEY)], time.time() + later
        )
    assert caught.value.code == "AccessDenied"


@given(
    st.text(max_size=200) | st.just(f"q-sign-algorithm=sha1&q-ak={secrets.TENCENT_ID}&q-signature=")
)
def test_no_authorization_breaks_the_check(text: str) -> None:
    request = auth.Asked("GET", "/", [], {"authorization": text, "host": "h"})
    with pytest.raises(CosError) as caught:
        auth.check(request, [Account(secrets.TENCENT_ID, secrets.TENCENT_KEY)], time.time())
    assert caught.value.status == 403


@settings(max_examples=150)
@given(
    st.sets(st.text("ab/é", min_size=1, max_size=5), max_size=25),
    st.sampled_from(["", "a", "a/", "/", "é"]),
    st.sampled_from(["", "/", "b"]),
    st.integers(1, 7),
)
def test_pages_together_are_the_whole_listing(
    names: set[str], prefix: str, delimiter: str, max_keys: int
) -> None:
    ordered = sorted(names, key=str.encode)
    entries = {name: Entry(name, 1, 1, "e", "r", {}) for name in ordered}

    def fetch(key: bytes, inclusive: bool, limit: int) -> list[Entry]:
        after = [n for n in ordered if n.encode() > key or (inclusive and n.encode() == key)]
        return [entries[name] for name in after[:limit]]

    shown: list[str] = []
    for name in ordered:
        if name.startswith(prefix):
            at = name.find(delimiter, len(prefix)) if delimiter else -1
            group = name if at < 0 else name[: at + 1]
            if group not in shown or at < 0:
                shown.append(group)
    found: list[str] = []
    marker: str | None = ""
    while marker is not None:
        result: Page = page(
            fetch,
            lambda _: True,
            prefix=prefix,
            delimiter=delimiter,
            marker=marker,
            max_keys=max_keys,
        )
        got = [*(e.key for e in result.entries), *result.prefixes]
        assert len(got) <= max_keys
        assert result.next_marker is None or len(got) == max_keys
        found += got
        marker = result.next_marker
    assert sorted(found) == sorted(shown)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BucketServer]:
    folder = tmp_path_factory.mktemp("bucket")
    bucket = Bucket("photos-1250000000", "ap-guangzhou", folder / "b")
    with BucketServer(
        [bucket], [Account(secrets.TENCENT_ID, secrets.TENCENT_KEY)], folder / "s.sqlite"
    ) as running:
        yield running


def query_signature(method: str, path: str, host: str) -> str:
    """Sign by the document's own words, not with the code under test nor the SDK."""
    import hmac

    now = int(time.time())
    window = f"{now - 60};{now + 60}"
    request = f"{method.lower()}\n{path}\n\nhost={quote(host, safe='')}\n"
    text = f"sha1\n{window}\n{hashlib.sha1(request.encode()).hexdigest()}\n"
    key = hmac.new(secrets.TENCENT_KEY.encode(), window.encode(), "sha1").hexdigest()
    return urlencode(
        {
            "q-sign-algorithm": "sha1",
            "q-ak": secrets.TENCENT_ID,
            "q-sign-time": window,
            "q-key-time": window,
            "q-header-list": "host",
            "q-url-param-list": "",
            "q-signature": hmac.new(key.encode(), text.encode(), "sha1").hexdigest(),
        }
    )


def raw(server: BucketServer, method: str, target: str, body: bytes = b"") -> tuple[int, bytes]:
    (port,) = server.ports.values()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, target, body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    "key", ["/a", "//a/", "/../../x", "..", ".", "a/../b", "%2F", "\0", "a\0b"]
)
def test_keys_that_clients_tidy_away(server: BucketServer, key: str) -> None:
    (port,) = server.ports.values()
    path = "/" + quote(key, safe="/.")

    def call(method: str, body: bytes = b"") -> tuple[int, bytes]:
        host = f"127.0.0.1:{port}"  # with its port, as the documents have it
        return raw(server, method, f"{path}?{query_signature(method, '/' + key, host)}", body)

    assert call("PUT", key.encode())[0] == 200
    assert call("GET") == (200, key.encode())
    assert call("DELETE")[0] == 204
    assert call("GET")[0] == 404
    folder = server.buckets[0].folder
    assert {each.name for each in folder.iterdir()} == {".vindrop"}


@pytest.mark.parametrize(
    ("method", "target", "status", "code"),
    [
        ("GET", "/x", 403, b"AccessDenied"),
        ("GET", "/%ff", 400, b"InvalidURI"),
        ("GET", "/" + "x" * 2000, 400, b"KeyTooLong"),
        ("GET", "/x?q-signature=1", 403, b"AccessDenied"),
        ("POST", "/", 403, b"AccessDenied"),
    ],
)
def test_strange_requests_get_an_error_that_says_so(
    server: BucketServer, method: str, target: str, status: int, code: bytes
) -> None:
    got, body = raw(server, method, target)
    assert (got, b"<Code>" + code + b"</Code>" in body) == (status, True)


def test_an_upload_broken_off_leaves_nothing(server: BucketServer) -> None:
    (port,) = server.ports.values()
    query = query_signature("PUT", "/broken", f"127.0.0.1:{port}")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.putrequest("PUT", f"/broken?{query}")
    connection.putheader("Content-Length", "1000")
    connection.endheaders()
    connection.send(b"half")
    temporary = server.buckets[0].folder / ".vindrop" / "tmp"
    deadline = time.monotonic() + 10
    while not list(temporary.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert list(temporary.iterdir())
    connection.close()
    while list(temporary.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert list(temporary.iterdir()) == []
    query = query_signature("GET", "/broken", f"127.0.0.1:{port}")
    assert raw(server, "GET", f"/broken?{query}")[0] == 404


@pytest.mark.parametrize("name", ["photos", "Photos-125", "-a-125", "photos-", "a/b-125"])
def test_a_wrong_bucket_name_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="write it as COS does"):
        Bucket(name, "ap-guangzhou", tmp_path)
    with pytest.raises(ValueError, match="is not a region"):
        Bucket("photos-125", "Guangzhou", tmp_path)


def test_a_port_that_is_taken_is_said(server: BucketServer, tmp_path: Path) -> None:
    (port,) = server.ports.values()
    bucket = Bucket("photos-125", "ap-guangzhou", tmp_path / "b", port)
    other = BucketServer([bucket], [Account("A", "B")], tmp_path / "s.sqlite")
    with pytest.raises(OSError, match=f"port {port} on 127.0.0.1 is taken"):
        other.start()
    other.stop()


BOMB = '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]><Delete><Key>&b;</Key></Delete>'


@pytest.mark.parametrize(
    "text", [BOMB, "<!DOCTYPE Delete><Delete/>", "<!DOCTYPE  Delete SYSTEM 'x'><Delete/>"]
)
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"]
)
@pytest.mark.parametrize("declared", [True, False])
def test_a_document_type_is_refused_in_every_encoding(
    text: str, encoding: str, declared: bool
) -> None:
    name = encoding.removesuffix("-sig")
    head = f'<?xml version="1.0" encoding="{name}"?>' if declared else ""
    with pytest.raises(CosError):
        xml.read((head + text).encode(encoding), "Delete")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_xml_without_one_is_read(encoding: str) -> None:
    body = "<Delete><Key>图 &amp; &#65;</Key><!-- <!DOCTYPE --></Delete>".encode(encoding)
    assert xml.read(body, "Delete").findtext("Key") == "图 & A"
    with pytest.raises(CosError):
        xml.read(b'<?xml version="1.0" encoding="nonsense"?><Delete/>', "Delete")
