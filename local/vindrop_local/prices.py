"""What the clouds charge for what vindrop uses: each price with the page it stands on.

Prices change, and differ by region, contract and free tier: `vindrop cost --price NAME=VALUE` takes
yours. A price without `seen` is as its price list is known, and was not read on a page for this
release; one without a value was found on no page that could be read, and is left out of sums by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

CLOUDS: Final = ("tencent", "aws")
CURRENCY: Final = "USD"
HOURS: Final = 730
"""Of a month."""
SWEEPS: Final = 43_200
"""Of a month: one a minute."""
SWEEP_SECONDS: Final = 0.2
"""Of a sweep that finds nothing due."""
LOG_BYTES: Final = 1_500
"""Of an upload's lines."""
METRICS: Final = 20
ALARM_METRICS: Final = 22
"""Of ten alarms: one of a sum over functions is billed for each metric that it adds up."""


@dataclass(frozen=True)
class Price:
    """What one unit costs, before any free tier."""

    name: str
    value: float | None
    """In USD; None: not known here."""
    unit: str
    page: str
    seen: str = ""
    """Month of the page's copy that was read; empty: not read for this release."""


@dataclass(frozen=True)
class Line:
    """One item of a bill."""

    item: str
    price: Price
    units: float

    @property
    def cost(self) -> float | None:
        """What it comes to; None where the price is not known."""
        return None if self.price.value is None else self.units * self.price.value


_AWS: Final = "https://aws.amazon.com"
_TENCENT: Final = "https://www.tencentcloud.com/document/product"
VINOCR: Final = Price("vinocr-call", None, "a billed call", f"{_TENCENT}/1005/36165")
_PRICES: Final = {
    "tencent": (
        VINOCR,
        Price("scf-gb-second", None, "GB-second", f"{_TENCENT}/583/12281"),
        Price("scf-call", None, "invocation", f"{_TENCENT}/583/12281"),
        Price("scf-package", 1.8, "month", f"{_TENCENT}/583/44254", "2022-07"),
        Price("tdsqlc-ccu-second", 0.00001397, "CCU-second", f"{_TENCENT}/1098/51974", "2024-04"),
        Price("tdsqlc-gb-hour", 0.00072, "GB-hour stored", f"{_TENCENT}/1098/51974", "2024-04"),
        Price("cos-request", None, "request", f"{_TENCENT}/436/6239"),
        Price("cls-gb", None, "GB of logs", f"{_TENCENT}/614/47116"),
    ),
    "aws": (
        VINOCR,
        Price(
            "lambda-gb-second",
            0.00001667,
            "GB-second",
            "https://docs.aws.amazon.com/whitepapers/latest/how-aws-pricing-works/lambda.html",
            "2026-11",
        ),
        Price(
            "lambda-call",
            0.0000002,
            "invocation",
            "https://docs.aws.amazon.com/whitepapers/latest/how-aws-pricing-works/lambda.html",
            "2026-11",
        ),
        Price("dynamodb-write", 0.000000625, "write unit", f"{_AWS}/dynamodb/pricing/on-demand/"),
        Price("dynamodb-read", 0.000000125, "read unit", f"{_AWS}/dynamodb/pricing/on-demand/"),
        Price("s3-put", 0.000005, "PUT", f"{_AWS}/s3/pricing/"),
        Price("s3-get", 0.0000004, "GET", f"{_AWS}/s3/pricing/"),
        Price("sqs-request", 0.0000004, "request", f"{_AWS}/sqs/pricing/"),
        Price("cloudwatch-gb", 0.5, "GB of logs", f"{_AWS}/cloudwatch/pricing/"),
        Price("cloudwatch-metric", 0.3, "metric", f"{_AWS}/cloudwatch/pricing/"),
        Price("cloudwatch-alarm", 0.1, "metric of an alarm", f"{_AWS}/cloudwatch/pricing/"),
        Price("cloudwatch-dashboard", 3.0, "dashboard", f"{_AWS}/cloudwatch/pricing/"),
    ),
}
WRITES: Final = 8
"""DynamoDB writes of an upload: four of the ledger and limiter, two of the console's list, its record,
a dead letter withdrawn."""
WRITE_UNITS: Final = WRITES + 2 + 3 * 2 + 4
"""With both indexes (an entry that moves is two writes) and records over one and two KB: at most."""
READ_UNITS: Final = 4


def prices(cloud: str, own: Mapping[str, float]) -> dict[str, Price]:
    """Return the prices of a cloud by name, with ``own`` in the place of those given.

    :raises KeyError: a name of ``own`` that the cloud has no price of.
    """
    found = {price.name: price for price in _PRICES[cloud]}
    for name, value in own.items():
        before = found[name]
        found[name] = Price(name, value, before.unit, "given by you", "now")
    return found


def bill(
    cloud: str,
    photos: float,
    *,
    calls_per_photo: float,
    seconds: float,
    memory: int,
    known: Mapping[str, Price],
) -> list[Line]:
    """Return a month's bill, item by item.

    :param photos: of the month.
    :param calls_per_photo: billed calls; a photo without a VIN may be billed, too.
    :param seconds: that the function runs for one photo.
    :param memory: of the function, in MB.
    """
    gigabytes = memory / 1024
    busy = gigabytes * (photos * seconds + SWEEPS * SWEEP_SECONDS)
    runs = photos + SWEEPS
    logs = photos * LOG_BYTES / 1e9 + SWEEPS * 300 / 1e9
    asked = [("VinOCR", "vinocr-call", photos * calls_per_photo)]
    if cloud == "tencent":
        stored = max(1.0, photos * 4_000 / 1e9)
        asked += [
            ("functions: time", "scf-gb-second", busy),
            ("functions: runs", "scf-call", runs),
            ("functions: package", "scf-package", 1),
            ("database: smallest size, kept awake", "tdsqlc-ccu-second", 0.25 * HOURS * 3600),
            ("database: stored", "tdsqlc-gb-hour", stored * HOURS),
            ("bucket", "cos-request", 2 * photos),
            ("logs", "cls-gb", logs),
        ]
    else:
        asked += [
            ("functions: time", "lambda-gb-second", busy),
            ("functions: runs", "lambda-call", runs),
            ("ledger, rate limiter, records: writes", "dynamodb-write", WRITE_UNITS * photos),
            (
                "ledger, rate limiter, records: reads",
                "dynamodb-read",
                READ_UNITS * photos + 2 * SWEEPS,
            ),
            ("bucket: put", "s3-put", photos),
            ("bucket: get", "s3-get", photos),
            ("queue", "sqs-request", 3 * photos),
            ("logs", "cloudwatch-gb", logs),
            ("metrics", "cloudwatch-metric", METRICS),
            ("alarms", "cloudwatch-alarm", ALARM_METRICS),
            ("dashboard", "cloudwatch-dashboard", 1),
        ]
    return [Line(item, known[name], units) for item, name, units in asked]
