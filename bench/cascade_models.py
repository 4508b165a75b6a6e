"""What `first_sure` and `agree` come to under several error models of the second engine, and many seeds.

    python -m bench.cascade_models --truth FOLDER/truth.csv [MORE …] --generated 100 --photo-seeds 11 12 13

`bench.cascade` sends photos through servers and pipeline, and assumes one error model. Here our reader
reads each photo once, in this process; then every model of `bench.rig.standin.MODELS` and every seed
answers it, and the product's own `Cascade` decides, without stores and without waiting. So hundreds of
stand-ins are tried on the same photos, and nothing is chosen to suit one of them.

One table per error model, figures added up over the seeds; `first_sure` is not to be worse than the
better engine alone. The last line is JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import hashlib
import io
import json
import pickle
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from bench.accuracy import half
from bench.cascade import Photo, generated, photos_of
from bench.rig import report, standin
from vindrop import settings as settings_module
from vindrop.core import photo as photos_module
from vindrop.core.attempt import Recognized, Result
from vindrop.core.cascade import Cascade, Member
from vindrop.core.ledger import Claim
from vindrop.core.recognizer import Answer
from vindrop.domain import sureness
from vindrop.domain.error_codes import NO_VIN
from vindrop.domain.failures import Failure, FailureError
from vindrop.domain.upload import Upload
from vindrop.domain.vin import NotAVinError, Verdict, parse
from vindrop.recognizers.inprocess import InProcess
from vindrop.stores.ledger.none import NoLedger
from vindrop.telemetry import set_level

Said = Answer | Failure
"""What an engine said of a photo."""
SURE: Final = (0.9, 0.95, 0.96, 0.97, 0.98, 0.99, 0.995)
UNCLEAR: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
_LIKELY: Final = 0.3
"""Probability from which a candidate is one that a lower threshold would give."""
SUPPORT: Final = (0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)


@dataclasses.dataclass(frozen=True, slots=True)
class Read:
    """A photo, and what our reader said of it."""

    name: str
    sha256: str
    vin: str
    """That it shows; empty: none."""
    ours: Said

    @property
    def best(self) -> tuple[str, float]:
        """Our reader's best candidate, given or not, and its probability."""
        if isinstance(self.ours, Answer):
            return self.ours.vin, self.ours.confidence or 0.0
        first = next(iter(self.ours.candidates or ()), None)
        return (first.vin, first.confidence) if first else ("", 0.0)


def read(photos: Sequence[Photo], cache: Path | None) -> list[Read]:
    """Have our reader read each photo once.

    :param cache: of what an earlier run read: only this program's own file.
    """
    known: dict[str, Said] = {}
    if cache is not None and cache.exists():
        known = pickle.loads(cache.read_bytes())  # written below
    reader, found = InProcess(), []
    for photo in photos:
        data = photo.data
        name = hashlib.sha256(data).hexdigest()
        if name not in known:
            try:
                known[name] = reader.recognize(photos_module.Photo("bytes", data=data))
            except FailureError as error:
                known[name] = error.failure
        found.append(Read(photo.path.name, name, photo.vin, known[name]))
    if cache is not None:
        cache.write_bytes(pickle.dumps(known))
    return found


class StandIn:
    """The second engine: an error model and a seed."""

    def __init__(self, reads: Sequence[Read], figures: dict[str, float], seed: int) -> None:
        order = sorted(reads, key=lambda each: each.best[1])
        self._figures, self._seed = figures, seed
        self._ranks = {each.sha256: (at + 0.5) / len(order) for at, each in enumerate(order)}

    def says(self, photo: Read) -> Said:
        """Answer as `bench.rig.standin` does."""
        told = {
            "sha256": photo.sha256,
            "vin": photo.vin,
            "rank": self._ranks[photo.sha256],
            "ours": photo.best[0],
        }
        vin = standin.answer(told, self._figures, self._seed)
        if vin is None:
            return Failure(NO_VIN, "no VIN was found", "cloud")
        return Answer(vin, "cloud", 0.0)


class Way:
    """One way to read photos: it counts what it comes to."""

    def __init__(self) -> None:
        self.counts = Counter[str]()

    def count(self, photo: Read, vin: str, verdict: Verdict | None, asked: int) -> None:
        """Count one photo.

        :param vin: that was published; empty: none.
        :param asked: calls of the second engine that are billed.
        """
        counts = self.counts
        counts["photos"] += 1
        counts["with_vin"] += bool(photo.vin)
        if photo.vin:
            counts["exact" if vin == photo.vin else "wrong" if vin else "none"] += 1
        else:
            counts["false"] += bool(vin)
        bad = bool(vin) and vin != photo.vin
        counts["unnoticed"] += bad and verdict is not Verdict.DOUBTFUL
        counts["wrong_verified"] += bad and verdict is Verdict.VERIFIED
        counts["doubtful"] += verdict is Verdict.DOUBTFUL
        counts["billed"] += asked

    def figures(self) -> dict[str, Any]:
        """Return the counts, and the billed calls of the second engine per 1,000 photos."""
        names = ("photos", "with_vin", "exact", "wrong", "none", "false", "unnoticed")
        counts = {name: self.counts[name] for name in (*names, "wrong_verified", "doubtful")}
        per = round(1000 * self.counts["billed"] / max(self.counts["photos"], 1))
        return {**counts, "cloud_billed_per_1000": per}


def outcome(said: Said) -> Recognized | Failure:
    """Return what the pipeline makes of one engine's word."""
    if isinstance(said, Failure):
        return said
    try:
        return Recognized(parse(said.vin), said, "")
    except NotAVinError as error:
        return Failure("Vindrop.NotAVin", str(error), said.request_id)


def alone(photo: Read, said: Said, way: Way, *, billed: bool) -> None:
    """Count one engine's answer as it goes out where it is the only one."""
    found = outcome(said)
    if isinstance(found, Failure):
        way.count(photo, "", None, 0)
    else:
        way.count(photo, found.vin.value, found.vin.verdict, int(billed))


def together(
    photo: Read, cascade: Cascade, answers: dict[int, tuple[Said, bool]], way: Way
) -> None:
    """Count what the product's cascade makes of both answers.

    :param answers: by the identity of a member's attempt: what it says, and whether that is billed.
    """
    asked = 0

    def ask(attempt: Any, claim: Claim, _: int | None) -> Result:
        nonlocal asked
        said, billed = answers[id(attempt)]
        found = outcome(said)
        cost = int(billed and not isinstance(said, Failure))
        asked += cost
        return Result(found, claim.billed + cost, 0)

    upload = Upload("tencent", "bench", "local", photo.name, photo.sha256)
    result = cascade.recognize(upload, Claim("bench", 1, 0, time.time()), ask)
    if isinstance(result.outcome, Failure):
        way.count(photo, "", None, asked)
    else:
        way.count(photo, result.outcome.vin.value, result.outcome.vin.verdict, asked)


def compare(
    reads: Sequence[Read], figures: dict[str, float], seeds: int, sure: float | None
) -> Any:
    """Return way → figures of one error model, over all its seeds."""
    ways = {name: Way() for name in ("own", "stand-in", "first_sure", "agree")}
    marks: tuple[Any, Any] = (object(), object())
    cascades = {
        policy: Cascade(
            _settings(policy, sure),
            NoLedger(),
            [Member(name, mark, None) for name, mark in zip(("own", "cloud"), marks, strict=True)],  # type: ignore[arg-type]
        )
        for policy in ("first_sure", "agree")
    }
    for seed in range(1, seeds + 1):
        second = StandIn(reads, figures, seed)
        for photo in reads:
            other = second.says(photo)
            alone(photo, photo.ours, ways["own"], billed=False)
            alone(photo, other, ways["stand-in"], billed=True)
            answers = {id(marks[0]): (photo.ours, False), id(marks[1]): (other, True)}
            for policy, cascade in cascades.items():
                together(photo, cascade, answers, ways[policy])
    return {name: way.figures() for name, way in ways.items()}


def _settings(policy: str, sure: float | None) -> settings_module.Settings:
    return settings_module.load(
        {
            "VINDROP_RESULTS": "file:///dev/null",
            "VINDROP_DEAD_LETTERS": "file:///dev/null",
            "VINDROP_LEDGER": "none",
            "VINDROP_LOG_LEVEL": "error",
            "VINDROP_RECOGNIZERS": "own=inprocess: cloud=ocr.tencentcloudapi.com",
            "VINDROP_CASCADE": policy,
            **({} if sure is None else {"VINDROP_SURE": str(sure)}),
        }
    )


def choose_sure(reads: Sequence[Read]) -> None:
    """Say what each VINDROP_SURE lets through unasked: how the default is chosen."""
    with_vin = sum(bool(each.vin) for each in reads)
    given = [each for each in reads if isinstance(each.ours, Answer)]
    sys.stderr.write(f"\nour answers that are sure, of {with_vin} photos with a VIN\n")
    for least in SURE:
        sure = [
            each
            for each in given
            if isinstance(each.ours, Answer)
            and sureness.is_sure(parse(each.ours.vin), each.ours.confidence, least)
        ]
        right = sum(each.ours.vin == each.vin for each in sure if isinstance(each.ours, Answer))
        sys.stderr.write(
            f"  from {least:<6g}{len(sure):5} sure, {len(sure) - right} of them wrong; "
            f"{1 - len(sure) / max(len(reads), 1):.1%} of all photos go to the second\n"
        )


def characters(said: Said) -> tuple[str, list[float]]:
    """Return the best candidate and how sure our reader is of each of its characters.

    Of one that it did not give, as `vinocr.reader` would: what its candidates that agree there add up to.
    """
    if isinstance(said, Answer):
        return said.vin, [each.confidence for each in said.characters or ()]
    told = said.candidates or ()
    best = told[0].vin if told else ""
    return best, [
        sum(each.confidence for each in told if each.vin[at] == character)
        for at, character in enumerate(best)
    ]


def choose_unclear(reads: Sequence[Read]) -> None:
    """Say at which characters each UNCLEAR points: how that of `vindrop.http.doubts` is chosen.

    Of answers that are given, and of candidates that a lower threshold would give.
    """
    sys.stderr.write("\ncharacters that are unclear, by UNCLEAR\n")
    for least in UNCLEAR:
        right, pointed, wrong, found = 0, 0, 0, 0
        for each in reads:
            best, shares = characters(each.ours)
            if not each.vin or not best or each.best[1] < _LIKELY:
                continue
            unclear = {at for at, p in enumerate(shares) if p < max(shares) - least}
            bad = {at for at, c in enumerate(best) if c != each.vin[at]}
            right, pointed = right + (not bad), pointed + (not bad and bool(unclear))
            wrong, found = wrong + len(bad), found + len(bad & unclear)
        sys.stderr.write(
            f"  from {least:<6g}{found:3} of {wrong} wrong characters, and {pointed} of {right} right "
            "readings\n"
        )


def choose_support(run: Callable[[], dict[str, Any]]) -> None:
    """Say what each SUPPORT lets out, over all error models: how it is chosen."""
    usual = sureness.SUPPORT
    sys.stderr.write("\nfirst_sure by SUPPORT: exact and wrong, by error model\n")
    for least in SUPPORT:
        sureness.SUPPORT = least  # type: ignore[misc]
        found = {name: ways["first_sure"] for name, ways in run().items()}
        told = "  ".join(f"{f['exact']}/{f['wrong'] + f['false']}" for f in found.values())
        sys.stderr.write(f"  from {least:<5g} {told}\n")
    sureness.SUPPORT = usual  # type: ignore[misc]


def kept(ways: dict[str, Any]) -> dict[str, bool]:
    """Return which promises of `first_sure` and `agree` held, against the better engine alone."""
    better = max((ways["own"], ways["stand-in"]), key=lambda way: (way["exact"], -way["wrong"]))
    first = ways["first_sure"]
    return {
        "exact_as_the_better": first["exact"] >= better["exact"],
        "wrong_no_higher": first["wrong"] + first["false"] <= better["wrong"] + better["false"],
        "wrong_no_higher_than_ours": first["wrong"] + first["false"]
        <= ways["own"]["wrong"] + ways["own"]["false"],
        "unnoticed_no_higher": first["unnoticed"] <= better["unnoticed"],
        "bills_a_quarter": first["cloud_billed_per_1000"] <= 250,
        "agree_verifies_nothing_wrong": ways["agree"]["wrong_verified"] == 0,
    }


def main(argv: list[str] | None = None) -> int:
    """Measure; return 0 if what docs/cascade.md promises of every model was kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--truth", type=Path, nargs="*", default=[], help="CSVs with file and vin")
    parser.add_argument("--half", choices=("tuned", "final"), help="only these VINs")
    parser.add_argument("--generated", type=int, default=0, help="hard photos drawn per seed")
    parser.add_argument("--photo-seeds", type=int, nargs="*", default=[11], help="of drawn photos")
    parser.add_argument("--seeds", type=int, default=20, help="of each error model")
    parser.add_argument("--models", nargs="*", choices=tuple(standin.MODELS), help="default: all")
    parser.add_argument("--sure", type=float, help="VINDROP_SURE; the default's otherwise")
    parser.add_argument("--choose", action="store_true", help="what thresholds let through")
    parser.add_argument("--cache", type=Path, help="keeps what our reader read, for the next run")
    options = parser.parse_args(argv)
    photos = photos_of(options.truth, options.half)
    with tempfile.TemporaryDirectory(prefix="vindrop-photos-") as folder:
        for seed in options.photo_seeds if options.generated else ():
            drawn = generated(options.generated, seed, Path(folder, str(seed)))
            photos += [p for p in drawn if options.half is None or half(p.vin) == options.half]
        if not photos:
            parser.error("no photos: name a --truth, or --generated")
        reads = read(photos, options.cache)
    sure = options.sure
    set_level("error")
    models = options.models or list(standin.MODELS)

    def run() -> dict[str, Any]:
        with contextlib.redirect_stdout(io.StringIO()):  # the product's log
            return every()

    def every() -> dict[str, Any]:
        return {m: compare(reads, standin.MODELS[m], options.seeds, sure) for m in models}

    if options.choose:
        choose_sure(reads)
        choose_unclear(reads)
        choose_support(run)
    found = run()
    for model, ways in found.items():
        sys.stderr.write(f"\n{model}: {standin.MODELS[model]}, {options.seeds} seeds\n")
        report.table([{"way": way, **figures} for way, figures in ways.items()])
    promises = {model: kept(ways) for model, ways in found.items()}
    print(json.dumps({"photos": len(reads), "models": found, "promises": promises}))
    return 0 if all(all(each.values()) for each in promises.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
