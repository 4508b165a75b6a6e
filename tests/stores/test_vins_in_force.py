"""One upload, one VIN: whichever way out is asked, it is the one in force, and says whose it is."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from tests.commands import vindrop
from tests.library.conftest import a_dead_letter, a_reading, an_upload
from tests.stores.console_flow import VINS, ConsoleFlow, doubtful
from vindrop.core.review import Decided, Decision
from vindrop.domain.in_force import in_force
from vindrop.domain.recognition import Alternative, Character
from vindrop.domain.records import DeadLetter, Reading, from_json, to_json
from vindrop_local.commands.stats import count

MACHINE, PERSON, AGAIN = VINS[0], VINS[1], VINS[3]
Act = Callable[[ConsoleFlow, str], object]


def decide(**more: Any) -> Act:
    return lambda flow, name: flow.desk.decide(Decision(upload_id=name, reviewer="ann", **more))


def undo(after: int) -> Act:
    return lambda flow, name: flow.desk.undo(name, "ann", after)


HISTORIES: dict[str, tuple[Act, ...]] = {
    "never reviewed": (),
    "confirmed": (decide(vin=MACHINE),),
    "corrected": (decide(vin=PERSON),),
    "confirmed, then corrected": (decide(vin=MACHINE), decide(vin=PERSON, after=1)),
    "corrected twice": (decide(vin=PERSON), decide(vin=AGAIN, after=1)),
    "no VIN": (decide(reason="no_vin"),),
    "no VIN, then one": (decide(reason="no_vin"), decide(vin=PERSON, after=1)),
    "corrected, then none": (decide(vin=PERSON), decide(reason="no_photo", after=1)),
    "undone": (decide(vin=PERSON), undo(1)),
}


@pytest.fixture(params=["sqlite", "postgresql", "mysql", "dynamodb"])
def store_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["tables", "file"])
def flow(store_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> ConsoleFlow:
    if request.param == "file" and not store_url.startswith("sqlite"):
        pytest.skip("a file is one beside any ledger")
    return ConsoleFlow(store_url, f"file://{tmp_path}/r.jsonl" if request.param == "file" else "")


def test_every_way_out_has_the_vin_of_the_ledger(flow: ConsoleFlow) -> None:
    """The ledger's word (`uploads`, `export`, the console) is the destination's, after every history."""
    ends: dict[str, Callable[..., Any]] = {
        "doubtful": doubtful,
        "verified": a_reading,
        "dead": a_dead_letter,
    }
    names = {}
    for title, acts in HISTORIES.items():
        for kind, make in ends.items():
            name = names[title, kind] = flow.end(make(an_upload(f"{title}/{kind}.jpg")))
            for act in acts:
                outcome = act(flow, name)
                assert isinstance(outcome, Decided), (title, kind, outcome)
                assert outcome.delivered
    found = {end.id: (end, in_force(end, said)) for end, said in flow.results.reviewed("readings")}
    dead = {each.id for each in flow.letters.records("dead_letters")}
    for (title, kind), name in names.items():
        life = flow.console.upload(name)
        assert life is not None
        entry = life.entry
        if isinstance(entry.record, DeadLetter):
            assert name in dead, (title, kind)
            assert name not in found, (title, kind)
            continue
        end, counts = found[name]
        assert counts.vin == entry.vin, (title, kind)  # type: ignore[union-attr]
        if not isinstance(counts, Reading):
            assert (entry.vin, counts.before.vin is not None) == (None, True), title  # type: ignore[union-attr]
            continue
        assert counts.verdict.value == entry.verdict, (title, kind)
        assert cast("Reading", from_json(to_json(counts))) == counts
        if entry.review is None:
            assert counts == end
            continue
        assert counts.reviewed is not None
        assert (counts.reviewed.reviewer, counts.reviewed.sequence) == ("ann", entry.sequence)
        if kind == "dead":
            assert counts.reviewed.machine_code == "FailedOperation.OcrFailed"
        else:
            assert (counts.as_read, counts.reviewed.machine_vin) == (MACHINE, MACHINE)
            assert counts.reviewed.machine_verdict == kind
        assert counts.vinocr == end.vinocr


def test_what_the_machine_said_of_its_own_vin_is_not_said_of_another(flow: ConsoleFlow) -> None:
    read = replace(
        doubtful(an_upload()),
        confidence=0.6,
        characters=tuple(Character(character=each, confidence=0.9) for each in MACHINE),
        alternatives=(Alternative(vin=PERSON, confidence=0.2),),
    )
    name = flow.end(read)
    decide(vin=PERSON)(flow, name)
    [(end, said)] = flow.results.reviewed("readings")
    now = cast("Reading", in_force(end, said))
    assert (now.confidence, now.characters, now.alternatives) == (None, None, None)
    assert (now.maker, now.model_year) != (read.maker, read.model_year)
    assert now.check_digit == "valid"
    decide(vin=MACHINE, after=1)(flow, name)
    [(end, said)] = flow.results.reviewed("readings")
    assert cast("Reading", in_force(end, said)).confidence == 0.6


def run(flow: ConsoleFlow, *arguments: str) -> str:
    url = {
        "VINDROP_LEDGER": flow.url,
        "VINDROP_RESULTS": flow.url,
        "VINDROP_DEAD_LETTERS": flow.url,
    }
    done = vindrop(*arguments, cwd=Path(flow.url.removeprefix("sqlite:///")).parent, **url)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("store_kind", ["sqlite"], indirect=False)
@pytest.mark.parametrize("flow", ["tables"], indirect=True)
@pytest.mark.parametrize("title", HISTORIES)
def test_the_commands_say_what_uploads_says(flow: ConsoleFlow, title: str) -> None:
    name = flow.end(doubtful(an_upload("dock/7.jpg")))
    for act in HISTORIES[title]:
        act(flow, name)
    (listed,) = map(json.loads, run(flow, "uploads", "--json").splitlines())
    (event,) = map(json.loads, run(flow, "readings", "--json").splitlines())
    assert event["data"]["vin"] == listed["vin"]
    heading, row = (line.split("\t") for line in run(flow, "readings").splitlines())
    said = dict(zip(heading, row, strict=True))
    assert said["VIN"] == (listed["vin"] or "–")
    stats = json.loads(run(flow, "stats", "--json"))
    reason = (listed["review"] or {}).get("reason")
    assert said["verdict"] == (reason or listed["verdict"]).replace("_", " ")
    assert stats["readings"] == {reason or listed["verdict"]: 1}
    assert stats["billed"] == 1, "a call counts once, whatever a person says"
    if listed["review"]:
        assert (said["reviewed by"], said["machine read"]) == ("ann", MACHINE)
    if listed["vin"]:
        assert said["seconds"] == "0.40", "the machine was asked, whoever gave the VIN"


def test_the_calls_of_a_reading_that_a_person_denies_are_counted() -> None:
    from tests.library.conftest import a_review

    denied = replace(a_review(), vin=None, reason="no_vin")
    now = dt.datetime.now(dt.timezone.utc)
    found = count([(a_reading(), denied)], [], now)
    assert (found["readings"], found["billed"]) == ({"no_vin": 1}, 1)


@pytest.mark.parametrize("store_kind", ["sqlite"], indirect=False)
@pytest.mark.parametrize("flow", ["tables"], indirect=True)
@pytest.mark.parametrize("title", [each for each, acts in HISTORIES.items() if acts])
@pytest.mark.parametrize("make", [doubtful, a_dead_letter])
def test_up_has_a_line_for_every_decision(
    flow: ConsoleFlow, title: str, make: Callable[..., Any]
) -> None:
    from vindrop_local import show
    from vindrop_local.follower import Follower

    name = flow.end(make(an_upload("dock/7.jpg")))
    follower = Follower(flow.url)
    assert follower.new() == []
    for act in HISTORIES[title]:
        act(flow, name)
        life = flow.console.upload(name)
        assert life is not None
        [record] = follower.new()
        line = show.record_line(record).plain
        assert "dock/7.jpg" in line
        review = life.reviews[-1]
        expected = review.vin or cast("str", review.reason).replace("_", " ")
        assert expected in line
        assert "ann" in line
    assert follower.new() == []
