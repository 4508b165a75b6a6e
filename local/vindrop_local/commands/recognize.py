"""``vindrop recognize``: the VIN on photos of the user's own."""

from __future__ import annotations

import json
import os
import secrets
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from vindrop import settings as settings_module
from vindrop.clouds.credentials import Credentials, for_vinocr
from vindrop.clouds.storage import Storage
from vindrop.core.photo import Photographer
from vindrop.domain import vin
from vindrop.domain.failures import Failure, FailureError, is_rate_refusal
from vindrop.domain.vin import NotAVinError, Vin
from vindrop.recognizers.vinocr import Answer, Recognizer
from vindrop.settings import Settings
from vindrop.stores.rate_limiter.local import LocalRateLimiter
from vindrop_local import show
from vindrop_local.commands.options import Json
from vindrop_local.show import console
from vindrop_local.vinocr_process import VinOCRProcess

_REFUSALS = 5


@dataclass(frozen=True, slots=True)
class _Found:
    photo: Path
    vin: Vin | None
    failure: Failure | None
    seconds: float


def recognize(
    photos: Annotated[list[Path], typer.Argument(help="Photos: JPEG, PNG, HEIC, WebP, TIFF, BMP.")],
    *,
    endpoint: Annotated[
        str,
        typer.Option(
            help="VinOCR to ask (host, host:port or http://host:port) with VINDROP_VINOCR_SECRET_ID and "
            "_KEY. Default: our own, started for this command."
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Read the VIN on each photo, or say why there is none."""
    if endpoint:
        settings = _settings(endpoint)
        credentials = for_vinocr(settings, os.environ)
        found = _each(photos, settings, credentials, as_json=as_json)
    else:
        with tempfile.TemporaryDirectory(prefix="vindrop-") as folder:
            keys = Credentials("AKID" + secrets.token_hex(8), secrets.token_hex(16))
            with VinOCRProcess(
                Path(folder) / "vinocr.log",
                secret_id=keys.id,
                secret_key=keys.key,
                settings={"VINOCR_RATE": "1000"},
            ) as server:
                found = _each(photos, _settings(server.endpoint), keys, as_json=as_json)
    if not as_json and len(found) > 1:
        read = sum(each.vin is not None for each in found)
        console().print(f"\n{read} of {len(found)} photos hold a VIN that could be read")


def _settings(endpoint: str) -> Settings:
    own = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("VINDROP_VINOCR_SECRET")
    }
    return settings_module.load(
        {
            "VINDROP_VINOCR_ENDPOINT": endpoint,
            "VINDROP_VINOCR_TIMEOUT": "30",
            # A photo at hand passes neither ledger nor destination; the names must stand.
            "VINDROP_LEDGER": "none",
            "VINDROP_RESULTS": "file:///dev/null",
            "VINDROP_DEAD_LETTERS": "file:///dev/null",
            **own,
        }
    )


def _each(
    photos: list[Path], settings: Settings, credentials: Credentials, *, as_json: bool
) -> list[_Found]:
    photographer = Photographer(settings, Storage(settings, os.environ))
    recognizer = Recognizer(settings)
    limiter = LocalRateLimiter(settings.rate)
    width = max((len(str(photo)) for photo in photos), default=0)
    found: list[_Found] = []
    for photo in photos:
        started = time.perf_counter()
        read, failure = None, None
        try:
            read = _read(photo, photographer, recognizer, limiter, credentials)
        except FailureError as error:
            failure = error.failure
        found.append(_Found(photo, read, failure, time.perf_counter() - started))
        _say(found[-1], width, as_json=as_json)
    return found


def _read(
    photo: Path,
    photographer: Photographer,
    recognizer: Recognizer,
    limiter: LocalRateLimiter,
    credentials: Credentials,
) -> Vin:
    try:
        data = photo.read_bytes()
    except OSError as error:
        raise FailureError("Vindrop.NoSuchFile", f"cannot be read: {error.strerror}") from None
    answer = _call(photographer, recognizer, limiter, credentials, data)
    try:
        return vin.parse(answer.vin)
    except NotAVinError as error:
        raise FailureError("Vindrop.NotAVin", str(error), answer.request_id) from None


def _call(
    photographer: Photographer,
    recognizer: Recognizer,
    limiter: LocalRateLimiter,
    credentials: Credentials,
    data: bytes,
) -> Answer:
    prepared = photographer.from_bytes(data)
    for left in reversed(range(_REFUSALS)):
        time.sleep(getattr(limiter.reserve(60.0), "wait", 0.0))
        try:
            return recognizer.recognize(prepared, credentials)
        except FailureError as error:
            if not left or not is_rate_refusal(error.failure.code):
                raise
            limiter.refused(None)
    raise AssertionError  # pragma: no cover


def _say(found: _Found, width: int, *, as_json: bool) -> None:
    if as_json:
        line = {
            "photo": str(found.photo),
            "vin": found.vin.value if found.vin else None,
            "as_read": found.vin.as_read if found.vin else None,
            "verdict": found.vin.verdict.value if found.vin else None,
            "maker": found.vin.maker if found.vin else None,
            "model_year": found.vin.model_year if found.vin else None,
            "code": found.failure.code if found.failure else None,
            "reason": found.failure.message if found.failure else None,
            "seconds": round(found.seconds, 3),
        }
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
        sys.stdout.flush()
        return
    name = str(found.photo).ljust(min(width, 48))
    if found.vin is not None:
        year = f" · {found.vin.model_year}" if found.vin.model_year else ""
        text = Text.assemble(
            name,
            "  ",
            (found.vin.value, "bold"),
            "  ",
            (f"{found.vin.verdict.value:<9}", show.COLOURS[found.vin.verdict]),
            (f"  {found.vin.maker or ''}{year}", "dim"),
        )
    else:
        code = found.failure.code if found.failure else ""
        said = "no VIN found" if code == "FailedOperation.OcrFailed" else code
        reason = found.failure.message if found.failure else ""
        text = Text.assemble(name, "  ", (said, "red"), (f"  {reason}", "dim"))
    console().print(text, soft_wrap=True)
