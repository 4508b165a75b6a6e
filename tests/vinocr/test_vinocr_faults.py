"""Faults on demand: what an operator's file can make go wrong, and that nobody else can."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from requests.exceptions import ChunkedEncodingError
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.vinocr.vinocr_support import VIN, b64, call, client, photo
from vinocr.api import faults
from vinocr.api.reloaded_file import SettingsError
from vinocr.launcher import ServerProcess

GOOD = {"ImageBase64": b64(photo())}
Faulty = Callable[..., ServerProcess]


@pytest.fixture(scope="module")
def faulty(start: Callable[..., ServerProcess], tmp_path_factory: pytest.TempPathFactory) -> Faulty:
    """A server whose faults file is rewritten while it runs."""
    file = tmp_path_factory.mktemp("faults") / "faults.json"
    file.write_text('{"faults": []}')
    vinocr = start(faults=file)
    blanks = 0

    def rewrite(*rules: dict[str, Any]) -> ServerProcess:
        nonlocal blanks
        blanks += 1  # a rewrite within the clock's grain has another size
        file.write_text(json.dumps({"faults": rules}) + " " * blanks)
        return vinocr

    return rewrite


def answer(vinocr: ServerProcess) -> str:
    try:
        return call(vinocr, GOOD)
    except TencentCloudSDKException as error:
        return str(error.code)


def bill(vinocr: ServerProcess) -> float:
    return sum(v for n, v in vinocr.counters().items() if n.startswith("vinocr_calls_billed_total"))


def test_chosen_calls_answer_a_chosen_code(faulty: Faulty) -> None:
    vinocr = faulty(
        {"nth": [2], "code": "InternalError"},
        {"nth": [3], "code": "FailedOperation.NeverHeardOf", "message": "new"},
    )
    before = bill(vinocr)
    assert [answer(vinocr) for _ in range(4)] == [
        VIN, "InternalError", "FailedOperation.NeverHeardOf", VIN
    ]  # fmt: skip
    assert bill(vinocr) - before == 2


@pytest.mark.parametrize(
    "code",
    [
        "AuthFailure.MFAFailure",
        "AuthFailure.UnauthorizedOperation",
        "DryRunOperation",
        "FailedOperation",
        "InvalidParameter.ConfigFormatError",
        "IpInBlacklist",
        "IpNotInWhitelist",
        "LimitExceeded",
        "RequestLimitExceeded.GlobalRegionUinLimitExceeded",
        "RequestLimitExceeded.UinLimitExceeded",
        "ResourceInUse",
        "ResourceInsufficient",
        "ResourceNotFound",
        "ResponseSizeLimitExceeded",
    ],
)
def test_codes_that_have_no_cause_of_their_own(faulty: Faulty, code: str) -> None:
    assert answer(faulty({"code": code})) == code


@pytest.mark.parametrize(
    ("cut", "billed", "what_the_sdk_makes_of_it"),
    [
        ("before", 0, TencentCloudSDKException),
        ("after", 1, TencentCloudSDKException),
        ("middle", 1, ChunkedEncodingError),  # the SDK lets it through as it is
    ],
)
def test_a_cut_connection(
    faulty: Faulty, cut: str, billed: int, what_the_sdk_makes_of_it: type[Exception]
) -> None:
    vinocr = faulty({"first": 1, "cut": cut})
    before = bill(vinocr)
    with pytest.raises(what_the_sdk_makes_of_it):
        call(vinocr, GOOD)
    assert bill(vinocr) - before == billed, "an answer that is lost on the way is paid for"
    assert answer(vinocr) == VIN


@pytest.mark.parametrize(
    ("rule", "what_the_sdk_makes_of_it"),
    [
        ({"body": "empty"}, "JSONDecodeError"),
        ({"body": "not_json"}, "JSONDecodeError"),
        ({"body": "html"}, "JSONDecodeError"),
        ({"body": "no_response"}, "KeyError"),
        ({"body": "no_request_id"}, "KeyError"),
        ({"status": 502}, "TencentCloudSDKException"),
    ],
)
def test_a_broken_body(faulty: Faulty, rule: dict[str, Any], what_the_sdk_makes_of_it: str) -> None:
    vinocr = faulty({"first": 1, **rule})
    with pytest.raises(Exception) as caught:
        call(vinocr, GOOD)
    assert type(caught.value).__name__ == what_the_sdk_makes_of_it
    assert answer(vinocr) == VIN


def test_a_wait_longer_than_the_client_s(faulty: Faulty) -> None:
    vinocr = faulty({"first": 1, "wait": 1.2})
    sdk = client(vinocr)
    sdk.request.conn.timeout = 0.3  # the SDK's reqTimeout takes whole seconds only
    with pytest.raises(TencentCloudSDKException, match="ClientNetworkError"):
        sdk.call_json("VinOCR", GOOD)
    assert answer(vinocr) == VIN


def test_every_and_accounts(faulty: Faulty) -> None:
    vinocr = faulty({"every": 2, "code": "InternalError"}, {"account": "7", "code": "OcrFailed"})
    assert [answer(vinocr) for _ in range(4)] == [VIN, "InternalError"] * 2


def test_no_request_can_ask_for_a_fault(vinocr: ServerProcess) -> None:
    assert vinocr.counters()["vinocr_faults_total"] == 0


def test_chance_is_repeatable(tmp_path: Path) -> None:
    file = tmp_path / "f.json"
    file.write_text('{"seed": 3, "faults": [{"probability": 0.3, "code": "InternalError"}]}')
    runs = []
    for _ in range(2):
        rules = faults.Faults(file)
        runs.append([rules.next("1") is not None for _ in range(200)])
    assert runs[0] == runs[1]
    assert 30 < sum(runs[0]) < 90


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"faults": [{}]}',
        '{"faults": [{"nth": [1]}]}',
        '{"faults": [{"cut": "sideways"}]}',
        '{"faults": [{"code": "Not A Code"}]}',
        '{"faults": [{"wait": -1}]}',
        '{"faults": [{"waits": 1}]}',
    ],
)
def test_a_wrong_file_is_told_in_a_sentence(tmp_path: Path, text: str) -> None:
    file = tmp_path / "faults.json"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        faults.Faults(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)
