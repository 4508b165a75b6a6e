"""``vindrop recognize``: the VIN on photos of the user's own."""

from __future__ import annotations

import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from vindrop import settings as settings_module
from vindrop.clouds import Stores
from vindrop.core.photo import Fallbacks, Photo, Photographer, explained
from vindrop.core.recognizer import Answer
from vindrop.domain import error_codes, vin
from vindrop.domain.failures import Failure, FailureError
from vindrop.domain.vin import NotAVinError, Vin
from vindrop.recognizers.vinocr import VinOCR
from vindrop.settings import Settings
from vindrop.stores.rate_limiter.local import LocalRateLimiter
from vindrop_local import show
from vindrop_local.commands.options import Json
from vindrop_local.terminal import console
from vindrop_local.vinocr_process import VinOCRProcess

_REFUSALS = 5
NO_VIN = 1
"""Exit status where a photo gave no VIN."""
NO_FILE = 2
"""Exit status where a file is not there or cannot be read."""


class _Reader:
    """Asks VinOCR, no faster than it allows."""

    def __init__(self, settings: Settings) -> None:
        self._photographer = Photographer(settings, Stores(settings, os.environ))
        self._recognizer = VinOCR(settings, os.environ)
        self._recognizer.prepare()
        self._limiter = LocalRateLimiter(settings.rate)

    def read(self, data: bytes) -> Vin:
        """Return the VIN on a photo, which is sent in the forms that the function would send it in.

        :raises FailureError: there is no VIN, or VinOCR does not answer.
        """
        fallbacks = Fallbacks("bytes")
        while True:
            try:
                prepared = self._photographer.from_bytes(
                    data, form=fallbacks.form, shrink_further=fallbacks.shrink_further
                )
                answer = self._ask(prepared)
            except FailureError as error:
                if not fallbacks.next_fallback(error.failure):
                    raise
                continue
            break
        try:
            return vin.parse(answer.vin)
        except NotAVinError as error:
            raise FailureError(error_codes.NOT_A_VIN, str(error), answer.request_id) from None

    def _ask(self, prepared: Photo) -> Answer:
        for left in reversed(range(_REFUSALS)):
            time.sleep(getattr(self._limiter.reserve(60.0), "wait", 0.0))
            try:
                return self._recognizer.recognize(prepared)
            except FailureError as error:
                if not left or not error.failure.rule.rate_refusal:
                    raise explained(error, prepared) from None
                self._limiter.refused(None)
        raise AssertionError  # pragma: no cover


def recognize(
    photos: Annotated[
        list[Path], typer.Argument(help="Photos: JPEG, PNG, HEIC, WebP, TIFF, BMP, JPEG 2000.")
    ],
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
    """Read the VIN on each photo, or say why there is none.

    Ends with status 1 where a photo gave no VIN, with 2 where a file cannot be read.
    """
    if endpoint:
        statuses = _each(photos, _Reader(_settings(endpoint)), as_json=as_json)
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
                reader = _Reader(_settings(server.endpoint, keys))
                statuses = _each(photos, reader, as_json=as_json)
    if not as_json and len(photos) > 1:
        read = statuses.count(0)
        console().print(f"\n{read} of {len(photos)} photos hold a VIN that could be read")
    if any(statuses):
        raise typer.Exit(max(statuses))


def _settings(endpoint: str, keys: Mapping[str, str] | None = None) -> Settings:
    own = {n: value for n, value in os.environ.items() if n.startswith("VINDROP_VINOCR_SECRET")}
    return settings_module.load(
        {
            "VINDROP_VINOCR_ENDPOINT": endpoint,
            "VINDROP_VINOCR_TIMEOUT": "30",
            # A photo at hand passes neither ledger nor destination; the names must stand.
            "VINDROP_LEDGER": "none",
            "VINDROP_RESULTS": "file:///dev/null",
            "VINDROP_DEAD_LETTERS": "file:///dev/null",
            **(keys or own),
        }
    )


def _each(photos: list[Path], reader: _Reader, *, as_json: bool) -> list[int]:
    """Show what is on each photo; return the exit status that each asks for: 0, `NO_VIN` or `NO_FILE`."""
    width = min(max((len(str(photo)) for photo in photos), default=0), 48)
    statuses: list[int] = []
    for photo in photos:
        started = time.perf_counter()
        found: Vin | Failure
        try:
            data = photo.read_bytes()
        except OSError as error:
            found = Failure("Vindrop.NoSuchFile", f"cannot be read: {error.strerror}")
            statuses.append(NO_FILE)
        else:
            try:
                found = reader.read(data)
                statuses.append(0)
            except FailureError as error:
                found = error.failure
                statuses.append(NO_VIN)
        if as_json:
            seconds = round(time.perf_counter() - started, 3)
            line = {"photo": str(photo), **_fields(found), "seconds": seconds}
            sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
            sys.stdout.flush()
        else:
            console().print(_line(str(photo).ljust(width), found), soft_wrap=True)
    return statuses


def _fields(found: Vin | Failure) -> dict[str, object]:
    read, failed = (found, None) if isinstance(found, Vin) else (None, found)
    return {
        "vin": read and read.value,
        "as_read": read and read.as_read,
        "verdict": read and read.verdict.value,
        "maker": read and read.maker,
        "model_year": read and read.model_year,
        "code": failed and failed.code,
        "reason": failed and failed.message,
    }


def _line(name: str, found: Vin | Failure) -> Text:
    if isinstance(found, Vin):
        year = f" · {found.model_year}" if found.model_year else ""
        verdict = (f"{found.verdict.value:<9}", show.COLOURS[found.verdict])
        maker = (f"  {found.maker or ''}{year}", "dim")
        return Text.assemble(name, "  ", (found.value, "bold"), "  ", verdict, maker)
    said = "no VIN found" if found.code == "FailedOperation.OcrFailed" else found.code
    return Text.assemble(name, "  ", (said, "red"), (f"  {found.message}", "dim"))
