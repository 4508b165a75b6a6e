"""Two engines, one answer: what each policy reads, gets wrong, and costs.

    python -m bench.cascade --truth FOLDER/truth.csv [MORE/truth.csv …] --generated 100

Every photo goes through the pipeline of the functions, with a ledger, five times: our VinOCR alone,
a stand-in for the cloud's alone, and both under each policy. Our VinOCR is the real one. The cloud's
cannot be reached from here: a stand-in answers by an error model (`bench/rig/standin.py` describes it,
and the options set it), so that columns with it say what follows *if* the service errs like that.

`exact`, `wrong` and `none` are counted over the photos with a VIN, `false` (a VIN where there is none)
over the others. `unnoticed`: wrong or false, and not doubtful. `wrong verified`: with the strongest
verdict. `asked` and `billed` are calls of the second engine per 1,000 photos; money is `--price` for
each billed call of the cloud's, and nothing for ours. One run, one table; the last line is JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.accuracy import half
from bench.rig import report
from bench.rig.standin import FILE, MODELS
from vindrop import settings as settings_module
from vindrop.core.app import App
from vindrop.core.invocation import Budget
from vindrop.core.photo import Sent
from vindrop.domain.records import Reading
from vindrop.domain.upload import Upload
from vindrop.domain.vin import Verdict
from vindrop.stores import sql
from vindrop.wiring import build
from vindrop_local.vinocr_process import VinOCRProcess

ROOT: Final = Path(__file__).resolve().parents[1]
_ID, _KEY = "AKIDPLANTEDbench00000000000000000000", "PLANTEDbenchKey00000000000000000"
POLICIES: Final = ("first_sure", "agree", "fallback")
SURE: Final = (0.9, 0.95, 0.97, 0.98, 0.99, 0.995)
"""Values of VINDROP_SURE of which the last table says what they would let through."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo and the VIN that it shows; empty: none."""

    path: Path
    vin: str

    @property
    def data(self) -> bytes:
        """Its bytes."""
        return self.path.read_bytes()


@dataclass(frozen=True, slots=True)
class Ended:
    """What one way through made of one photo."""

    photo: Photo
    reading: Reading | None
    seconds: float

    @property
    def outcome(self) -> str:
        """``exact``, ``wrong`` or ``none`` where there is a VIN, else ``false`` or ``right``."""
        vin = self.reading.vin if self.reading else ""
        if not self.photo.vin:
            return "false" if vin else "right"
        return "none" if not vin else "exact" if vin == self.photo.vin else "wrong"

    def calls(self, name: str) -> int:
        """Calls of an engine that are billed, as the record says it."""
        found = self.reading.recognizers if self.reading else ()
        return sum(call.billed for call in found if call.name == name)


def photos_of(truths: list[Path], wanted: str | None) -> list[Photo]:
    """Return the photos of several ``truth.csv``, or only one half of their VINs."""
    found: list[Photo] = []
    for truth in truths:
        with truth.open(encoding="utf-8", newline="") as lines:
            found += [
                Photo(truth.parent / row["file"], row["vin"].strip())
                for row in csv.DictReader(lines)
                if wanted is None or half(row["vin"].strip()) == wanted
            ]
    return found


def generated(count: int, seed: int, folder: Path) -> list[Photo]:
    """Draw hard photos of VINs that nobody has."""
    command = [sys.executable, "-m", "photo_generator", "--hard", "--count", str(count)]
    subprocess.run(
        [*command, "--seed", str(seed), "--out", str(folder)],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=ROOT / "tools",
    )
    return photos_of([folder / "truth.csv"], None)


@contextlib.contextmanager
def an_app(folder: Path, name: str, **given: str) -> Iterator[App]:
    """Open the functions' own parts around a ledger of this way's own."""
    store = f"sqlite:///{folder}/{name}.db"
    settings = {
        "VINDROP_RESULTS": store,
        "VINDROP_DEAD_LETTERS": store,
        "VINDROP_LEDGER": store,
        "VINDROP_VINOCR_SECRET_ID": _ID,
        "VINDROP_VINOCR_SECRET_KEY": _KEY,
        "VINDROP_VINOCR_TIMEOUT": "60",
        "VINDROP_LOG_LEVEL": "error",
        "VINDROP_RATE": "1000",
        **given,
    }
    yield build(settings_module.load(settings), {})
    sql.forget(store)


def through(app: App, photos: list[Photo]) -> list[Ended]:
    """Read every photo, one after the other, as a caller of the HTTP function would have it."""
    ends = []
    for photo in photos:
        data = photo.data
        upload = Upload("http", "bytes", "local", hashlib.sha256(data).hexdigest(), "bench")
        began = time.perf_counter()
        with contextlib.redirect_stdout(
            sys.stderr if app.settings.log_level == "debug" else _Null()
        ):
            outcome = app.interactive.process(upload, Budget(600), Sent(data=data))
        seconds = time.perf_counter() - began
        record = outcome.record if isinstance(outcome.record, Reading) else None
        if outcome.end not in {"reading", "dead_letter"}:
            raise SystemExit(f"{photo.path.name} did not end: {outcome.end} {outcome.failure}")
        ends.append(Ended(photo, record, seconds))
    return ends


class _Null:
    def write(self, _: str) -> int:
        return 0

    def flush(self) -> None:
        """Nothing is kept."""


def figures(ends: list[Ended], cloud: int, own: int, price: float) -> dict[str, Any]:
    """Return what one way came to.

    :param cloud: calls that the cloud's engine billed, by its own count; ``own``: ours.
    """
    count = len(ends)
    bad = [each for each in ends if each.outcome in {"wrong", "false"} and each.reading]
    verdicts = [each.reading.verdict for each in bad if each.reading]
    times = sorted(each.seconds for each in ends)
    return {
        "photos": count,
        "with_vin": sum(bool(each.photo.vin) for each in ends),
        **{
            name: sum(each.outcome == name for each in ends)
            for name in ("exact", "wrong", "none", "false")
        },
        "unnoticed": sum(verdict is not Verdict.DOUBTFUL for verdict in verdicts),
        "wrong_verified": sum(verdict is Verdict.VERIFIED for verdict in verdicts),
        "doubtful": sum(
            each.reading is not None and each.reading.verdict is Verdict.DOUBTFUL for each in ends
        ),
        "own_billed_per_1000": round(own / count * 1000),
        "cloud_billed_per_1000": round(cloud / count * 1000),
        "money_per_1000": round(cloud / count * 1000 * price, 2),
        "p50_s": report.percentile(times, 0.5),
        "p95_s": report.percentile(times, 0.95),
    }


def run(photos: list[Photo], options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Send the photos every way; return way → figures."""
    results: dict[str, dict[str, Any]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vindrop-cascade-")))
        own = stack.enter_context(
            VinOCRProcess(
                folder / "own.log",
                secret_id=_ID,
                secret_key=_KEY,
                settings={
                    "VINOCR_RATE": "1000",
                    "VINOCR_QUEUE_SECONDS": "60",
                    "VINOCR_READ_SECONDS": "60",  # this machine may be busy
                },
            )
        )
        with an_app(folder, "own", VINDROP_VINOCR_ENDPOINT=own.endpoint) as app:
            through(app, photos[:2])  # a server that serves is warm
            sql.forget(f"sqlite:///{folder}/own.db")
        with an_app(folder, "own-alone", VINDROP_VINOCR_ENDPOINT=own.endpoint) as app:
            before = own.calls()
            alone = through(app, photos)
            results["own"] = figures(alone, 0, (own.calls() - before).billed, options.price)
        cloud = stack.enter_context(_standin(folder, alone, options))
        with an_app(folder, "cloud-alone", VINDROP_VINOCR_ENDPOINT=cloud.endpoint) as app:
            ends = through(app, photos)
            results["stand-in"] = figures(ends, cloud.calls().billed, 0, options.price)
        recognizers = f"own={own.endpoint}?rate=0&price=0 cloud={cloud.endpoint}?rate=1000"
        for policy in POLICIES:
            given = {"VINDROP_RECOGNIZERS": recognizers, "VINDROP_CASCADE": policy}
            if options.sure is not None:
                given["VINDROP_SURE"] = str(options.sure)
            with an_app(folder, policy, **given) as app:
                was = own.calls(), cloud.calls()
                ends = through(app, photos)
                bills = (cloud.calls() - was[1]).billed, (own.calls() - was[0]).billed
                results[policy] = figures(ends, *bills, options.price)
                told = sum(each.calls("cloud") for each in ends)
                unread = sum(each.reading is None for each in ends)
                if not told <= bills[0] <= told + unread:
                    raise SystemExit(
                        f"records tell of {told} billed calls, the engine of {bills[0]}"
                    )
    if options.choose:
        _choice(alone)
    return results


def _standin(folder: Path, alone: list[Ended], options: argparse.Namespace) -> VinOCRProcess:
    """Return the stand-in, told the truth and how hard each photo was for ours."""

    def sureness(end: Ended) -> float:
        return (end.reading.confidence or 0.0) if end.reading else 0.0

    order = sorted(alone, key=sureness)
    ranks = {id(end): (place + 0.5) / len(order) for place, end in enumerate(order)}
    path = folder / "standin.json"
    photos = [
        {
            "sha256": hashlib.sha256(end.photo.data).hexdigest(),
            "vin": end.photo.vin,
            "rank": ranks[id(end)],
            "ours": end.reading.vin if end.reading else "",
        }
        for end in alone
    ]
    path.write_text(json.dumps({"photos": photos, "seed": options.seed, "figures": model(options)}))
    return VinOCRProcess(
        folder / "cloud.log",
        secret_id=_ID,
        secret_key=_KEY,
        module="bench.rig.standin",
        settings={"PYTHONPATH": str(ROOT), FILE: str(path), "VINOCR_RATE": "1000"},
    )


def model(options: argparse.Namespace) -> dict[str, float]:
    """Return the figures of the stand-in's error model."""
    told = {name: getattr(options, name) for name in MODELS["usual"]}
    given = {name: value for name, value in told.items() if value is not None}
    return {**MODELS[options.model], **given}


def _choice(alone: list[Ended]) -> None:
    """Say what each VINDROP_SURE lets through unasked: how the default is chosen."""
    from vindrop.domain import sureness, vin

    given = [end for end in alone if end.reading is not None and end.photo.vin]
    with_vin = sum(bool(end.photo.vin) for end in alone)
    sys.stderr.write(f"\nour answers that are sure, of {with_vin} photos with a VIN\n")
    for least in SURE:
        sure = [
            end
            for end in given
            if end.reading
            and sureness.is_sure(vin.parse(end.reading.as_read), end.reading.confidence, least)
        ]
        wrong = sum(end.outcome == "wrong" for end in sure)
        asked = (with_vin - len(sure)) / max(with_vin, 1)
        sys.stderr.write(
            f"  from {least:<6g} {len(sure):4} sure, {wrong} of them wrong; "
            f"{asked:.1%} go to the second engine\n"
        )


def main(argv: list[str] | None = None) -> int:
    """Measure; return 0 if the policies keep what docs/cascade.md promises of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--truth", type=Path, nargs="*", default=[], help="CSVs with file and vin")
    parser.add_argument("--half", choices=("tuned", "final"), help="only these VINs of each CSV")
    parser.add_argument("--generated", type=int, default=0, help="hard photos drawn besides")
    parser.add_argument("--seed", type=int, default=1, help="of drawn photos and of the stand-in")
    parser.add_argument(
        "--model", choices=tuple(MODELS), default="usual", help="see bench/rig/standin.py"
    )
    for name in MODELS["usual"]:
        parser.add_argument(f"--{name}", type=float, help="instead of the model's")
    parser.add_argument(
        "--price", type=float, default=0.02, help="of one billed call of the cloud's"
    )
    parser.add_argument("--sure", type=float, help="VINDROP_SURE; the default's otherwise")
    parser.add_argument("--choose", action="store_true", help="what each VINDROP_SURE lets through")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="vindrop-photos-") as folder:
        photos = photos_of(options.truth, options.half)
        if options.generated:
            photos += generated(options.generated, options.seed, Path(folder))
        if not photos:
            parser.error("no photos: name a --truth, or --generated")
        sys.stderr.write(
            f"{len(photos)} photos; stand-in {model(options)}, seed {options.seed}: assumed, since the "
            "live service cannot be reached\n"
        )
        results = run(photos, options)
    report.table([{"way": way, **found} for way, found in results.items()])
    kept = promises(results)
    print(json.dumps({"standin": model(options), "ways": results, "promises": kept}))
    return 0 if all(kept.values()) else 1


def promises(results: dict[str, dict[str, Any]]) -> dict[str, bool]:
    """Return which of the promises held."""
    alone = [results["own"], results["stand-in"]]
    better = max(alone, key=lambda found: (found["exact"], -found["wrong"]))
    first = results["first_sure"]
    return {
        "first_sure_exact_as_the_better_one": first["exact"] >= better["exact"],
        "first_sure_wrong_no_higher": first["wrong"] + first["false"]
        <= better["wrong"] + better["false"],
        "first_sure_unnoticed_no_higher": first["unnoticed"] <= better["unnoticed"],
        "first_sure_bills_a_quarter": first["cloud_billed_per_1000"] <= 250,
        "agree_verifies_nothing_wrong": results["agree"]["wrong_verified"] == 0,
    }


if __name__ == "__main__":
    sys.exit(main())
