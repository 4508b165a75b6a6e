"""The error table: every code of the contract has its line, and what follows from a line."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from vindrop.core.photo import Fallbacks, Form
from vindrop.core.retry import full_jitter
from vindrop.domain import error_codes
from vindrop.domain.failures import Disposition as D
from vindrop.domain.failures import Failure, FailureError

# The API's own list and the SDK's, with what each must lead to.
CONTRACT = {
    "FailedOperation.DownLoadError": (D.FALLBACK, False),
    "FailedOperation.EmptyImageError": (D.DEAD_LETTER, True),
    "FailedOperation.ImageDecodeFailed": (D.DEAD_LETTER, False),
    "FailedOperation.OcrFailed": (D.DEAD_LETTER, False),
    "FailedOperation.UnKnowError": (D.RETRY, False),
    "FailedOperation.UnOpenError": (D.OPEN_CIRCUIT, False),
    "InvalidParameterValue.InvalidParameterValueLimit": (D.DEAD_LETTER, False),
    "LimitExceeded.TooLargeFileError": (D.FALLBACK, False),
    "ResourceUnavailable.InArrears": (D.OPEN_CIRCUIT, False),
    "ResourceUnavailable.ResourcePackageRunOut": (D.OPEN_CIRCUIT, False),
    "ResourcesSoldOut.ChargeStatusException": (D.OPEN_CIRCUIT, False),
    "FailedOperation.ArrearsError": (D.OPEN_CIRCUIT, False),
    "FailedOperation.CountLimitError": (D.OPEN_CIRCUIT, False),
    "FailedOperation.EngineRecognizeTimeout": (D.RETRY, False),
    "FailedOperation.ImageNoText": (D.DEAD_LETTER, False),
    "InvalidParameter.EngineImageDecodeFailed": (D.DEAD_LETTER, False),
    "InternalError": (D.RETRY, False),
    "ServiceUnavailable": (D.RETRY, False),
    "RequestLimitExceeded": (D.RETRY, False),
    "RequestLimitExceeded.UinLimitExceeded": (D.RETRY, False),
    "AuthFailure.SignatureFailure": (D.OPEN_CIRCUIT, False),
    "AuthFailure.SecretIdNotFound": (D.OPEN_CIRCUIT, False),
    "AuthFailure.TokenFailure": (D.RETRY, False),
    "AuthFailure.SignatureExpire": (D.RETRY, False),
    "UnauthorizedOperation": (D.OPEN_CIRCUIT, False),
    "UnauthorizedOperation.Anything": (D.OPEN_CIRCUIT, False),
    "ClientNetworkError": (D.RETRY, None),
    "SomethingNew.NobodyKnows": (D.UNKNOWN, None),
    "FailedOperation": (D.UNKNOWN, None),
}


@pytest.mark.parametrize("code", CONTRACT)
def test_disposition_and_price(code: str) -> None:
    rule = error_codes.rule(code)
    assert (rule.disposition, rule.billed) == CONTRACT[code]


def test_a_refusal_for_rate_is_no_attempt() -> None:
    assert not error_codes.rule("RequestLimitExceeded.IPLimitExceeded").uses_attempt
    assert error_codes.rule("RequestLimitExceeded.IPLimitExceeded").rate_refusal
    assert not error_codes.rule("RequestLimitExceededButNot").rate_refusal
    assert error_codes.rule("Nobody.HasHeardOfThis").uses_attempt


def test_an_outage_ends_no_upload_but_by_its_age() -> None:
    """Whatever is transient passes; only what is our own queueing never ends an upload."""
    queueing = {"RequestLimitExceeded", "Vindrop.WaitingForQuota", "Vindrop.OutOfTime"}
    queueing |= {"Vindrop.DailyCap", "Vindrop.LeaseLost"}
    for code, rule in error_codes.TABLE.items():
        if rule.disposition is D.RETRY:
            assert not rule.uses_attempt, code
            assert rule.passing == (code not in queueing), code
        else:
            assert not rule.passing, code


@pytest.mark.parametrize(
    ("code", "disposition", "retry_in_run"),
    [
        ("Vindrop.ObjectArchived", D.DEAD_LETTER, True),
        ("Vindrop.Superseded", D.DEAD_LETTER, True),
        ("Vindrop.StorageClockSkewed", D.RETRY, False),
        ("Vindrop.StorageTokenExpired", D.RETRY, False),
        ("Vindrop.StorageKeyDenied", D.RETRY, False),
        ("Vindrop.WrongRegion", D.RETRY, False),
        ("Vindrop.BadSignature", D.RETRY, False),
        ("Vindrop.BucketMissing", D.RETRY, False),
        ("Vindrop.ObjectForbidden", D.RETRY, False),
        ("Vindrop.StorageUnavailable", D.RETRY, True),
        ("ClientNetworkError.NotConnected", D.RETRY, True),
    ],
)
def test_what_a_bucket_and_the_network_say(code: str, disposition: D, retry_in_run: bool) -> None:
    rule = error_codes.rule(code)
    assert (rule.disposition, rule.retry_in_run, rule.billed) == (disposition, retry_in_run, False)


def test_a_fallback_is_named_where_the_disposition_asks_for_one_and_nowhere_else() -> None:
    for code, rule in error_codes.TABLE.items():
        assert (rule.fallback is not None) == (rule.disposition is D.FALLBACK), code


@pytest.mark.parametrize(
    ("code", "step_error", "retry_in_run"),
    [
        ("RequestLimitExceeded.UinLimitExceeded", "VinThrottled", True),
        ("Vindrop.WaitingForQuota", "VinThrottled", False),
        ("Vindrop.OutOfTime", "VinThrottled", False),
        ("AuthFailure.SignatureExpire", "VinUnavailable", False),
        ("FailedOperation.EngineRecognizeTimeout", "VinUnavailable", True),
        ("Nobody.HasHeardOfThis", "VinUnavailable", True),
        ("FailedOperation.OcrFailed", "PhotoRejected", True),
        ("ResourceUnavailable.InArrears", "AccountBlocked", True),
    ],
)
def test_what_a_workflow_is_told(code: str, step_error: str, retry_in_run: bool) -> None:
    rule = error_codes.rule(code)
    assert (rule.step_error, rule.retry_in_run) == (step_error, retry_in_run)


@pytest.mark.parametrize(
    ("first", "codes", "forms", "shrunk"),
    [
        ("url", ["FailedOperation.DownLoadError"], ["bytes"], False),
        ("url", ["LimitExceeded.TooLargeFileError"] * 2, ["reencoded", None], True),
        ("bytes", ["LimitExceeded.TooLargeFileError"], ["reencoded"], True),
        ("bytes", ["FailedOperation.DownLoadError"], [None], False),
        (
            "url",
            ["FailedOperation.DownLoadError", "FailedOperation.ImageSizeTooLarge"],
            ["bytes", "reencoded"],
            True,
        ),
        ("url", ["FailedOperation.OcrFailed"], [None], False),
    ],
)
def test_each_form_of_a_photo_is_sent_at_most_once(
    first: Form, codes: list[str], forms: list[Form | None], shrunk: bool
) -> None:
    fallbacks = Fallbacks(first)
    found = [
        fallbacks.form if fallbacks.next_fallback(Failure(code, "why")) else None for code in codes
    ]
    assert (found, fallbacks.shrink_further) == (forms, shrunk)


def test_full_jitter_doubles_up_to_its_cap_and_spreads_from_zero() -> None:
    dice = random.Random(1)
    for attempt, most in ((0, 0.5), (1, 1.0), (4, 8.0), (9_999, 8.0)):
        waits = [full_jitter(attempt, base=0.5, cap=8.0, random=dice) for _ in range(500)]
        assert 0 <= min(waits) < most * 0.05
        assert most * 0.95 < max(waits) <= most


def test_a_failure_never_carries_a_signed_url() -> None:
    error = FailureError(
        "FailedOperation.DownLoadError",
        "cannot fetch https://b.cos.ap-guangzhou.myqcloud.com/a.jpg?q-sign-algorithm=sha1&q-signature=SECRET",
    )
    assert "SECRET" not in str(error)
    assert "https://b.cos.ap-guangzhou.myqcloud.com/a.jpg" in error.failure.message


def test_operations_say_of_every_code_what_it_means_what_to_look_at_what_to_do_and_what_not() -> (
    None
):
    page = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text()
    page = page.partition("\n## Dead-letter codes")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        for line in page.splitlines()
        if line.startswith("| `")
    ]
    assert {len(row) for row in rows} == {5}, "code, meaning, what to look at, to do, not to do"
    told = {name: cells for codes, *cells in rows for name in re.findall(r"`([\w.]+)`", codes)}

    def row(code: str) -> list[str]:  # one without its own takes that of its dotted prefix
        return told.get(code) or (row(code.rpartition(".")[0]) if "." in code else [""])

    assert [code for code in error_codes.TABLE if not all(row(code))] == []
    unknown = {name for name in told if name not in error_codes.TABLE}
    assert unknown == {"FailedOperation"}, "but for the prefix, a row is of a code that there is"
