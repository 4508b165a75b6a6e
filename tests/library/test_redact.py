"""Whatever an error sentence quotes, secrets do not get through."""

from __future__ import annotations

import pytest

from vindrop.domain.redaction import MESSAGE_LIMIT, redact

SECRET = "PLANTED5ECRET"


@pytest.mark.parametrize(
    "text",
    [
        f"GET https://h/a.jpg?q-signature={SECRET}&x=1 failed",
        f"HTTPConnectionPool(host='h', port=1): Max retries exceeded with url: /a.jpg?q-signature={SECRET} (Caused by x)",
        f"connection to postgresql://user:{SECRET}@db:5432/x refused",
        f"redis://:{SECRET}@host",
        f'{{"Authorization": "{SECRET}"}}',
        f"x-cos-security-token={SECRET}",
        f"X-Amz-Signature={SECRET}",
        f"secret_key: {SECRET}",
        f"SecretKey={SECRET}",
        f"password={SECRET} host=db",
    ],
)
def test_secrets_are_cut_out(text: str) -> None:
    assert SECRET not in redact(text)


def test_what_is_no_secret_stays() -> None:
    text = "the object cos://bucket-125/vin/a b.jpg is not an image (status 403)"
    assert redact(text) == text
    assert len(redact("x" * 10_000)) == MESSAGE_LIMIT
