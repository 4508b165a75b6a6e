"""Many clients for a while: no answer lost or mixed up, refusals only over the limit, memory flat."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.vinocr.vinocr_support import b64, client, photo
from vindrop.domain.vin import check_digit
from vinocr.launcher import ServerProcess

LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"


def vins(count: int, seed: int = 7) -> list[str]:
    """Valid VINs, all different."""
    dice = random.Random(seed)
    made: set[str] = set()
    while len(made) < count:
        stem = (
            "LFV"
            + "".join(dice.choice(LETTERS + "23456789") for _ in range(8))
            + f"{dice.randrange(10**6):06}"
        )
        made.add(stem[:8] + check_digit(stem) + stem[9:])
    return sorted(made)


@dataclass
class Load:
    """What eight clients saw."""

    seconds: float
    answers: Counter[str] = field(default_factory=Counter)
    mixed_up: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """The time that this share of the answers took at most, in seconds."""
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def load(vinocr: ServerProcess, key: tuple[str, str], seconds: float, clients: int = 8) -> Load:
    """Let clients call one after another, each with photos of its own, for some seconds."""
    truth = vins(40)
    photos = {vin: {"ImageBase64": b64(photo(vin, size=(640, 140)))} for vin in truth}
    report, lock = Load(seconds), threading.Lock()
    end = time.monotonic() + seconds

    def work(number: int) -> None:
        sdk = client(vinocr, secret_id=key[0], secret_key=key[1])
        dice = random.Random(number)
        while time.monotonic() < end:
            vin = dice.choice(truth)
            started = time.monotonic()
            name, got = _ask(sdk, photos[vin])
            with lock:
                report.answers[name] += 1
                report.times.append(time.monotonic() - started)
                if got is not None and got != vin:
                    report.mixed_up.append(f"{vin} was answered {got}")

    with ThreadPoolExecutor(clients) as threads:
        list(threads.map(work, range(clients)))
    return report


def _ask(sdk: CommonClient, parameters: dict[str, Any]) -> tuple[str, str | None]:
    try:
        return "Success", sdk.call_json("VinOCR", parameters)["Response"]["Vin"]
    except TencentCloudSDKException as error:
        return str(error.code), None


def quota(
    vinocr: ServerProcess, key: tuple[str, str], seconds: float, clients: int = 8
) -> Counter[str]:
    """Call without an image as fast as possible; return answers by code."""
    answers: Counter[str] = Counter()
    lock = threading.Lock()
    end = time.monotonic() + seconds

    def work(_: int) -> None:
        sdk = client(vinocr, secret_id=key[0], secret_key=key[1])
        while time.monotonic() < end:
            code, _vin = _ask(sdk, {})
            with lock:
                answers[code] += 1

    with ThreadPoolExecutor(clients) as threads:
        list(threads.map(work, range(clients)))
    return answers


def resident(pid: int) -> int:
    """Resident memory of a process and its children, in bytes."""
    total = 0
    for child in [pid, *_children(pid)]:
        try:
            total += int(Path(f"/proc/{child}/statm").read_text().split()[1])
        except (OSError, IndexError):
            continue
    return total * os.sysconf("SC_PAGE_SIZE")


def _children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def memory(
    vinocr: ServerProcess, key: tuple[str, str], requests: int, every: int = 100
) -> list[int]:
    """Send requests of all kinds; return resident bytes after each ``every`` of them."""
    truth = vins(10)
    good = [{"ImageBase64": b64(photo(vin, size=(640, 140)))} for vin in truth]
    other = [
        {"ImageBase64": "A" * 6_000_000},
        {"ImageBase64": b64(photo("", size=(1200, 900)))},
        {"ImageBase64": b64(photo()[:2000])},
        {"ImageUrl": "http://127.0.0.1/"},
        {},
    ]
    dice = random.Random(3)
    seen: list[int] = []
    count = 0
    with ThreadPoolExecutor(4) as threads:
        sdks = [client(vinocr, secret_id=key[0], secret_key=key[1]) for _ in range(4)]
        while count < requests:
            batch = [
                dice.choice(good) if dice.random() < 0.7 else dice.choice(other)
                for _ in range(every)
            ]
            list(threads.map(lambda p: _ask(sdks[p[0] % 4], p[1]), enumerate(batch)))
            count += every
            seen.append(resident(vinocr.process.pid))
    return seen
