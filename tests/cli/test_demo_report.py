"""What the demo checks of its own outcome, and what it tells of what waits for a person."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tests.library.conftest import a_dead_letter, a_reading, an_upload
from vindrop.domain import vin as vins
from vindrop.domain.recognition import Reviewed
from vindrop.domain.records import Reading
from vindrop.domain.vin import Verdict
from vindrop_local.demo_report import Report, present
from vindrop_local.samples import samples
from vindrop_local.vinocr_process import Calls

MISTYPED = "2T1W39Z49VC283325"
OTHER = "2T1W39Z49VC238325"


def doubted(name: str = "a.jpg", verdict: Verdict = Verdict.DOUBTFUL) -> Reading:
    return replace(a_reading(an_upload(name)), vin=MISTYPED, as_read=MISTYPED, verdict=verdict)


def report(*readings: Reading, **more: object) -> Report:
    found = {
        "uploads": len(readings), "sent": 0, "readings": list(readings), "dead_letters": [],
        "calls": Calls(0, 0), "truth": {each.upload.key: MISTYPED for each in readings},
    }  # fmt: skip
    return Report(**(found | more))  # type: ignore[arg-type]


def told(found: Report, how: str = "") -> str:
    console = Console(width=120)
    with console.capture() as caught:
        present(found, console, how)
    return caught.get()


def test_a_sample_is_doubtful_by_what_is_printed_on_it(tmp_path: Path) -> None:
    wanted = [each for each in samples(tmp_path) if each.doubtful]
    assert wanted
    assert all(vins.parse(each.vin or "").verdict is Verdict.DOUBTFUL for each in wanted)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_mistyped_vin_that_nobody_doubts_breaks_the_promise(verdict: Verdict) -> None:
    found = report(doubted(verdict=verdict), must_doubt={"a.jpg"})
    assert found.ok is (verdict in {Verdict.DOUBTFUL, Verdict.REVIEWED})
    assert ("a VIN that is mistyped is not doubtful: a.jpg" in told(found)) is not found.ok


def test_one_that_was_not_read_at_all_is_not_doubted_either() -> None:
    letter = a_dead_letter(an_upload("a.jpg"))
    assert not report(uploads=1, dead_letters=[letter], must_doubt={"a.jpg"}).ok


def test_the_first_ones_are_told_with_their_reason_and_how_to_decide() -> None:
    some = [doubted(f"{number}.jpg") for number in range(5)]
    text = told(report(*some), "vindrop review decide {} VIN")
    assert text.count(" is doubtful: the check digit is wrong: 9 is there, 3 is right;") == 3
    assert f"or by vindrop review decide {some[0].id[:12]} VIN" in text
    assert "… and 2 doubtful ones more" in text


def test_one_that_no_recognizer_was_sure_of_says_so() -> None:
    unsure = replace(a_reading(an_upload("a.jpg")), verdict=Verdict.DOUBTFUL)
    assert "a.jpg is doubtful: no recognizer was sure enough" in told(report(unsure))


def test_a_dead_letter_waits_until_a_person_has_said_that_there_is_no_vin() -> None:
    letter = replace(a_dead_letter(an_upload("b.jpg")), code="FailedOperation.OcrFailed")
    assert report(uploads=1, dead_letters=[letter]).waiting == 1
    decided = report(uploads=1, dead_letters=[letter], denied_letters={letter.id})
    assert (decided.waiting, decided.decided, decided.accounted) == (0, 1, True)


@pytest.mark.parametrize(
    ("shown", "machine", "mark"),
    [
        (MISTYPED, MISTYPED, "✓"),
        (OTHER, OTHER, "✗"),
        (OTHER, MISTYPED, None),  # a person's, and the machine's was right
        (MISTYPED, OTHER, None),
        (MISTYPED, None, None),  # of a dead letter
    ],
)
@pytest.mark.parametrize("truth", [MISTYPED, ""])
def test_a_mark_is_of_what_the_machine_read(
    shown: str, machine: str | None, mark: str | None, truth: str
) -> None:
    """Beside another VIN, which a person gave, it would be of that one; no total counts such a row."""
    word = Reviewed(
        reviewer="ann", decided_at=dt.datetime.now(dt.timezone.utc), sequence=1, machine_vin=machine
    )
    one = replace(doubted(verdict=Verdict.REVIEWED), vin=shown, reviewed=word)
    text = told(report(one, truth={"a.jpg": truth}))
    wanted = mark if truth else mark and "✗"
    assert [each for each in "✓✗" if each in text] == ([wanted] if wanted else [])
