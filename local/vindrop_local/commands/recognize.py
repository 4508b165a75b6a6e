"""``vindrop recognize``: the VIN on photos of the user's own."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.cells import cell_len
from rich.text import Text

from vindrop import settings as settings_module
from vindrop.clouds import Stores
from vindrop.core.invocation import Budget
from vindrop.core.photo import Fallbacks, Photo, Photographer, Sent, explained
from vindrop.core.recognizer import Answer
from vindrop.core.store_errors import StoreSettingError
from vindrop.domain import error_codes, vin
from vindrop.domain.failures import Failure, FailureError
from vindrop.domain.recognition import RecognizerCall
from vindrop.domain.records import DeadLetter, Reading
from vindrop.domain.upload import Upload
from vindrop.domain.vin import NotAVinError, Vin
from vindrop.recognizers.vinocr import VinOCR
from vindrop.settings import Settings
from vindrop.stores.rate_limiter.local import LocalRateLimiter
from vindrop.wiring import build
from vindrop_local import show
from vindrop_local.annotate import Pictures
from vindrop_local.commands.options import Json, a_path
from vindrop_local.errors import UserError
from vindrop_local.language import said
from vindrop_local.photo_files import data_of, files_of
from vindrop_local.progress import Progress
from vindrop_local.recognizer_settings import check, of_cascade
from vindrop_local.terminal import console, json_text
from vindrop_local.terminal import shown as name_shown
from vindrop_local.vinocr_process import VinOCRProcess

_REFUSALS = 5
_SECONDS = 120.0
"""That a photo may take with all its recognizers."""
NO_VIN = 1
"""Exit status where a photo gave no VIN."""
NO_FILE = 2
"""Exit status where a file is not there or cannot be read."""
_NO_SUCH_FILE = "Vindrop.NoSuchFile"


@dataclass(slots=True)
class _Read:
    """What came of one photo."""

    found: Vin | Failure
    sent: bytes | None = None
    """The photo in the form in which VinOCR had it last."""
    answer: Answer | None = None
    asked: tuple[RecognizerCall, ...] = ()
    """Who was asked, where there are several."""

    @property
    def status(self) -> int:
        """The exit status that it asks for: 0, `NO_VIN` or `NO_FILE`."""
        if isinstance(self.found, Vin):
            return 0
        return NO_FILE if self.found.code == _NO_SUCH_FILE else NO_VIN


class _Cascade:
    """Asks the recognizers of ``VINDROP_RECOGNIZERS``, as the functions do."""

    def __init__(self, given: Mapping[str, str], folder: Path) -> None:
        """Open them; what one of them said is kept in ``folder`` meanwhile, as in any ledger."""
        store = f"sqlite:///{folder}/vindrop.db"
        names = ("VINDROP_LEDGER", "VINDROP_RESULTS", "VINDROP_DEAD_LETTERS")
        settings = _load({**given, **dict.fromkeys(names, store)})
        check(settings, os.environ)
        self._app = build(settings, os.environ)

    def read(self, data: bytes) -> _Read:
        """Read the VIN that the policy decides on."""
        name = hashlib.sha256(data).hexdigest()
        upload = Upload("http", "bytes", "local", name, "recognize")
        quiet = io.StringIO()  # a function's log lines
        with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
            outcome = self._app.interactive.process(upload, Budget(_SECONDS), Sent(data=data))
        record = outcome.record
        if isinstance(record, Reading):
            judged = dataclasses.replace(vin.parse(record.as_read), verdict=record.verdict)
            answer = Answer(
                record.vin, record.id, 0.0, vin_box=record.vin_box, characters=record.characters
            )
            return _Read(judged, data, answer, record.recognizers)
        if isinstance(record, DeadLetter):
            why = Failure(record.code, record.message, record.request_id)
            return _Read(why, data, asked=record.recognizers)
        why = Failure(error_codes.OUT_OF_TIME, "nobody answered in time")
        return _Read(outcome.failure or why, data)


class _Reader:
    """Asks VinOCR, no faster than it allows."""

    def __init__(self, settings: Settings) -> None:
        self._photographer = Photographer(settings, Stores(settings, os.environ))
        self._recognizer = VinOCR(settings, os.environ)
        self._recognizer.prepare()
        self._limiter = LocalRateLimiter(settings.rate)

    def read(self, data: bytes) -> _Read:
        """Read the VIN on a photo, which is sent in the forms that the function would send it in."""
        fallbacks = Fallbacks("bytes")
        sent: bytes | None = None
        while True:
            try:
                prepared = self._photographer.from_bytes(
                    data, form=fallbacks.form, shrink_further=fallbacks.shrink_further
                )
                sent = prepared.data
                answer = self._ask(prepared)
                return _Read(vin.parse(answer.vin), sent, answer)
            except FailureError as error:
                if not fallbacks.next_fallback(error.failure):
                    return _Read(error.failure, sent)
            except NotAVinError as error:
                said = Failure(error_codes.NOT_A_VIN, str(error), answer.request_id)
                return _Read(said, sent, answer)

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
        list[Path],
        typer.Argument(
            parser=a_path,
            help="Photos (JPEG, PNG, HEIC, WebP, TIFF, BMP, JPEG 2000), or folders of them.",
        ),
    ],
    *,
    endpoint: Annotated[
        str,
        typer.Option(
            help="VinOCR to ask (host, host:port or http://host:port) with VINDROP_VINOCR_SECRET_ID and "
            "_KEY. Default: those of VINDROP_RECOGNIZERS where it is set; else our own, started for this "
            "command."
        ),
    ] = "",
    annotate: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT",
            parser=a_path,
            help="Write each photo with the VIN's place and its characters, each with its confidence: "
            "into the file OUT (one photo, OUT ends in .jpg), else into the folder OUT.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Read the VIN on each photo, or say why there is none.

    Ends with status 1 where a photo gave no VIN, with 2 where a file cannot be read.
    """
    given = of_cascade()
    photos, without = files_of(photos)
    pictures = Pictures(annotate, photos) if annotate is not None else None
    if given and not endpoint:
        with tempfile.TemporaryDirectory(prefix="vindrop-") as folder:
            try:
                cascade = _Cascade(given, Path(folder))
            except (settings_module.SettingsError, StoreSettingError) as error:
                raise UserError(str(error)) from None
            statuses = _each(photos, cascade, pictures, as_json=as_json)
    elif endpoint:
        statuses = _each(photos, _asking(endpoint), pictures, as_json=as_json)
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
                statuses = _each(photos, reader, pictures, as_json=as_json)
    if not as_json and len(photos) > 1:
        _say_total(statuses.count(0), len(photos))
    if status := max(*statuses, NO_FILE if without else 0):
        raise typer.Exit(status)


def _say_total(read: int, photos: int) -> None:
    console().print(
        f"\n1 of {photos} photos holds a VIN that could be read"
        if read == 1
        else f"\n{read} of {photos} photos hold a VIN that could be read"
    )


def _asking(endpoint: str) -> _Reader:
    """Return what asks a VinOCR that is there.

    :raises UserError: a setting is wrong, or there are no keys.
    """
    try:
        return _Reader(_settings(endpoint))
    except settings_module.SettingsError as error:
        raise UserError(str(error)) from None
    except FailureError as error:
        raise UserError(error.failure.message) from None


def _settings(endpoint: str, keys: Mapping[str, str] | None = None) -> Settings:
    own = {n: value for n, value in os.environ.items() if n.startswith("VINDROP_VINOCR_SECRET")}
    return _load({"VINDROP_VINOCR_ENDPOINT": endpoint, **(keys or own)})


def _load(given: Mapping[str, str]) -> Settings:
    return settings_module.load(
        {
            "VINDROP_VINOCR_TIMEOUT": "30",
            # A photo at hand passes neither ledger nor destination; the names must stand.
            "VINDROP_LEDGER": "none",
            "VINDROP_RESULTS": "file:///dev/null",
            "VINDROP_DEAD_LETTERS": "file:///dev/null",
            **{name: value for name, value in given.items() if name.startswith("VINDROP_")},
        }
    )


def _each(
    photos: list[Path], reader: _Reader | _Cascade, pictures: Pictures | None, *, as_json: bool
) -> list[int]:
    """Show what is on each photo; return the exit status that each asks for."""
    width = min(max((len(name_shown(photo)) for photo in photos), default=0), 48)
    out = console()
    # Lines and bar take turns on one terminal; where the lines go elsewhere, the bar does not.
    drawn_on = out if out.is_terminal else None
    shown = len(photos) > 1 and not (as_json and out.is_terminal)
    statuses: list[int] = []
    with Progress("reading", len(photos), out=drawn_on, shown=shown) as progress:
        for photo in photos:
            started = time.perf_counter()
            try:
                read = reader.read(data_of(photo))
            except OSError as error:
                read = _Read(Failure(_NO_SUCH_FILE, f"cannot be read: {error.strerror}"))
            statuses.append(read.status)
            seconds = round(time.perf_counter() - started, 3)
            if pictures is not None and read.sent is not None:
                title = _line(photo.name, read.found, str).plain  # the picture's font is Latin
                pictures.write(photo, read.sent, read.answer, title)
            if as_json:
                _print_json(photo, read, seconds)
            else:
                say = said if out.is_terminal else str  # programs read what is piped
                text = _line(name_shown(photo).ljust(width), read.found, say)
                text.append("".join(f"  {_asked(call, say)}" for call in read.asked), "dim")
                out.print(text, soft_wrap=True)
            progress.advance()
    return statuses


def _print_json(photo: Path, read: _Read, seconds: float) -> None:
    line = {"photo": str(photo), **_fields(read.found), "seconds": seconds}
    if read.asked:
        line["recognizers"] = [dataclasses.asdict(call) for call in read.asked]
    sys.stdout.write(json_text(line) + "\n")
    sys.stdout.flush()


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


def _asked(call: RecognizerCall, say: Callable[[str], str]) -> str:
    """Return who was asked and, where no VIN came of it, why."""
    return f"{call.name} {_why(call.code, say)}" if call.vin is None else call.name


def _why(code: str | None, say: Callable[[str], str]) -> str:
    return say("no VIN found") if code in {None, "FailedOperation.OcrFailed"} else str(code)


def _line(name: str, found: Vin | Failure, say: Callable[[str], str]) -> Text:
    if isinstance(found, Vin):
        year = f" · {found.model_year}" if found.model_year else ""
        word = say(found.verdict.value)
        verdict = (word + " " * (9 - cell_len(word)), show.COLOURS[found.verdict])
        maker = (f"  {found.maker or ''}{year}", "dim")
        return Text.assemble(name, "  ", (found.value, "bold"), "  ", verdict, maker)
    return Text.assemble(
        name, "  ", (_why(found.code, say), "red"), (f"  {say(found.message)}", "dim")
    )
