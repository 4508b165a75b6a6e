"""VinOCR: reachable, clock, keys, account; by a call without a photo, which is never billed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Final

from vindrop.clouds import exact_session, send_exactly
from vindrop.domain.error_codes import NO_CREDENTIALS
from vindrop.domain.failures import Disposition, FailureError
from vindrop.recognizers.vinocr import VinOCR
from vindrop.settings import Settings
from vindrop_local.doctor.finding import Finding, ok, unsure, wrong

REFUSED_AT: Final = 300.0
"""Seconds: the signature's window (API 3.0)."""
WORRYING_AT: Final = 60.0
NOTHING_ASKED: Final = (
    "MissingParameter",
    "InvalidParameter",
    "UnknownParameter",
    "FailedOperation",
)
"""Codes that a call without a photo gets once everything before it was right."""


def examine(
    settings: Settings, environment: Mapping[str, str], *, deployed: bool
) -> Iterator[Finding]:
    """Yield what is found of VinOCR, or of each recognizer where there are several."""
    if not settings.recognizers:
        whose = (
            "from VINDROP_VINOCR_SECRET_ID"
            if settings.vinocr_secret_id.get_secret_value()
            else "of the environment's role"
        )
        found = _examine(settings, VinOCR(settings, environment), whose)
        yield from map(_of_a_role, found) if deployed else found
        return
    from vindrop.recognizers.engines import wires

    for name, own, client in wires(settings, environment):
        found = _in_process() if client is None else _examine(own, client, "given")
        for each in found:
            yield replace(each, what=f"{each.what} ({name})")


def _of_a_role(found: Finding) -> Finding:
    """Not to have the keys of a deployed function's role is no fault of the deployment."""
    if found.state == "wrong" and found.said.startswith(f"{NO_CREDENTIALS}:"):
        return unsure(
            found.what,
            "none are here to try: on SCF the function's role has them; elsewhere set "
            "VINDROP_VINOCR_SECRET_ID and VINDROP_VINOCR_SECRET_KEY",
        )
    return found


def _in_process() -> Iterator[Finding]:
    from vindrop.core.store_errors import StoreSettingError
    from vindrop.recognizers.inprocess import InProcess

    try:
        InProcess().prepare()
    except (StoreSettingError, FailureError) as error:
        yield wrong("reader", str(error))
    else:
        yield ok("reader", "its networks are loaded")


def _examine(settings: Settings, client: VinOCR, whose: str) -> Iterator[Finding]:
    reached, skew = _reach(settings)
    yield reached
    if skew is not None:
        yield _clock(skew)
    try:
        client.credentials()
    except FailureError as error:
        yield wrong("keys for VinOCR", str(error))
        return
    if reached.state != "ok":
        yield unsure("keys for VinOCR", f"found {whose}; not tried, since VinOCR is out of reach")
        return
    try:
        client.call_without_photo()
    except FailureError as error:
        yield from _judge(error, whose)


def _reach(settings: Settings) -> tuple[Finding, float | None]:
    import requests

    whence = "VINDROP_RECOGNIZERS" if settings.recognizers else "VINDROP_VINOCR_ENDPOINT"
    url = f"{settings.vinocr_scheme}://{settings.vinocr_host}/"
    began = time.time()
    try:
        response = send_exactly(
            exact_session(),
            "HEAD",
            url,
            {},
            (settings.vinocr_connect_timeout, settings.vinocr_timeout),
        )
    except requests.exceptions.SSLError:
        return wrong(
            "VinOCR",
            f"{settings.vinocr_host} shows a certificate that is not trusted: is something between?",
        ), None
    except requests.RequestException as error:
        return wrong(
            "VinOCR",
            f"{settings.vinocr_host} cannot be reached ({type(error).__name__}): check {whence}, the "
            "network, and a function's public access",
        ), None
    took = time.time() - began
    found = ok("VinOCR", f"{settings.vinocr_host} answers in {took * 1000:.0f} ms")
    try:
        said = parsedate_to_datetime(response.headers.get("Date", "")).timestamp()
    except (TypeError, ValueError):
        return found, None
    return found, began + took / 2 - said


def _clock(skew: float) -> Finding:
    way = "ahead of" if skew > 0 else "behind"
    said = f"this machine's clock is {abs(skew):.0f} s {way} VinOCR's"
    if abs(skew) >= REFUSED_AT:
        return wrong("clock", f"{said}: every signature is refused; set it by NTP")
    if abs(skew) >= WORRYING_AT:
        return wrong(
            "clock", f"{said}; from {REFUSED_AT:.0f} s on every call is refused: set it by NTP"
        )
    return ok("clock", "agrees with VinOCR's")


def _judge(error: FailureError, whose: str) -> Iterator[Finding]:
    failure = error.failure
    if failure.disposition is Disposition.OPEN_CIRCUIT:
        yield wrong(
            "keys for VinOCR",
            f"{whose}: VinOCR refuses them or the account: {failure.code}: {failure.message}",
        )
    elif failure.code.startswith(NOTHING_ASKED):
        yield ok("keys for VinOCR", f"{whose}: accepted, and the account may call VinOCR")
    else:
        yield unsure(
            "keys for VinOCR", f"{whose}: VinOCR answered {failure.code}: {failure.message}"
        )
