"""One VinOCR call from request to answer: the order in which things are checked and done.

Everything free comes first: a call is refused for its form, its caller and its limits before an
image is fetched, and an image for its form before it is read.
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

from vinocr import authentication, image, logs, pool, wire
from vinocr.accounts import STATE_CODES, Account
from vinocr.codes import ApiError, Words, is_billed
from vinocr.directory import Directory
from vinocr.download import Downloader
from vinocr.faults import Fault, Faults
from vinocr.meters import Meters
from vinocr.rate import Limiter
from vinocr.reader import Answer
from vinocr.settings import Settings

ACTION: Final = "VinOCR"
VERSION: Final = "2018-11-19"
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
    """How a call ended; what is logged of it, and what goes on the wire."""

    request_id: str
    account: str = ""
    code: str | None = None
    """None: success."""
    body: bytes = b""
    fault: Fault | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    """For the log: sizes, times, the URL's host."""


@dataclass(slots=True)
class Service:
    """The VinOCR action and everything it stands on.

    :param wall: Unix time in seconds, for time stamps and expiries.
    :param tick: monotonic time in seconds, for the rate.
    """

    settings: Settings
    directory: Directory
    readers: pool.Pool
    downloader: Downloader
    faults: Faults
    meters: Meters
    wall: Callable[[], float] = time.time
    tick: Callable[[], float] = time.monotonic
    limiter: Limiter = field(default_factory=Limiter)
    _under_way: Counter[str] = field(default_factory=Counter)
    _today: tuple[str, Counter[str]] = field(default_factory=lambda: ("", Counter()))
    _downloads: int = 0

    async def call(self, request: wire.Request) -> Outcome:
        """Answer one request. Never raises but for cancellation."""
        outcome = Outcome(str(uuid.uuid4()))
        started = self.tick()
        self.meters.received.inc()
        answer: dict[str, Any] = {}
        try:
            answer["Vin"] = await self._vin_ocr(request, outcome)
        except ApiError as error:
            self._refuse(request, outcome, answer, error)
        except Exception as error:  # noqa: BLE001 - the caller gets InternalError, the log its place
            logs.event("internal_error", request_id=outcome.request_id, error=logs.where(error))
            self._refuse(request, outcome, answer, ApiError("InternalError"))
        answer["RequestId"] = outcome.request_id
        outcome.body = _body(answer)
        self._count(outcome, self.tick() - started)
        return outcome

    async def sweep(self) -> None:
        """Forget silent clients, once a minute, for as long as the server runs."""
        while True:
            await asyncio.sleep(60)
            self.limiter.forget(self.tick())

    def refuse(self, request: wire.Request, error: ApiError) -> Outcome:
        """Answer a request that was turned away before it could be taken apart."""
        outcome = Outcome(str(uuid.uuid4()))
        self.meters.received.inc()
        answer: dict[str, Any] = {}
        self._refuse(request, outcome, answer, error)
        answer["RequestId"] = outcome.request_id
        outcome.body = _body(answer)
        self._count(outcome, 0.0)
        return outcome

    def _refuse(
        self, request: wire.Request, outcome: Outcome, answer: dict[str, Any], error: ApiError
    ) -> None:
        language = wire.language(request, self.settings.language)
        outcome.code = error.code
        answer["Error"] = {"Code": error.code, "Message": error.text(language)}

    def _count(self, outcome: Outcome, seconds: float) -> None:
        self.meters.answered.labels(outcome.account, outcome.code or "Success").inc()
        self.meters.seconds.observe(seconds)
        if is_billed(outcome.code):
            self.meters.billed.labels(outcome.account).inc()
        outcome.facts["seconds"] = round(seconds, 3)

    async def _vin_ocr(self, request: wire.Request, outcome: Outcome) -> str:
        found = wire.common(request)
        outcome.facts["action"] = found.action[:64]
        self._check_target(request, found)
        if self.settings.ip_rate is not None:
            self._limit("IPLimitExceeded", request.client, self.settings.ip_rate)
        accounts = self.directory.current()
        if len(request.body) > _LARGE:  # hashing 10 MB takes 20 ms that others need not wait for
            account, _ = await asyncio.to_thread(
                authentication.authenticate, request, found, accounts, self.wall()
            )
        else:
            account, _ = authentication.authenticate(request, found, accounts, self.wall())
        outcome.account = account.uin
        authentication.check_address(account, request.client)
        self._check_rates(account)
        self._check_account(account)
        limit = account.concurrency
        if limit is not None and self._under_way[account.uin] >= limit:
            raise ApiError("LimitExceeded", limit=limit)
        self._under_way[account.uin] += 1
        try:
            return await self._recognise(request, found, account, outcome)
        finally:
            self._under_way[account.uin] -= 1
            if not self._under_way[account.uin]:
                del self._under_way[account.uin]

    def _check_target(self, request: wire.Request, found: wire.Common) -> None:
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

    def _check_rates(self, account: Account) -> None:
        self._limit("", account.uin, account.rate or self.settings.rate)
        if account.uin_rate is not None:
            self._limit("UinLimitExceeded", account.uin, account.uin_rate)
        if account.region_rate is not None:
            self._limit("GlobalRegionUinLimitExceeded", account.uin, account.region_rate)

    def _limit(self, kind: str, name: str, limit: int) -> None:
        current = self.limiter.ask(kind, name, limit, self.tick())
        if current is not None:
            code = f"RequestLimitExceeded.{kind}" if kind else "RequestLimitExceeded"
            raise ApiError(code, current=current, limit=limit)

    def _check_account(self, account: Account) -> None:
        if account.state in STATE_CODES:
            raise ApiError(STATE_CODES[account.state])
        if ACTION not in account.actions:
            raise ApiError("AuthFailure.UnauthorizedOperation", action=ACTION)
        if account.daily_limit is not None:
            today = dt.datetime.fromtimestamp(self.wall(), _CHINA).date().isoformat()
            if self._today[0] != today:
                self._today = (today, Counter())
            if self._today[1][account.uin] >= account.daily_limit:
                raise ApiError("FailedOperation.CountLimitError", limit=account.daily_limit)
            self._today[1][account.uin] += 1

    async def _recognise(
        self, request: wire.Request, found: wire.Common, account: Account, outcome: Outcome
    ) -> str:
        if len(request.body) > _LARGE and request.content_type == wire.JSON:
            values = await asyncio.to_thread(wire.json_object, request.body)
        else:
            values = await wire.parameters(request, found)
        given = _own_parameters(values)
        if account.dry_run:
            raise ApiError("DryRunOperation")
        outcome.fault = self.faults.next(account.uin)
        if outcome.fault is not None:
            await self._go_wrong(outcome.fault)
        photo = await self._photo(given, outcome)
        outcome.facts["bytes"] = len(photo)
        image.check(photo)
        seen = await self.read(photo)
        outcome.facts["reading_ms"] = round(seen.milliseconds)
        if seen.vin is None:
            raise ApiError(_REASON_CODES.get(seen.reason or "no_vin", "FailedOperation.OcrFailed"))
        return seen.vin

    async def _go_wrong(self, fault: Fault) -> None:
        self.meters.faults.inc()
        await asyncio.sleep(fault.wait)
        if fault.code is not None:
            raise ApiError(fault.code, fault.message)
        if fault.cut == "before":
            raise ApiError("ConnectionCut")  # for log and metrics; no client ever sees it

    async def _photo(self, given: dict[str, str], outcome: Outcome) -> bytes:
        limit = self.settings.max_base64
        if "ImageUrl" not in given:
            return await asyncio.to_thread(image.from_base64, given["ImageBase64"], limit)
        if self._downloads >= self.settings.url_downloads:
            raise _unavailable("too many downloads are under way", "下载任务过多")
        started = self.tick()
        self._downloads += 1
        try:
            return await self.downloader.fetch(given["ImageUrl"])
        finally:
            self._downloads -= 1
            outcome.facts["download_seconds"] = round(self.tick() - started, 3)

    async def read(self, photo: bytes) -> Answer:
        """Have an image read, with every way to fail as an `ApiError`."""
        try:
            seen = await self.readers.read(photo)
        except pool.BusyError:
            raise _unavailable("all readers are busy", "识别引擎繁忙") from None
        except pool.NoReaderError:
            why = Words("no reader starts, see the server's log", "识别引擎无法启动")
            raise ApiError("ResourceUnavailable", why=why) from None
        except pool.ReadTimeoutError:
            raise ApiError("FailedOperation.EngineRecognizeTimeout") from None
        except pool.ReaderDiedError:
            raise ApiError("FailedOperation.UnKnowError") from None
        except pool.ReaderFailedError as error:
            logs.event("reader_failed", error=str(error))
            raise ApiError("InternalError") from None
        except pool.RefusedError as error:
            raise self._not_an_image(error.code) from None
        self.meters.reading.observe(seen.milliseconds / 1000)
        return seen

    def _not_an_image(self, code: str) -> ApiError:
        if code == "empty":
            return ApiError("FailedOperation.EmptyImageError")
        if code == "too_many_pixels":
            return ApiError("FailedOperation.ImageSizeTooLarge", limit=self.settings.max_pixels)
        why = Words("the file is damaged or incomplete", "文件已损坏或不完整")
        return ApiError("FailedOperation.ImageDecodeFailed", why=why)


def _body(answer: dict[str, Any]) -> bytes:
    # JSON may smuggle half a surrogate pair into a name that a message quotes: "replace".
    return json.dumps({"Response": answer}, ensure_ascii=False).encode("utf-8", "replace")


def _own_parameters(values: dict[str, Any]) -> dict[str, str]:
    """Check names and types; an absent one and null are the same, as the SDKs send null."""
    given: dict[str, str] = {}
    for name, value in values.items():
        if name not in {"ImageBase64", "ImageUrl"}:
            raise ApiError("UnknownParameter", name=name[:64])
        if value is None:
            continue
        if not isinstance(value, str):
            why = Words(
                f"The value type of parameter `{name}` is not valid: it must be a string",
                f"参数 `{name}` 类型错误，应为字符串",
            )
            raise ApiError("InvalidParameter", why=why)
        given[name] = value
    if given.get("ImageUrl") == "":  # an empty URL is no URL, an empty image is an (empty) image
        del given["ImageUrl"]
    if not given:
        both = Words("ImageBase64` or `ImageUrl", "ImageBase64` 或 `ImageUrl")
        raise ApiError("MissingParameter", name=both)
    return given


def _unavailable(english: str, chinese: str) -> ApiError:
    return ApiError("ServiceUnavailable", why=Words(english, chinese))
