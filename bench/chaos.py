"""Everything goes wrong at once, again and again; then the books are balanced.

    python -m bench.chaos --uploads 2000 --seed 1 --ledger sqlite
    python -m bench.chaos --uploads 2000 --seeds 20 --ledger postgresql
    python -m bench.chaos --uploads 200 --outage 60
    python -m bench.chaos --uploads 200 --outage 1200 --simulated
    python -m bench.chaos --uploads 500 --cascade
    python -m bench.chaos --uploads 500 --reviewers

Many instances of the upload function and a sweep work off a burst of events that come twice, out
of order and late, while VinOCR refuses, fails, stalls, and cuts connections whose calls are
billed; instances are killed at every named step of the pipeline and at any moment; clocks are
wrong; ledger and destination are away for a while. Even seeds keep results in the ledger's own
database (one transaction), odd ones in a file of their own.

With `--outage` VinOCR cannot be reached for so many seconds, longer than a run of any function;
`--simulated`: the ledger's time runs sixty times as fast meanwhile. It must end in readings.

With `--cascade` there are two recognizers: the first is sure of half of what it says, and by turns
each of them is out of reach, slower than any call may be, and in arrears.


With `--reviewers` people decide at the same time, in processes that are killed too, often at the
same upload: each has at most one review in force, none that somebody was told of is lost, all
arrive, and a person's reading counts as the upload's one end.

The last line is one JSON object. `lost`, `doubled_records` and `wrong` must be 0, and billed calls
at most uploads + calls whose answer was cut off after it was billed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, cast

from bench.rig import report
from bench.rig.fleet import Fleet
from bench.rig.gate import Gate
from bench.rig.instance import ARRIVED, ARRIVED_FROM, Job, Setup
from bench.rig.outages import Outages
from bench.rig.photos import vin_of
from bench.rig.postgres import Postgres
from bench.rig.reviewers import Reviewers, balance
from bench.rig.steps import STEPS
from bench.rig.world import ABOUT, Second, World
from vindrop.core.destination import Readable
from vindrop.core.store_errors import StoreError
from vindrop.destinations import open_destination
from vindrop.domain import error_codes
from vindrop.domain.records import DeadLetter, Reading
from vindrop.stores import open_ledger, sql

FUNCTION_SECONDS: Final = 12.0
PATIENCE: Final = 3.0
"""Seconds that a call may take; see the fault that waits longer."""
KILLED: Final = 0.04
"""Share of the invocations that kill themselves at a named step."""
FASTER: Final = 60.0
"""How much faster the ledger's time runs in a simulated outage."""
SKEWS: Final = (0.0, 0.0, 45.0, -45.0, 0.0, 20.0, -20.0)
FAULTS: Final[list[dict[str, Any]]] = [
    {"probability": 0.010, "code": "InternalError"},
    {"probability": 0.010, "code": "RequestLimitExceeded"},
    {"probability": 0.005, "code": "FailedOperation.EngineRecognizeTimeout"},
    {"probability": 0.005, "code": "Nobody.HasHeardOfThis"},
    {"probability": 0.010, "status": 502},
    {"probability": 0.010, "cut": "before"},
    {"probability": 0.010, "cut": "after"},
    {"probability": 0.005, "cut": "middle"},
    {"probability": 0.005, "body": "not_json"},
    {"probability": 0.005, "body": "html"},
    {"probability": 0.005, "wait": PATIENCE + 2},
]


UNREAD: Final[list[dict[str, Any]]] = [{"probability": 0.15, "code": "FailedOperation.OcrFailed"}]
"""What only a person reads."""
REVIEW_FAULTS: Final = (
    "redriven_over_a_review",
    "reviews_lost",
    "reviews_doubled",
    "reviews_not_in_force",
    "reviews_undelivered",
    "reviews_wrong_at_destination",
)


class Killer:
    """Chooses who dies where: each named step in turn, until the burst is over.

    :param share: of the invocations.
    :param most: kills altogether.
    """

    def __init__(self, dice: random.Random, share: float, most: int) -> None:
        self._dice = dice
        self._share, self._most = share, most
        self._lock = threading.Lock()
        self._next = 0
        self._again: list[str] = []
        self.armed = True

    def __call__(self, job: Job) -> str:  # noqa: ARG002  # sweeps are as mortal as uploads
        """Return the step at which this invocation dies, or nothing."""
        with self._lock:
            if not self.armed or self._dice.random() >= self._share:
                return ""
            if self._again:
                return self._again.pop(0)
            if self._next >= self._most:
                return ""
            self._next += 1
            return STEPS[self._next % len(STEPS)]

    def missed(self, step: str) -> None:
        """Note that an invocation ended without coming to its step: another shall die there."""
        with self._lock:
            self._again.append(step)


def run(
    *,
    uploads: int,
    seed: int,
    ledger: str,
    instances: int,
    rate: int,
    function_seconds: float = FUNCTION_SECONDS,
    limit: float = 1200.0,
    outage: float = 0.0,
    simulated: bool = False,
    cascade: bool = False,
    people: bool = False,
) -> dict[str, Any]:
    """Run one seed and return the books.

    :param ledger: ``sqlite``, ``postgresql`` (a server of the bench's own), or a URL.
    :param rate: calls per second, of VinOCR and of ours alike: a run at 10 would take hours.
    :param function_seconds: time limit of a function; a killed one's uploads wait that long.
    :param limit: seconds after which it is told what is not finished, instead of waiting on.
    :param outage: seconds for which VinOCR cannot be reached, once the burst is under way.
    :param simulated: whether the ledger's time runs faster meanwhile.
    :param cascade: two recognizers, and what happens to them.
    :param people: whether reviewers decide meanwhile.
    """
    dice = random.Random(seed)
    started = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vindrop-chaos-")))
        server = stack.enter_context(Postgres(folder / "db")) if ledger == "postgresql" else None
        store = server.url if server else ledger if "://" in ledger else _sqlite(folder)
        faults = [*FAULTS, *(UNREAD if people else [])]
        world = stack.enter_context(
            World(folder, rate=rate, seed=seed, speed=2, faults=faults, cascade=cascade)
        )
        events = world.uploads(uploads)
        outages = Outages(folder, server)
        results = store if seed % 2 == 0 else outages.file_url
        gate = stack.enter_context(_gate(world.vinocr.endpoint))
        recognizers = {"VINDROP_VINOCR_ENDPOINT": f"http://127.0.0.1:{gate.port}"}
        trouble = lambda: None  # noqa: E731
        if world.second is not None:
            other = stack.enter_context(_gate(world.second.vinocr.endpoint))
            recognizers = {
                "VINDROP_RECOGNIZERS": f"own=http://127.0.0.1:{gate.port}?rate={rate} "
                f"cloud=http://127.0.0.1:{other.port}?rate={rate}"
            }
            trouble = _Trouble(
                ((world, gate), (world.second, other)), random.Random(seed + 3), uploads / rate
            )
        environment = {
            **world.environment,
            **recognizers,
            "VINDROP_LEDGER": store,
            "VINDROP_RESULTS": results,
            "VINDROP_DEAD_LETTERS": results,
            "VINDROP_VINOCR_TIMEOUT": str(PATIENCE),
            "VINDROP_VINOCR_CONNECT_TIMEOUT": "1",
            "VINDROP_RETRY_SECONDS": "5" if simulated else "1",
            "VINDROP_PROBE_SECONDS": "1",
        }
        setups = [
            Setup(environment, folder / "functions.log", skew, {store: outages.flag})
            for skew in (SKEWS[n % len(SKEWS)] for n in range(instances))
        ]
        open_ledger(store, account="vinocr")
        # Every step is to be hit several times, however small the run.
        most = max(round(uploads * KILLED), 2 * len(STEPS))
        killer = Killer(random.Random(seed + 1), max(KILLED, most / uploads), most)
        fleet = stack.enter_context(
            Fleet(setups, retry_delays=None, plan=killer, missed=killer.missed)
        )
        sweeper = stack.enter_context(Fleet(setups[:2], retry_delays=()))
        fleet.warm()
        _send(fleet, events, dice, uploads / rate, function_seconds)
        stop = threading.Event()
        away = threading.Thread(
            target=_take_away, args=(gate, store, outage, stop if simulated else None)
        )
        away.start()
        villain = threading.Thread(
            target=_harass, args=(fleet, outages, random.Random(seed + 2), stop, uploads / rate)
        )
        villain.start()
        troubled = threading.Thread(target=trouble)
        troubled.start()
        reviewers = Reviewers(store, results, folder, seed) if people else None
        sweep = Job("sweep", seconds=function_seconds)
        deadline = started + limit
        unfinished = _drain(fleet, sweeper, sweep, store, uploads, deadline, killer, villain)
        stop.set()
        villain.join()
        away.join()
        troubled.join()
        if reviewers is not None:
            reviewers.stop()
            _deliver_reviews(sweeper, sweep, store, deadline)
        books, asked = _balance(results, store, uploads)
        if reviewers is not None:
            books |= balance(store, results, reviewers.log) | {"reviewers_killed": reviewers.kills}
        tallies = (fleet.tally, sweeper.tally)
        log = (folder / "functions.log").read_text(errors="replace")
        answers, kills = world.answers(), sum((t.killed_at for t in tallies), Counter[str]())
        cut_by_kill = sum(t.cut_by_kill for t in tallies)
        by_recognizer: dict[str, Any] = {}
        if world.second is not None:
            by_recognizer["recognizers"] = {
                name: _bill(each["Success"], log.count(f"{ARRIVED_FROM}{name}"), asked[name])
                for name, each in (("own", answers), ("cloud", world.second.answers()))
            }
            answers = answers + world.second.answers()
        # Billed answers that never arrived, and those that were killed before they were kept.
        cut = answers["Success"] - log.count(ARRIVED) + cut_by_kill
        _forget(store)
        return {
            "seed": seed,
            "ledger": store.partition(":")[0],
            "results": "ledger's database" if results == store else "file",
            "uploads": uploads,
            **books,
            "unfinished": unfinished,
            **by_recognizer,
            "billed_calls": answers["Success"],
            "answers_needed": sum(asked.values()) if by_recognizer else uploads,
            "cut_by_kill": cut_by_kill,
            "cut_after_billing": cut,
            "answers_not_kept": log.count("answer_not_kept"),
            "refused_calls": answers["RequestLimitExceeded"],
            "outages": outages.count,
            "vinocr_away": outage,
            "kills": dict(sorted(kills.items())),
            "steps_not_hit": [step for step in STEPS if not kills[step]],
            "seconds": round(time.monotonic() - started, 1),
        }


def _sqlite(folder: Path) -> str:
    return f"sqlite:///{folder}/vindrop.db"


def _forget(store: str) -> None:
    sql.forget(store)


def _send(
    fleet: Fleet, events: list[Any], dice: random.Random, span: float, seconds: float
) -> None:
    """Send every event once, a tenth of them twice and some three times, in no order."""
    deliveries = [*events]
    deliveries += [event for event in events if dice.random() < 0.10]
    deliveries += [event for event in events if dice.random() < 0.02]
    dice.shuffle(deliveries)
    for event in deliveries:
        after = dice.uniform(0, span / 2) + (dice.uniform(0, 5) if dice.random() < 0.05 else 0)
        fleet.send(Job("upload", event, seconds), after)


def _take_away(gate: Gate, store: str, seconds: float, simulated: threading.Event | None) -> None:
    """Let VinOCR be out of reach for ``seconds``.

    :param simulated: the seconds are of the ledger's time, which hurries until this is set: what is
        retried an hour later has its turn within a minute.
    """
    if not seconds:
        return
    gate.close()
    step, speed = 0.5, FASTER if simulated else 1.0
    away = True
    while away or (simulated and not simulated.is_set()):
        time.sleep(step)
        seconds -= step * speed
        if away and seconds <= 0:
            away = False
            gate.open()
        if simulated:
            with contextlib.suppress(StoreError):  # its own outage
                # Leases are left alone: their workers live in our time.
                sql.open_database(store).execute(
                    "UPDATE vindrop_uploads SET first_seen = first_seen - :more, "
                    "last_seen = last_seen - :more, "
                    "due_at = CASE WHEN state = 'parked' THEN due_at - :more ELSE due_at END",
                    more=step * (speed - 1.0),
                )


def _harass(
    fleet: Fleet, outages: Outages, dice: random.Random, stop: threading.Event, span: float
) -> None:
    """Kill anyone at any time, and take the stores away, for as long as the burst lasts."""
    deadline = time.monotonic() + max(span * 1.2, 6.0)
    pause = max(span / 12, 1.5)
    while time.monotonic() < deadline and not stop.wait(dice.uniform(pause / 2, pause)):
        what = dice.random()
        if what < 0.6:
            fleet.kill_one(dice)
        elif what < 0.8:
            outages.destination(dice.uniform(0.5, 2.0))
        else:
            outages.ledger(dice.uniform(0.5, 2.0))


def _drain(
    fleet: Fleet,
    sweeper: Fleet,
    sweep: Job,
    store: str,
    uploads: int,
    deadline: float,
    killer: Killer,
    villain: threading.Thread,
) -> int:
    """Sweep until every upload has ended; return how many have not."""
    left = uploads
    while left and time.monotonic() < deadline:
        time.sleep(0.25)
        if sweeper.unfinished() < 2:
            sweeper.send(sweep)
        try:
            counts = open_ledger(store, account="vinocr").counts()
        except StoreError:
            continue  # the outage that this is about
        left = uploads - counts.get("delivered", 0) - counts.get("dead", 0)
        left += fleet.unfinished()
        if not villain.is_alive() and left < uploads / 10:
            killer.armed = False
    return left


def _gate(endpoint: str) -> Gate:
    host, _, port = endpoint.rpartition("://")[2].rpartition(":")
    return Gate(host, int(port))


class _Trouble:
    """By turns each recognizer is out of reach, too slow, and in arrears, while the burst lasts."""

    def __init__(
        self,
        recognizers: tuple[tuple[World | Second, Gate], ...],
        dice: random.Random,
        span: float,
    ) -> None:
        self._recognizers, self._dice = recognizers, dice
        self._until = time.monotonic() + max(span * 1.5, 12.0)

    def __call__(self) -> None:
        """Cause it, and put all in order at the end."""
        turn = 0
        while (
            time.monotonic() < self._until or turn < 6
        ):  # each thing happens to each at least once
            service, gate = self._recognizers[turn % 2]
            seconds = self._dice.uniform(0.5, 2.5)
            match turn % 3:
                case 0:
                    gate.close()
                    time.sleep(seconds)
                    gate.open()
                case 1:
                    service.slow(PATIENCE + 2)
                    time.sleep(seconds)
                    service.slow(None)
                case _:
                    service.account("in_arrears")
                    time.sleep(seconds)
                    service.account("active")
            turn += 1


def _bill(billed: int, arrived: int, asked: int) -> dict[str, int]:
    """Return one recognizer's bill.

    :param billed: calls that it billed.
    :param arrived: of these, answers that came to an instance.
    :param asked: uploads whose record has an answer of its.
    """
    return {"billed_calls": billed, "cut_after_billing": billed - arrived, "answers_needed": asked}


def _deliver_reviews(sweeper: Fleet, sweep: Job, store: str, deadline: float) -> None:
    """Sweep until every review has arrived, and what a redrive put back has ended once more."""
    open_work = "SELECT COUNT(*) FROM vindrop_reviews WHERE due_at IS NOT NULL"
    while time.monotonic() < deadline:
        with contextlib.suppress(StoreError):
            counts = open_ledger(store, account="vinocr").counts()
            waiting = int(sql.open_database(store).execute(open_work).rows[0][0])
            if not waiting and not counts.keys() - {"delivered", "dead"}:
                return
        if sweeper.unfinished() < 2:
            sweeper.send(sweep)
        time.sleep(0.25)


def _balance(results: str, store: str, uploads: int) -> tuple[dict[str, Any], Counter[str]]:
    destination = cast("Readable", open_destination(results))
    ends: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    readings = letters = wrong = 0
    for record in destination.records("readings"):
        if isinstance(record, Reading):
            ends[record.upload.key] += 1
            readings += 1
            wrong += record.vin != vin_of(int(record.upload.key[:6]))
            asked.update(call.name for call in record.recognizers if call.vin)
    codes: Counter[str] = Counter()
    for record in destination.records("dead_letters"):
        if isinstance(record, DeadLetter) and record.upload is not None:
            ends[record.upload.key] += 1
            letters += 1
            codes[record.code] += 1
            asked.update(call.name for call in record.recognizers if call.vin)
    counts = open_ledger(store, account="vinocr").counts()
    parked = counts.get("parked", 0)
    books = {
        "readings": readings,
        "dead_letters": letters,
        "dead_letter_codes": dict(codes),
        "parked": parked,
        "lost": uploads - len(ends) - parked,
        "doubled_records": sum(count - 1 for count in ends.values()),
        "wrong": wrong,
    }
    return books, asked


def holds(result: dict[str, Any]) -> bool:
    """Whether the promises held in one run."""
    needed = result["answers_needed"] if result.get("recognizers") else result["uploads"]
    allowed = needed + result["cut_after_billing"] + result["answers_not_kept"]
    for bill in result.get("recognizers", {}).values():
        # Kills between an answer and its being kept are not told apart by recognizer.
        more = result["cut_by_kill"] + result["answers_not_kept"]
        if bill["billed_calls"] > bill["answers_needed"] + bill["cut_after_billing"] + more:
            return False
    nothing = ("lost", "doubled_records", "wrong", "unfinished", "parked", *REVIEW_FAULTS)
    if any(error_codes.rule(code).passing for code in result["dead_letter_codes"]):
        return False  # an outage ends in readings
    if result.get("reviews") == 0:
        return False  # nobody decided anything: that shows nothing of reviews
    return not any(result.get(name) for name in nothing) and result["billed_calls"] <= allowed


def main(argv: list[str] | None = None) -> int:
    """Run the seeds; return 0 if the promises held in all of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--uploads", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1, help="the first")
    parser.add_argument("--seeds", type=int, default=1, help="how many, one after the other")
    parser.add_argument("--ledger", default="sqlite", help="sqlite, postgresql, or a URL")
    parser.add_argument("--instances", type=int, default=16)
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--outage", type=float, default=0.0, help="seconds without VinOCR")
    parser.add_argument("--cascade", action="store_true", help="two recognizers")
    parser.add_argument("--simulated", action="store_true", help="the ledger's time hurries then")
    parser.add_argument("--reviewers", action="store_true", help="people decide at the same time")
    options = parser.parse_args(argv)
    sys.stderr.write(ABOUT + f"; rate raised to {options.rate}/s on both sides\n")
    results = []
    for seed in range(options.seed, options.seed + options.seeds):
        results.append(
            run(
                uploads=options.uploads,
                seed=seed,
                ledger=options.ledger,
                instances=options.instances,
                rate=options.rate,
                outage=options.outage,
                simulated=options.simulated,
                cascade=options.cascade,
                people=options.reviewers,
            )
        )
        sys.stderr.write(f"seed {seed}: {'held' if holds(results[-1]) else 'BROKEN'}\n")
        if options.seeds > 1:
            print(json.dumps(results[-1]), flush=True)
    report.table(results[-4:])
    print(json.dumps(_total(results)))
    return 0 if all(map(holds, results)) else 1


def _total(results: list[dict[str, Any]]) -> dict[str, Any]:
    if len(results) == 1:
        return results[0]
    kills = sum((Counter(result["kills"]) for result in results), Counter[str]())
    sums = {
        name: round(sum(result[name] for result in results), 1)
        for name, value in results[0].items()
        if isinstance(value, (int, float)) and name != "seed"
    }
    return {
        "seeds": [result["seed"] for result in results],
        "ledger": results[0]["ledger"],
        **sums,
        "kills": dict(sorted(kills.items())),
        "steps_not_hit": [step for step in STEPS if not kills[step]],
        "held": all(map(holds, results)),
    }


if __name__ == "__main__":
    sys.exit(main())
