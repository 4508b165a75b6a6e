"""The server on the wire: exact headers, odd requests, health, metrics, logs, a clean end."""

from __future__ import annotations

import datetime as dt
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

from tests.vinocr.vinocr_support import ID, KEY, VIN, b64, call, client, photo, refusal
from vinocr.api import signature
from vinocr.launcher import LaunchError, ServerProcess

Start = Callable[..., ServerProcess]
GOOD = {"ImageBase64": b64(photo())}


def signed(
    vinocr: ServerProcess, body: bytes, method: str = "POST", query: str = "", **other: str
) -> dict[str, str]:
    """Headers of a TC3 request, signed here: what no SDK would send can be tried too."""
    headers = {"content-type": "application/json", "host": vinocr.endpoint, **other}
    now = int(time.time())
    pairs = [(name, headers[name]) for name in ("content-type", "host")]
    canonical = signature.canonical_request(method, query, pairs, hashlib.sha256(body).hexdigest())
    date = signature.utc_date(now)
    made = signature.tc3_signature(KEY, now, date, "ocr", canonical)
    return headers | {
        "X-TC-Action": "VinOCR",
        "X-TC-Version": "2018-11-19",
        "X-TC-Timestamp": str(now),
        "X-TC-Language": "en-US",
        "Authorization": f"TC3-HMAC-SHA256 Credential={ID}/{date}/ocr/tc3_request, "
        f"SignedHeaders=content-type;host, Signature={made}",
    }


def send(
    vinocr: ServerProcess,
    method: str,
    target: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(vinocr.host, vinocr.port, timeout=20)
    try:
        connection.request(method, target, body, headers or {})
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def code(body: bytes) -> str:
    response = json.loads(body)["Response"]
    assert response["RequestId"]
    return str(response["Error"]["Code"])


def test_status_and_content_type_are_exact(vinocr: ServerProcess) -> None:
    for body in (json.dumps(GOOD).encode(), b"{}", b"not json"):
        response, answer = send(vinocr, "POST", "/", body, signed(vinocr, body))
        assert response.status == 200
        assert response.getheader("content-type") == "application/json"
        assert response.getheader("server") is None
        assert list(json.loads(answer)) == ["Response"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "MissingParameter"),
        (b"null", "InvalidParameter"),
        (b"[]", "InvalidParameter"),
        (b"{", "InvalidParameter"),
        (b"\xff\xfe", "InvalidParameter"),
        (b"[" * 200_000, "InvalidParameter"),
        (b'{"a": ' * 100_000, "InvalidParameter"),
        (b'{"ImageBase64": ' + b"9" * 10_000 + b"}", "InvalidParameter"),
        (b'{"ImageBase64": NaN}', "InvalidParameter"),
        (b'{"": ""}', "UnknownParameter"),
        ('{"图片": ""}'.encode(), "UnknownParameter"),
        (rb'{"half a pair \ud83d": ""}', "UnknownParameter"),
        (b'{"half a pair \xed\xa0\xbd": ""}', "UnknownParameter"),
    ],
)
def test_odd_json(vinocr: ServerProcess, body: bytes, expected: str) -> None:
    _, answer = send(vinocr, "POST", "/", body, signed(vinocr, body))
    assert code(answer) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("ImageBase64", "InvalidParameter"),
        ("ImageBase64=%FF", "InvalidParameter"),
        ("ImageBase64=x&ImageBase64=y", "InvalidParameter"),
        ("a=1&" * 200, "InvalidParameter"),
        ("", "MissingParameter"),
        ("ImageBase64=(", "FailedOperation.ImageDecodeFailed"),
    ],
)
def test_odd_queries(vinocr: ServerProcess, query: str, expected: str) -> None:
    kind = "application/x-www-form-urlencoded"
    headers = signed(vinocr, b"", "GET", query, **{"content-type": kind})
    _, answer = send(vinocr, "GET", f"/?{query}" if query else "/", None, headers)
    assert code(answer) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "InvalidParameter"),  # taken for a form, which it is not
        ({"X-TC-Action": "VinOCR"}, "MissingParameter"),
        ({"X-TC-Timestamp": "soon"}, "InvalidParameterValue"),
        ({"X-TC-Timestamp": "99999999999999999999"}, "InvalidParameterValue"),
        ({"X-TC-Timestamp": "99999999999"}, "AuthFailure.SignatureExpire"),
        ({"X-TC-Timestamp": "-1"}, "InvalidParameterValue"),
        ({"Authorization": "TC3-HMAC-SHA256 nonsense"}, "AuthFailure.InvalidAuthorization"),
        ({"Content-Type": "text/plain"}, "AuthFailure.SignatureFailure"),
    ],
)
def test_odd_headers(vinocr: ServerProcess, headers: dict[str, str], expected: str) -> None:
    given = {**signed(vinocr, b"{}"), **headers} if headers else {}
    if list(headers) == ["X-TC-Action"]:
        given = headers
    _, answer = send(vinocr, "POST", "/", b"{}", given)
    assert code(answer) == expected


def test_a_content_type_that_the_api_does_not_take(vinocr: ServerProcess) -> None:
    headers = signed(vinocr, b"{}", **{"content-type": "text/plain"})
    assert code(send(vinocr, "POST", "/", b"{}", headers)[1]) == "InvalidRequest"


def test_a_signed_form(vinocr: ServerProcess) -> None:
    body = b"ImageBase64=" + GOOD["ImageBase64"].replace("+", "%2B").encode()
    headers = signed(vinocr, body, **{"content-type": "application/x-www-form-urlencoded"})
    assert json.loads(send(vinocr, "POST", "/", body, headers)[1])["Response"]["Vin"] == VIN


def test_two_requests_do_not_share_an_id(vinocr: ServerProcess) -> None:
    ids = {json.loads(send(vinocr, "GET", "/")[1])["Response"]["RequestId"] for _ in range(20)}
    assert len(ids) == 20


def test_another_path(vinocr: ServerProcess) -> None:
    response, answer = send(vinocr, "POST", "/v3/VinOCR", b"{}")
    assert response.status == 404
    assert code(answer) == "InvalidRequest"
    assert send(vinocr, "POST", "/v1/vin/")[0].status == 404, "no redirect to wherever Host says"


def test_chunks_and_pipelines(vinocr: ServerProcess) -> None:
    body = json.dumps(GOOD).encode()
    headers = "".join(f"{k}: {v}\r\n" for k, v in signed(vinocr, body).items())
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:9], body[9:])) + b"0\r\n\r\n"
    one = f"POST / HTTP/1.1\r\n{headers}transfer-encoding: chunked\r\n\r\n".encode() + chunks
    with socket.create_connection((vinocr.host, vinocr.port), timeout=20) as line:
        line.sendall(one + one)
        answers = b""
        while answers.count(VIN.encode()) < 2:
            block = line.recv(65536)
            assert block, "both pipelined requests are answered"
            answers += block


@pytest.mark.parametrize(
    "bytes_sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 300_000,
        b"GET /" + b"a" * 2_000_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
    ],
)
def test_what_is_not_http_ends_the_line_and_nothing_else(
    vinocr: ServerProcess, bytes_sent: bytes
) -> None:
    with socket.create_connection((vinocr.host, vinocr.port), timeout=20) as line:
        try:
            line.sendall(bytes_sent)
            line.shutdown(socket.SHUT_WR)
            answer = line.recv(65536)
        except OSError:
            answer = b""
    assert not answer.startswith(b"HTTP/1.1 5")
    assert b"Traceback" not in answer
    assert call(vinocr, GOOD) == VIN


def test_a_client_that_leaves_in_the_middle(vinocr: ServerProcess) -> None:
    for sent in (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc", b"POST / HT"):
        with socket.create_connection((vinocr.host, vinocr.port), timeout=20) as line:
            line.sendall(sent)
    assert call(vinocr, GOOD) == VIN


def test_a_body_that_never_comes(start: Start) -> None:
    vinocr = start(body_seconds=0.3, operators="none")
    with socket.create_connection((vinocr.host, vinocr.port), timeout=20) as line:
        line.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc")
        answer = b""
        while b"}}" not in answer and (block := line.recv(65536)):
            answer += block
    assert b"InvalidRequest" in answer


def test_health_and_metrics(vinocr: ServerProcess) -> None:
    vinocr.wait_ready()
    response, body = send(vinocr, "GET", "/healthz")
    assert (response.status, json.loads(body)) == (200, {"status": "ok", "readers": 1})
    before = vinocr.counters()
    call(vinocr, GOOD)
    refusal(vinocr, {})
    after = vinocr.counters()
    account = 'account="100000000001"'

    def more(name: str) -> float:
        return after[name] - before.get(name, 0)

    assert more("vinocr_calls_received_total") == 2
    assert more(f'vinocr_calls_answered_total{{{account},code="Success"}}') == 1
    assert more(f'vinocr_calls_answered_total{{{account},code="MissingParameter"}}') == 1
    assert more(f"vinocr_calls_billed_total{{{account}}}") == 1


def test_metrics_are_for_operators(start: Start) -> None:
    vinocr = start(body_seconds=0.3, operators="none")
    assert send(vinocr, "GET", "/metrics")[0].status == 403
    assert send(vinocr, "GET", "/healthz")[0].status in (200, 503)
    assert send(vinocr, "POST", "/v1/vin", photo(), {"Content-Type": "image/jpeg"})[0].status == 401


def test_a_client_s_address_behind_a_proxy(start: Start) -> None:
    forwarded = {"X-Forwarded-For": "192.0.2.9"}
    for proxies, status in (("127.0.0.0/8", 403), ("192.0.2.1", 200)):
        vinocr = start(proxies=proxies, offline="true")
        assert send(vinocr, "GET", "/metrics", None, forwarded)[0].status == status


def test_logs_are_json_and_hold_no_secret(tmp_path: Path) -> None:
    secret, token, query = "verysecretkey", "verysecrettoken", "q-signature=verysecretquery"
    file = tmp_path / "accounts.json"
    keys = [{"secret_id": ID, "secret_key": secret, "token": token}]
    file.write_text(json.dumps({"accounts": [{"keys": keys}]}))
    log = tmp_path / "log.jsonl"
    with ServerProcess.start(
        {"VINOCR_ACCOUNTS": str(file), "VINOCR_THREADS": "1"}, log=log
    ) as vinocr:
        how: dict[str, Any] = {"secret_key": secret, "token": token}
        assert call(vinocr, GOOD, **how) == VIN
        refusal(vinocr, {"ImageUrl": f"http://127.0.0.1/a.jpg?{query}"}, **how)
        refusal(vinocr, {"ImageUrl": f"http://user:verysecretpassword@x/?{query}"}, **how)
        refusal(vinocr, {"ImageUrl": query, "x": query}, sign="HmacSHA1", **how)
        send(vinocr, "POST", "/v1/vin", b"verysecretimage", {"Content-Type": "image/jpeg"})
    text = log.read_text()
    assert "verysecret" not in text
    assert GOOD["ImageBase64"][:40] not in text
    assert VIN not in text, "what was read is the caller's, not the log's"
    lines = [json.loads(line) for line in text.splitlines()]
    calls = [line for line in lines if line["event"] == "call"]
    assert [line["code"] for line in calls] == [
        "Success",
        "FailedOperation.DownLoadError",
        "InvalidParameterValue.InvalidParameterValueLimit",
        "UnknownParameter",
    ]
    assert all(line["request_id"] and line["client"] == "127.0.0.1" for line in calls)


def test_a_stop_finishes_what_was_taken(tmp_path: Path) -> None:
    with ServerProcess.start(
        {"VINOCR_SECRET_ID": ID, "VINOCR_SECRET_KEY": KEY, "VINOCR_RATE": "100"},
        log=tmp_path / "log",
    ) as vinocr:
        vinocr.wait_ready()
        with ThreadPoolExecutor(6) as threads:
            calls = [threads.submit(call, vinocr, GOOD) for _ in range(6)]
            end = time.monotonic() + 20
            while vinocr.counters()["vinocr_readers_busy"] + vinocr.counters()["vinocr_queue"] < 6:
                assert time.monotonic() < end
            vinocr.process.send_signal(signal.SIGTERM)
            assert [c.result() for c in calls] == [VIN] * 6
        assert vinocr.process.wait(30) == 0
    with pytest.raises(OSError):
        socket.create_connection((vinocr.host, vinocr.port), timeout=1)


def test_a_reader_dies_with_its_server(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with ServerProcess.start({"VINOCR_SECRET_ID": ID, "VINOCR_SECRET_KEY": KEY}, log=log) as vinocr:
        vinocr.wait_ready()
        ready = next(
            x for x in map(json.loads, log.read_text().splitlines()) if x["event"] == "reader_ready"
        )
        vinocr.process.kill()
        vinocr.process.wait()
        end = time.monotonic() + 20
        while Path(f"/proc/{ready['pid']}/cmdline").exists() and time.monotonic() < end:
            time.sleep(0.05)
            status = Path(f"/proc/{ready['pid']}/stat")
            if status.exists() and status.read_text().split()[2] == "Z":
                break
        else:
            assert not Path(f"/proc/{ready['pid']}/cmdline").exists()


def test_a_server_dies_with_its_parent(tmp_path: Path) -> None:
    program = (
        "import sys, os\n"
        "from vinocr.launcher import ServerProcess\n"
        f"c = ServerProcess.start({{'VINOCR_SECRET_ID': {ID!r}, 'VINOCR_SECRET_KEY': {KEY!r}}})\n"
        "print(c.process.pid, c.port, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    port = int(ended.stdout.split()[1])
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return
        time.sleep(0.05)
    raise AssertionError("the server outlived its parent")


def test_a_port_that_is_taken(vinocr: ServerProcess, tmp_path: Path) -> None:
    texts = {"VINOCR_SECRET_ID": ID, "VINOCR_SECRET_KEY": KEY, "VINOCR_PORT": str(vinocr.port)}
    with pytest.raises(LaunchError, match="set VINOCR_PORT to a free port"):
        ServerProcess.start(texts, log=tmp_path / "log")


def test_parallel_clients_get_their_own_answers(vinocr: ServerProcess) -> None:
    vins = ["WDD2131426L004847", "LBV2B25G2E5069977", "1M8GDM9AXKP042788", "1HGCM82633A004352"]
    photos = {vin: b64(photo(vin)) for vin in vins}
    sdk = client(vinocr)

    def ask(n: int) -> bool:
        vin = vins[n % len(vins)]
        got = sdk.call_json("VinOCR", {"ImageBase64": photos[vin]})["Response"]["Vin"]
        return bool(got == vin)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(ask, range(24)))


def test_memory_stays_flat_short(vinocr: ServerProcess) -> None:
    """The long run (2,000 requests) is in the conformance suite."""
    sdk = client(vinocr)
    large = {"ImageBase64": "A" * 6_000_000}  # 4.5 MB of no image at all

    def rss() -> int:
        text = Path(f"/proc/{vinocr.process.pid}/statm").read_text()
        return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def ask(times: int) -> None:
        for _ in range(times):
            with pytest.raises(Exception, match="UnKnowFileTypeError"):
                sdk.call_json("VinOCR", large)

    ask(4)
    grown: list[int] = []
    for _ in range(
        3
    ):  # threads that start late take memory of their own once; a leak takes it each time
        before = rss()
        ask(12)
        grown.append(rss() - before)
        if grown[-1] < 24 * 1024 * 1024:
            return
    pytest.fail(f"12 requests of 6 MB leave more than 4 of them behind, each time: {grown}")


def test_threads_of_one_client_are_safe(vinocr: ServerProcess) -> None:
    sdk, codes = client(vinocr), set()
    lock = threading.Lock()

    def ask() -> None:
        try:
            sdk.call_json("VinOCR", {})
        except Exception as error:
            with lock:
                codes.add(str(error.code))  # type: ignore[attr-defined]

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == {"MissingParameter"}


def test_tls(tmp_path: Path) -> None:
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = dt.datetime.now(dt.timezone.utc)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = tmp_path / "cert.pem", tmp_path / "key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    kind = serialization.PrivateFormat.PKCS8
    nothing = serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, kind, nothing))
    texts = {"VINOCR_SECRET_ID": ID, "VINOCR_SECRET_KEY": KEY}
    texts |= {"VINOCR_TLS_CERT": str(pem), "VINOCR_TLS_KEY": str(secret)}
    with ServerProcess.start(texts, log=tmp_path / "log.jsonl") as vinocr:
        vinocr.wait_ready()
        profile = HttpProfile(endpoint=f"localhost:{vinocr.port}", certification=str(pem))
        sdk = CommonClient(
            "ocr", "2018-11-19", Credential(ID, KEY), "", ClientProfile(httpProfile=profile)
        )
        assert sdk.call_json("VinOCR", GOOD)["Response"]["Vin"] == VIN
        assert vinocr.counters()["vinocr_calls_received_total"] == 1
