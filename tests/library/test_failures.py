"""Every code of the contract has a place in the table, and no code is without one."""

from __future__ import annotations

import pytest

from vindrop.domain import error_codes
from vindrop.domain.failures import Disposition as D
from vindrop.domain.failures import FailureError

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
    assert error_codes.rule("InternalError").uses_attempt


def test_a_failure_never_carries_a_signed_url() -> None:
    error = FailureError(
        "FailedOperation.DownLoadError",
        "cannot fetch https://b.cos.ap-guangzhou.myqcloud.com/a.jpg?q-sign-algorithm=sha1&q-signature=SECRET",
    )
    assert "SECRET" not in str(error)
    assert "https://b.cos.ap-guangzhou.myqcloud.com/a.jpg" in error.failure.message
