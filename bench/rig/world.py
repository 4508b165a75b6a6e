"""Bucket, VinOCR and settings for one run, in a temporary folder, on loopback."""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from bench.rig.photos import photo
from vindrop_local.bucket import Account, Bucket, BucketServer
from vindrop_local.bucket.events import Sent, created
from vindrop_local.vinocr_process import VinOCRProcess

ROOT: Final = Path(__file__).resolve().parents[2]
BUCKET: Final = "photos-1250000000"
REGION: Final = "ap-guangzhou"
_ID, _KEY = "AKIDPLANTEDbench00000000000000000000", "PLANTEDbenchKey00000000000000000"
# The mark is what the tests that use this world look for in all output.
ABOUT: Final = (
    "VinOCR's reader is replaced by a lookup of known photos (delays: median 0.5 s, 95 % under "
    "1.1 s); signatures, rate, faults, wire and bill are real"
)


class World:
    """``with World(folder, rate=10) as world``."""

    def __init__(
        self,
        folder: Path,
        *,
        rate: int,
        seed: int = 0,
        speed: float = 1.0,
        faults: list[dict[str, Any]] | None = None,
        module: str = "bench.rig.lookup",
        vinocr: dict[str, str] | None = None,
        cascade: bool = False,
    ) -> None:
        """Prepare.

        :param rate: calls per second that VinOCR accepts.
        :param speed: how much faster than usual the lookup answers.
        :param faults: rules of VinOCR's faults file.
        :param module: what is run as VinOCR.
        :param vinocr: further variables for it.
        :param cascade: a second VinOCR, ``cloud``; the first, ``own``, is then sure of half of what it
            reads, see `bench.rig.lookup`.
        """
        self.second = Second(folder, rate, seed + 1, speed, faults or []) if cascade else None
        self.folder = folder
        self.bucket = Bucket(BUCKET, REGION, folder / "bucket")
        self._rate, self._seed, self._speed = rate, seed, speed
        self._faults = faults or []
        self._module, self._vinocr_settings = module, vinocr or {}
        if cascade:
            self._vinocr_settings["BENCH_UNSURE"] = "1"
        self._readings = folder / "readings.txt"
        self._exit = ExitStack()

    def __enter__(self) -> World:  # noqa: PYI034 - Self is of 3.11
        self.bucket.folder.mkdir(parents=True, exist_ok=True)
        self._readings.touch()
        self.account("active")
        faults = self.folder / "faults.json"
        self.slow(None)
        self._server = self._exit.enter_context(
            BucketServer([self.bucket], [Account(_ID, _KEY)], self.folder / "journal.db", None)
        )
        endpoint = self._server.url(BUCKET)
        self.vinocr = self._exit.enter_context(
            VinOCRProcess(
                self.folder / "vinocr.log",
                secret_id="",
                secret_key="",
                module=self._module,
                settings={
                    "PYTHONPATH": str(ROOT),
                    "BENCH_READINGS": str(self._readings),
                    "BENCH_SEED": str(self._seed),
                    "BENCH_SPEED": str(self._speed),
                    "VINOCR_ACCOUNTS": str(self.folder / "accounts.json"),
                    "VINOCR_URL_ALLOW": endpoint.removeprefix("http://"),
                    "VINOCR_URL_DOWNLOADS": "1000",
                    "VINOCR_RATE": str(self._rate),
                    "VINOCR_FAULTS": str(faults),
                    **self._vinocr_settings,
                },
            )
        )
        self.environment = {
            "TENCENTCLOUD_SECRETID": _ID,
            "TENCENTCLOUD_SECRETKEY": _KEY,
            "VINDROP_VINOCR_ENDPOINT": self.vinocr.endpoint,
            "VINDROP_STORAGE_ENDPOINT": endpoint,
            "VINDROP_RATE": str(self._rate),
            "VINDROP_LOG_LEVEL": "warning",
        }
        if self.second is not None:
            self._exit.enter_context(self.second.server(endpoint.removeprefix("http://")))
            own = {"VINDROP_VINOCR_SECRET_ID": _ID, "VINDROP_VINOCR_SECRET_KEY": _KEY}
            self.environment |= own
        return self

    def __exit__(self, *exc: object) -> None:
        self._exit.close()

    def account(self, state: str) -> None:
        """Set what billing says of the account; VinOCR reads it at once."""
        _account(self.folder, state)

    def slow(self, seconds: float | None) -> None:
        """Let every call take so long from now on; None: as its faults say."""
        _faults(self.folder, self._seed, self._faults, seconds)

    def uploads(self, count: int) -> list[dict[str, Any]]:
        """Put ``count`` photos into the bucket and return the events of their arrival."""
        events = []
        for number in range(count):
            data = photo(number)
            path = self.bucket.folder / f"{number:06d}.jpg"
            path.write_bytes(data)
            status = path.stat()
            events.append(
                created(
                    self.bucket,
                    path.name,
                    size=len(data),
                    mtime_ns=status.st_mtime_ns,
                    etag=f"{number:032x}",
                    headers={"Content-Type": "image/jpeg"},
                    sent=Sent(),
                    function="upload",
                    event_time=int(status.st_mtime),
                )
            )
        return events

    def readings(self) -> list[tuple[float, int]]:
        """Return what the lookup has read: moment (monotonic seconds) and number of the photo."""
        lines = (line.split() for line in self._readings.read_text().splitlines())
        return [(float(moment), int(number)) for moment, number in lines]

    def answers(self) -> Counter[str]:
        """Return code → how many calls VinOCR answered with it."""
        return _answers(self.folder)


class Second:
    """The second VinOCR of a world, with an account, faults and a log of its own."""

    def __init__(
        self, folder: Path, rate: int, seed: int, speed: float, faults: list[dict[str, Any]]
    ) -> None:
        self.folder = folder / "second"
        self._rate, self._seed, self._speed, self._faults = rate, seed, speed, faults

    def server(self, bucket: str) -> VinOCRProcess:
        """Return it, not yet started.

        :param bucket: host and port whose signed URLs it may fetch.
        """
        self.folder.mkdir()
        self.account("active")
        self.slow(None)
        readings = self.folder / "readings.txt"
        readings.touch()
        self.vinocr = VinOCRProcess(
            self.folder / "vinocr.log",
            secret_id="",
            secret_key="",
            module="bench.rig.lookup",
            settings={
                "PYTHONPATH": str(ROOT),
                "BENCH_READINGS": str(readings),
                "BENCH_SEED": str(self._seed),
                "BENCH_SPEED": str(self._speed),
                "VINOCR_ACCOUNTS": str(self.folder / "accounts.json"),
                "VINOCR_URL_ALLOW": bucket,
                "VINOCR_URL_DOWNLOADS": "1000",
                "VINOCR_RATE": str(self._rate),
                "VINOCR_FAULTS": str(self.folder / "faults.json"),
            },
        )
        return self.vinocr

    def account(self, state: str) -> None:
        """Set what billing says of the account."""
        _account(self.folder, state)

    def slow(self, seconds: float | None) -> None:
        """Let every call take so long from now on; None: as its faults say."""
        _faults(self.folder, self._seed, self._faults, seconds)

    def answers(self) -> Counter[str]:
        """Return code → how many calls it answered with it."""
        return _answers(self.folder)


def _account(folder: Path, state: str) -> None:
    keys = [{"secret_id": _ID, "secret_key": _KEY}]
    _replace(folder / "accounts.json", {"accounts": [{"state": state, "keys": keys}]})


def _faults(folder: Path, seed: int, faults: list[dict[str, Any]], wait: float | None) -> None:
    rules = faults if wait is None else [{"wait": wait}]
    _replace(folder / "faults.json", {"seed": seed, "faults": rules})


def _replace(path: Path, content: dict[str, Any]) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(content))
    os.utime(fresh, ns=(time.time_ns(), time.time_ns()))
    fresh.replace(path)


def _answers(folder: Path) -> Counter[str]:
    text = (folder / "vinocr.log").read_text(errors="replace")
    found = re.findall(r'^\{.*"event": "call".*\}$', text, re.MULTILINE)
    return Counter(str(json.loads(line)["code"]) for line in found)
