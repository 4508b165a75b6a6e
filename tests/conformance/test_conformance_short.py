"""A few seconds of what `tests/conformance/run.py` does at length."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import secrets
from tests.conformance import vinocr_fuzz as fuzz
from tests.conformance import vinocr_load as loads
from vinocr.launcher import ServerProcess

KEY = (secrets.VINOCR_ID, secrets.VINOCR_KEY)


@pytest.fixture(scope="module")
def vinocr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    texts = {
        "VINOCR_SECRET_ID": KEY[0],
        "VINOCR_SECRET_KEY": KEY[1],
        "VINOCR_RATE": "10000",
        "VINOCR_BODY_SECONDS": "5",
        "VINOCR_THREADS": "1",
        "VINOCR_QUEUE_SECONDS": "60",  # this machine may be busy
    }
    log = tmp_path_factory.mktemp("short") / "log.jsonl"
    with ServerProcess.start(texts, log=log) as child:
        child.wait_ready()
        yield child
    text = log.read_text()
    assert "internal_error" not in text
    assert "reader_failed" not in text
    assert "Traceback" not in text


@pytest.mark.parametrize("seed", [1, 2])
def test_malformed_requests(vinocr: ServerProcess, seed: int) -> None:
    target = fuzz.Target(vinocr.host, vinocr.port, *KEY)
    report = fuzz.run(target, 200, seed=seed)
    assert report.bad == []
    assert (report.sent, report.good) == (200, 2)
    assert len(report.answers) > 10, "many different answers: the requests differ"


def test_eight_clients(vinocr: ServerProcess) -> None:
    report = loads.load(vinocr, KEY, 3)
    assert report.mixed_up == []
    assert set(report.answers) == {"Success"}, "nothing is lost, and nothing is over a limit"


def test_the_fuzzer_notices() -> None:
    """A test that cannot fail is none: what the judge must object to, it does."""
    api = "application/json"
    assert fuzz.judge(b"", (500, api, b"{}"))[1]
    assert fuzz.judge(
        b"", (200, "text/plain", b'Traceback (most recent call last):\n File "x.py"')
    )[1]
    assert fuzz.judge(b"", (200, api, b'{"Response": {"Error": {"Code": "X"}}}'))[1]
    assert fuzz.judge(b"", (200, api + "; charset=utf-8", b'{"Response": {"RequestId": "1"}}'))[1]
    assert fuzz.judge(b"", (200, api, b'{"Response": {"Vin": "X", "RequestId": "1"}}')) == (
        "Success",
        None,
    )
