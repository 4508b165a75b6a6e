"""The HTTP function's address on a laptop: plain HTTP in front of the function's own process."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests import secrets
from tests.http.conftest import KEY
from vindrop_local.front import Front
from vindrop_local.platform import FunctionSpec, Identity, Platform
from vindrop_local.stack import ROOT

SETTINGS = {
    "VINDROP_RESULTS": "sqlite:////nonexistent/x.db",
    "VINDROP_DEAD_LETTERS": "sqlite:////nonexistent/x.db",
    "VINDROP_LEDGER": "none",
    "VINDROP_API_KEYS": KEY,
    "VINDROP_VINOCR_ENDPOINT": "http://127.0.0.1:1",  # nobody is there
    **secrets.VINOCR,
    "VINDROP_MAX_ATTEMPTS": "1",
}

IDENTITY = Identity(
    secret_id=secrets.TENCENT_ID,
    secret_key=secrets.TENCENT_KEY,
    session_token=secrets.TENCENT_TOKEN,
)


@pytest.fixture(scope="module", params=["scf", "lambda"])
def front(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    spec = FunctionSpec(
        "http_api", ROOT / "functions" / "http_api", environment=SETTINGS, style=request.param
    )
    folder = tmp_path_factory.mktemp("front")
    with (
        Platform(folder, [spec], identity=IDENTITY) as platform,
        Front(platform, "http_api") as running,
    ):
        yield running.url


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:{port}"},
        {"Host": "127.0.0.1.evil.example:{port}"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:1"},
        {"Host": "0.0.0.0:{port}"},
        {"Host": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "http://evil.example:{port}"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "null"},
        {"Origin": ""},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_another_sites_name_or_page_is_refused(
    front: str, headers: dict[str, str], method: str
) -> None:
    port = front.rpartition(":")[2]
    sent = {name: value.replace("{port}", port) for name, value in headers.items()}
    answer = requests.request(method, f"{front}/v1/vin", headers=sent, timeout=60)
    assert answer.status_code in {400, 403}
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_who_reads_chinese_is_refused_in_chinese(front: str) -> None:
    chinese = {"Accept-Language": "zh-CN,zh;q=0.9"}
    refused = requests.get(front, headers=chinese | {"Origin": "https://evil.example"}, timeout=60)
    large = requests.post(f"{front}/v1/vin", data=bytes(7_000_000), headers=chinese, timeout=60)
    for answer, status in ((refused, 403), (large, 413)):
        assert (answer.status_code, answer.headers["Content-Language"]) == (status, "zh-CN")
        assert re.search(r"[一-鿿]", answer.json()["title"])
        assert not re.search(r"[a-z]{2,} [a-z]{2,}", answer.json()["title"])
    english = requests.get(front, headers={"Origin": "https://evil.example"}, timeout=60)
    assert english.json()["title"] == "this address answers to its own page only"


def test_its_own_page_is_answered_under_each_name_of_this_machine(front: str) -> None:
    port = front.rpartition(":")[2]
    for name in ("127.0.0.1", "localhost", "LOCALHOST", "[::1]"):
        own = {"Host": f"{name}:{port}", "Origin": f"http://{name}:{port}"}
        assert requests.get(front, headers=own, timeout=60).status_code == 200


def test_the_function_answers_in_a_process_of_its_own(front: str) -> None:
    page = requests.get(f"{front}/capture", timeout=60)
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "识别 VIN" in page.text
    assert page.headers["X-Request-Id"]
    refused = requests.post(f"{front}/v1/vin", data=b"\xff\xd8\xff", timeout=60)
    assert (refused.status_code, refused.json()["type"]) == (401, "urn:vindrop:problem:key-refused")


def test_bytes_arrive_as_they_were_sent(front: str) -> None:
    def post(data: bytes, kind: str) -> str:
        headers = {"X-Api-Key": KEY, "Content-Type": kind}
        answer = requests.post(f"{front}/v1/vin", data=data, headers=headers, timeout=60)
        return str(answer.json()["type"]).rpartition(":")[2]

    assert post(b"GIF", "image/gif") == "not-a-photo"
    assert post(b'{"ImageUrl": "x"}', "application/json") == "bad-request"
    assert post(b"\xff\xfe", "application/json") == "bad-request"
    # An image is recognised, so it comes as far as VinOCR, of which there is none here.
    assert post(b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "image/png") == "vinocr-failed"


def test_more_than_a_platform_takes_is_413_and_read_to_the_end(front: str) -> None:
    answer = requests.post(f"{front}/v1/vin", data=bytes(7_000_000), timeout=60)
    assert answer.status_code == 413
    # Below 6 MB as bytes, above it as Base64 in the event.
    answer = requests.post(
        f"{front}/v1/vin", data=bytes(5_500_000), headers={"Content-Type": "image/png"}, timeout=60
    )
    assert answer.status_code == 413


def test_up_prints_an_address_that_opens_the_page_and_reads(tmp_path: Path) -> None:
    log = (tmp_path / "up.log").open("w+")
    command = [sys.executable, "-m", "vindrop_local", "up", "--bucket", str(tmp_path / "bucket")]
    process = subprocess.Popen(
        [*command, "--state", str(tmp_path / "state")], stdout=log, stderr=log
    )
    try:
        found = None
        while found is None:
            assert process.poll() is None, Path(log.name).read_text()
            time.sleep(0.1)
            found = re.search(
                r"(http://127\.0\.0\.1:\d+)/capture#key=(\S+)", Path(log.name).read_text()
            )
        url, key = found.groups()
        assert "vindrop" in requests.get(url, timeout=60).text
        photo = (ROOT / "events" / "photos" / "plate-04.jpg").read_bytes()
        answer = requests.post(
            f"{url}/v1/vin", data=photo, headers={"X-Api-Key": key}, timeout=120
        ).json()
        truth = (ROOT / "events" / "photos" / "truth.csv").read_text(encoding="utf-8")
        assert answer["vin"] in truth
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert answer["vin"] in Path(log.name).read_text(), "it is listed like any other reading"
        assert key not in json.dumps(
            [p.read_text(errors="replace") for p in (tmp_path / "state" / "logs").iterdir()]
        )
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        log.close()
