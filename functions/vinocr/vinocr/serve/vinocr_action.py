"""One VinOCR call from request to answer: the order in which things are checked and done.

Cheap checks come first: a call is refused for its form, its caller and its limits before an image
is downloaded, and an image for its form before it is read.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from vinocr import logging_json
from vinocr.api import authentication, detail, image_checks
from vinocr.api import request as requests
from vinocr.api.accounts import STATE_CODES, Account, Accounts
from vinocr.api.codes import ApiError, is_billed
from vinocr.api.download import Downloader
from vinocr.api.faults import Fault, Faults
from vinocr.api.rate_limiter import RateLimiter
from vinocr.api.reloaded_file import ReloadedFile
from vinocr.api.replay import UsedSignatures
from vinocr.api.request import Common, Request
from vinocr.reader import Answer
from vinocr.serve.fair_line import FairLine, places
from vinocr.serve.metrics import Metrics
from vinocr.serve.reader_pool import ReaderPool, busy_error
from vinocr.settings import Settings

ACTION: Final = "VinOCR"
VERSION: Final = "2018-11-19"
CLIENT_GONE: Final = "ClientGone"
"""For log and metrics, where the client hung up before its answer: no client ever sees it."""
_CHINA: Final = dt.timezone(dt.timedelta(hours=8))
_LARGE: Final = 128 * 1024
_REASON_CODES: Final = {
    "no_text": "FailedOperation.ImageNoText",
    "no_vin": "FailedOperation.OcrFailed",
    "cut_off": "FailedOperation.DetectFailed",
    "blurred": "FailedOperation.ImageBlur",
}


@dataclass(slots=True)
class Outcome:
    """How a call ended: what is logged and what is sent."""

    request_id: str
    account: str = ""
    code: str | None = None
    """None: success."""
    body: bytes = b""
    fault: Fault | None = None
    retry_after: int | None = None
    """Seconds, of a refusal that says when to try again."""
    candidates: dict[str, Any] = field(default_factory=dict)
    """Of a photo on which no VIN is sure enough, for a caller who asks for details."""
    facts: dict[str, Any] = field(default_factory=dict)
    """For the log: sizes and times."""


@dataclass(slots=True)
class VinOcrAction:
    """The VinOCR action of API 3.0 and all that it needs.

    :param wall: Unix time in seconds, for time stamps and expiries.
    :param tick: monotonic time in seconds, for the rate limit.
    """

    settings: Settings
    accounts: ReloadedFile[Accounts]
    readers: ReaderPool
    downloader: Downloader
    faults: Faults
    metrics: Metrics
    wall: Callable[[], float] = time.time
    tick: Callable[[], float] = time.monotonic
    limiter: RateLimiter = field(default_factory=RateLimiter)
    _today: tuple[str, Counter[str]] = field(default_factory=lambda: ("", Counter()))
    downloads: FairLine[int] = field(init=False)
    """Places for downloads: no account holds more than three of four."""
    used: UsedSignatures = field(default_factory=UsedSignatures)

    def __post_init__(self) -> None:
        """Make the places."""
        self.downloads = places(self.settings.url_downloads)

    async def call(self, request: Request, refused: ApiError | None = None) -> Outcome:
        """Answer one request; never raises, except for cancellation.

        :param refused: the error of a request that was turned away before it could be parsed.
        """
        outcome = Outcome(str(uuid.uuid4()))
        try:
            if refused is None:
                found = await self._vin_ocr(request, outcome)
                answer: dict[str, Any] = {"Vin": found.vin}
                if detail.is_asked(request.headers):
                    answer |= detail.of(found)
            else:
                answer = self._error(request, outcome, refused)
        except ApiError as error:  # no variable may outlive it: its frames hold the image
            answer = self._error(request, outcome, error)
            if detail.is_asked(request.headers):
                answer |= outcome.candidates
        except Exception as error:  # noqa: BLE001 - the caller gets InternalError, the log its place
            where = logging_json.where(error)
            logging_json.event("internal_error", request_id=outcome.request_id, error=where)
            answer = self._error(request, outcome, ApiError("InternalError"))
        answer["RequestId"] = outcome.request_id
        # JSON may hold half a surrogate pair in a name that a message quotes: "replace".
        text = json.dumps({"Response": answer}, ensure_ascii=False)
        outcome.body = text.encode("utf-8", "replace")
        return outcome

    async def evict_idle_clients(self) -> None:
        """Drop the rate limiter's idle entries once a minute, for as long as the server runs."""
        while True:
            await asyncio.sleep(60)
            self.limiter.evict(self.tick())
            self.used.forget(self.wall())

    def _error(self, request: Request, outcome: Outcome, error: ApiError) -> dict[str, Any]:
        outcome.code, outcome.retry_after = error.code, error.retry_after
        message = error.text(requests.language(request, self.settings.language))
        return {"Error": {"Code": error.code, "Message": message}}

    def count(self, outcome: Outcome, seconds: float) -> None:
        """Count a call that has ended, and bill it where it is to be billed."""
        self.metrics.answered.labels(outcome.account, outcome.code or "Success").inc()
        self.metrics.seconds.observe(seconds)
        if is_billed(outcome.code):
            self.metrics.billed.labels(outcome.account).inc()
        outcome.facts["seconds"] = round(seconds, 3)

    async def _vin_ocr(self, request: Request, outcome: Outcome) -> Answer:
        found = requests.common(request)
        outcome.facts["action"] = found.action[:64]
        self._check_target(request, found)
        if self.settings.ip_rate is not None:
            self._limit("IPLimitExceeded", request.client, self.settings.ip_rate)
        who = (request, found, self.accounts.current(), self.wall(), self.used)
        if len(request.body) > _LARGE:  # hashing 10 MB takes 20 ms that others need not wait for
            account = await asyncio.to_thread(authentication.authenticate, *who)
        else:
            account = authentication.authenticate(*who)
        outcome.account = account.uin
        self._limit("", account.uin, account.rate or self.settings.rate)
        self._check_account(account)
        return await self._recognize(request, found, account, outcome)

    def _check_target(self, request: Request, found: Common) -> None:
        product = authentication.product_of_host(request.headers.get("host", ""))
        if product is not None and product != authentication.SERVICE:
            raise ApiError("NoSuchProduct", product=product)
        if found.version != VERSION:
            raise ApiError("NoSuchVersion", version=found.version[:64])
        if found.action != ACTION:
            raise ApiError("InvalidAction", action=found.action[:64], version=VERSION)
        if self.settings.offline:
            raise ApiError("ActionOffline", action=ACTION)
        if self.settings.regions and found.region and found.region not in self.settings.regions:
            raise ApiError("UnsupportedRegion", region=found.region[:64])

    def _limit(self, kind: str, name: str, limit: int) -> None:
        current = self.limiter.admit(kind, name, limit, self.tick())
        if current is not None:
            code = f"RequestLimitExceeded.{kind}" if kind else "RequestLimitExceeded"
            raise ApiError(code, current=current, limit=limit)

    def _check_account(self, account: Account) -> None:
        if account.state in STATE_CODES:
            raise ApiError(STATE_CODES[account.state])
        if account.daily_limit is not None:
            today = dt.datetime.fromtimestamp(self.wall(), _CHINA).date().isoformat()
            if self._today[0] != today:
                self._today = (today, Counter())
            if self._today[1][account.uin] >= account.daily_limit:
                raise ApiError("FailedOperation.CountLimitError", limit=account.daily_limit)
            self._today[1][account.uin] += 1

    async def _recognize(
        self, request: Request, found: Common, account: Account, outcome: Outcome
    ) -> Answer:
        if len(request.body) > _LARGE and requests.media_type(request.headers) == requests.JSON:
            values = await asyncio.to_thread(requests.json_object, request.body)
        else:
            values = await requests.parameters(request, found)
        given = _own_parameters(values)
        outcome.fault = self.faults.next(account.uin)
        if outcome.fault is not None:
            await self._apply(outcome.fault)
        self.readers.refuse_if_busy(account.uin)
        photo = await self._photo(given, outcome, account.uin)
        outcome.facts["bytes"] = len(photo)
        image_checks.check(photo)
        answer = await self.read(photo, account.uin, request.waited)
        outcome.facts["reading_ms"] = round(answer.milliseconds)
        if answer.vin is None:
            outcome.candidates = detail.candidates(answer)
            raise ApiError(_REASON_CODES.get(answer.reason or "", "FailedOperation.OcrFailed"))
        return answer

    async def _apply(self, fault: Fault) -> None:
        self.metrics.faults.inc()
        await asyncio.sleep(fault.wait)
        if fault.code is not None:
            raise ApiError(fault.code, fault.message)
        if fault.cut == "before":
            raise ApiError("ConnectionCut")  # for log and metrics; no client ever sees it

    async def _photo(self, given: dict[str, str], outcome: Outcome, owner: str) -> bytes:
        if "ImageUrl" not in given:
            limit = self.settings.max_base64
            return await asyncio.to_thread(image_checks.from_base64, given["ImageBase64"], limit)
        started = self.tick()
        try:
            place = await self.downloads.take(owner, self.settings.queue_seconds)
        except asyncio.TimeoutError:
            why = "too many downloads are under way"
            raise busy_error(self.settings.url_seconds, why) from None
        try:
            return await self.downloader.fetch(given["ImageUrl"], owner)
        finally:
            self.downloads.give(owner, place)
            outcome.facts["download_seconds"] = round(self.tick() - started, 3)

    async def read(self, photo: bytes, owner: str = "", waited: float = 0.0) -> Answer:
        """Have an image read.

        :raises ApiError: see `ReaderPool.read`.
        """
        answer = await self.readers.read(photo, owner, waited)
        self.metrics.reading.observe(answer.milliseconds / 1000)
        return answer


def _own_parameters(values: dict[str, Any]) -> dict[str, str]:
    """Check names and types; an absent one and null are the same, as the SDKs send null."""
    given: dict[str, str] = {}
    for name, value in values.items():
        if name not in {"ImageBase64", "ImageUrl"}:
            raise ApiError("UnknownParameter", name=name[:64])
        if value is None:
            continue
        if not isinstance(value, str):
            raise ApiError(
                "InvalidParameter",
                why="The value type of parameter `{name}` is not valid: it must be a string",
                name=name,
            )
        given[name] = value
    if given.get("ImageUrl") == "":  # an empty URL counts as absent, an empty image as an image
        del given["ImageUrl"]
    if not given:
        both = "ImageBase64` or `ImageUrl"
        raise ApiError("MissingParameter", name=both)
    return given
