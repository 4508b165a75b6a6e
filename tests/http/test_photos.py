"""Every way to send a photo, and what is said of what is none."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.http.conftest import ask
from vindrop.core.photo import Sent
from vindrop.http import photos
from vindrop.http.photos import ObjectNamed
from vindrop.http.problems import ProblemError
from vindrop.http.request import Request

JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 3 + b"\r\n--boundary\r\n--\r\n\x00"
assert base64.b64encode(JPEG).count(b"+") > 3
ENCODED = base64.b64encode(JPEG).decode()


def read(body: bytes | str, kind: str = "") -> Sent | ObjectNamed:
    data = body.encode() if isinstance(body, str) else body
    return photos.read(Request("tencent_url", "POST", "/", {"content-type": kind}, data))[0]


def form(*parts: tuple[str, bytes], boundary: str = "xYzZy", end: bool = True) -> tuple[bytes, str]:
    body = b"".join(
        f"--{boundary}\r\n{headers}\r\n\r\n".encode() + data + b"\r\n" for headers, data in parts
    )
    body += f"--{boundary}--\r\n".encode() if end else b""
    return body, f"multipart/form-data; boundary={boundary}"


FILE = 'Content-Disposition: form-data; name="photo"; filename="车架号.jpg"\r\nContent-Type: image/jpeg'
FIELD = 'Content-Disposition: form-data; name="note"'


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (JPEG, "image/jpeg"),
        (JPEG, "IMAGE/JPEG; x=y"),
        (JPEG, ""),
        (JPEG, "application/x-www-form-urlencoded"),  # curl --data-binary
        (JPEG, "text/plain"),
        (ENCODED, "text/plain"),
        (ENCODED, "image/jpeg"),
        (f"  {ENCODED}\n", ""),
        (base64.encodebytes(JPEG), "text/plain"),  # in lines of 76, as base64(1) writes them
        (base64.urlsafe_b64encode(JPEG).rstrip(b"="), "text/plain"),
        (json.dumps({"ImageBase64": ENCODED}), "application/json"),
        (json.dumps({"ImageBase64": ENCODED}), "application/json; charset=utf-8"),
        (json.dumps({"ImageBase64": ENCODED}), ""),
        (json.dumps({"ImageBase64": f"data:image/jpeg;base64,{ENCODED}"}), "application/json"),
        (json.dumps({"ImageBase64": ENCODED.replace("+", " ")}), "application/json"),
        (json.dumps({"ImageBase64": base64.encodebytes(JPEG).decode()}), "application/json"),
        (json.dumps({"ImageBase64": f" {ENCODED}\r\n"}), "application/json"),
        (ENCODED.replace("+", " "), "text/plain"),  # a form's decoder made blanks of plus signs
        (ENCODED.replace("+", " "), "application/x-www-form-urlencoded"),
        (" ".join(ENCODED[n : n + 76] for n in range(0, len(ENCODED), 76)), "text/plain"),
        form((FILE, JPEG)),
        form((FIELD, b"hello"), (FILE, JPEG), (FILE, b"another")),
        form(("Content-Disposition: form-data; name=x\r\ncontent-type: image/png", JPEG)),
        form((FILE, ENCODED.encode())),
    ],
)
def test_each_way_gives_the_same_bytes(body: bytes | str, kind: str) -> None:
    assert read(body, kind) == Sent(data=JPEG)


@given(st.binary(max_size=2000), st.text("abcXYZ09'_-", min_size=1, max_size=60))
def test_any_bytes_pass_through_a_form_unchanged(data: bytes, boundary: str) -> None:
    photo = b"\xff\xd8\xff" + data
    if f"--{boundary}".encode() in photo:
        return
    assert read(*form((FIELD, b"1"), (FILE, photo), boundary=boundary)) == Sent(data=photo)


def test_a_url_is_passed_on_as_it_is() -> None:
    url = "https://shop.example/p/%E8%BD%A6.jpg?sign=a%2Bb&x=1"
    assert read(json.dumps({"ImageUrl": url})) == Sent(url=url)


def test_an_object_is_named_by_bucket_and_key() -> None:
    found = read(
        json.dumps({"bucket": "photos-1", "key": "车架号 1+1%.jpg", "region": "ap-guangzhou"})
    )
    assert found == ObjectNamed(bucket="photos-1", key="车架号 1+1%.jpg", region="ap-guangzhou")


@pytest.mark.parametrize(
    ("body", "kind", "problem"),
    [
        (b"", "image/jpeg", "empty-photo"),
        (b" \n", "", "empty-photo"),
        (b"hello, world", "image/jpeg", "not-a-photo"),
        ("aGVsbG8=", "text/plain", "not-a-photo"),
        (b"%PDF-1.7", "application/pdf", "not-a-photo"),
        ("{", "application/json", "bad-request"),
        ("[]", "application/json", "bad-request"),
        ("{}", "application/json", "bad-request"),
        ("[" * 100_000, "application/json", "bad-request"),
        (b"\xff\xfe{", "application/json", "bad-request"),
        ('{"ImageBase64": ""}', "", "empty-photo"),
        ('{"ImageBase64": 1}', "", "bad-request"),
        ('{"ImageBase64": "***"}', "", "bad-request"),
        ('{"ImageBase64": "aGVsbG8="}', "", "not-a-photo"),
        ('{"ImageBase64": "x", "ImageUrl": "https://a/b"}', "", "bad-request"),
        ('{"ImageBase64": "x", "Region": "y"}', "", "bad-request"),
        ('{"ImageUrl": "ftp://a/b.jpg"}', "", "bad-request"),
        ('{"ImageUrl": "file:///etc/passwd"}', "", "bad-request"),
        ('{"ImageUrl": "https://a/b c"}', "", "bad-request"),
        ('{"ImageUrl": "https://[::1/x"}', "", "bad-request"),
        ('{"ImageUrl": "https://a:99999/x"}', "", "bad-request"),
        ('{"ImageUrl": "https:///x"}', "", "bad-request"),
        ('{"bucket": "b"}', "", "bad-request"),
        ('{"bucket": "b", "key": ""}', "", "bad-request"),
        ('{"bucket": "b", "key": "k", "region": "../x"}', "", "bad-request"),
        ('{"bucket": "b", "key": "k", "cloud": "http"}', "", "bad-request"),
        (*form((FIELD, b"only a field")), "empty-photo"),
        (*form((FILE, b"")), "empty-photo"),
        (*form((FILE, b"no image")), "not-a-photo"),
        (*form((FILE, JPEG), end=False), "bad-request"),
        (*form(*[(FIELD, b"x")] * 40, (FILE, JPEG)), "bad-request"),
        (JPEG, "multipart/form-data", "bad-request"),
        (b"garbage", "multipart/form-data; boundary=x", "bad-request"),
    ],
)
def test_what_is_no_photo_is_refused_with_a_reason(
    body: bytes | str, kind: str, problem: str
) -> None:
    with pytest.raises(ProblemError) as caught:
        read(body, kind)
    assert caught.value.name == problem
    assert caught.value.detail.endswith(".")


def test_a_signed_url_is_never_quoted_back_or_logged(capsys: pytest.CaptureFixture[str]) -> None:
    for url in ("https://a/b c?sign=PLANTED", 7, "PLANTED://x", ["PLANTED"]):
        body = json.dumps({"ImageUrl": url})
        answer = ask("POST", "/v1/vin", {"Content-Type": "application/json"}, body)
        assert answer.problem == "bad-request"
        assert "PLANTED" not in answer.text + capsys.readouterr().out


@given(
    st.binary(max_size=300),
    st.sampled_from(["", "application/json", "multipart/form-data; boundary=x"]),
)
def test_any_body_is_a_photo_or_a_problem(body: bytes, kind: str) -> None:
    status = 400
    try:
        read(body, kind)
    except ProblemError as error:
        status = error.kind.status
    assert status in {400, 415}
