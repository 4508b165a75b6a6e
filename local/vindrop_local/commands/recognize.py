"""``vindrop recognize``: the VIN on photos of the user's own."""

from __future__ import annotations

import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from vindrop import settings as settings_module
from vindrop.clouds import Stores
from vindrop.core.photo import Photographer
from vindrop.core.recognizer import Answer
from vindrop.domain import vin
from vindrop.domain.failures import Failure, FailureError
from vindrop.domain.vin import NotAVinError, Vin
from vindrop.recognizers.vinocr import VinOCR
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
        found = _each(photos, _settings(endpoint), as_json=as_json)
    else:
        with tempfile.TemporaryDirectory(prefix="vindrop-") as folder:
            key_id, key = "AKID" + secrets.token_hex(8), secrets.token_hex(16)
            with VinOCRProcess(
                Path(folder) / "vinocr.log",
                secret_id=key_id,
                secret_key=key,
                settings={"VINOCR_RATE": "1000"},
            ) as server:
                keys = {"VINDROP_VINOCR_SECRET_ID": key_id, "VINDROP_VINOCR_SECRET_KEY": key}
                found = _each(photos, _settings(server.endpoint, keys), as_json=as_json)
    if not as_json and len(found) > 1:
        read = sum(each.vin is not None for each in found)
        console().print(f"\n{read} of {len(found)} photos hold a VIN that could be read")


def _settings(endpoint: str, keys: Mapping[str, str] | None = None) -> Settings:
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
            **(own if keys is None else keys),
        }
    )


def _each(photos: list[Path], settings: Settings, *, as_json: bool) -> list[_Found]:
    photographer = Photographer(settings, Stores(settings, os.environ))
    recognizer = VinOCR(settings, os.environ)
    recognizer.prepare()
    quota = LocalRateLimiter(settings.rate)
    width = max((len(str(photo)) for photo in photos), default=0)
    found: list[_Found] = []
    for photo in photos:
        started = time.perf_counter()
        read, failure = None, None
        try:
            read = _read(photo, photographer, recognizer, quota)
        except FailureError as error:
            failure = error.failure
        found.append(_Found(photo, read, failure, time.perf_counter() - started))
        _say(found[-1], width, as_json=as_json)
    return found


def _read(
    photo: Path,
    photographer: Photographer,
    recognizer: VinOCR,
    quota: LocalRateLimiter,
) -> Vin:
    try:
        data = photo.read_bytes()
    except OSError as error:
        raise FailureError("Vindrop.NoSuchFile", f"cannot be read: {error.strerror}") from None
    answer = _call(photographer, recognizer, quota, data)
    try:
        return vin.parse(answer.vin)
    except NotAVinError as error:
        raise FailureError("Vindrop.NotAVin", str(error), answer.request_id) from None


def _call(
    photographer: Photographer,
    recognizer: VinOCR,
    quota: LocalRateLimiter,
    data: bytes,
) -> Answer:
    prepared = photographer.from_bytes(data)
    for left in reversed(range(_REFUSALS)):
        time.sleep(getattr(quota.reserve(60.0), "wait", 0.0))
        try:
            return recognizer.recognize(prepared)
        except FailureError as error:
            if not left or not error.failure.rule.rate_refusal:
                raise
            quota.refused(None)
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
