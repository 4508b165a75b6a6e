"""The second witness: heard where doubt remains, and believed a little less than the recogniser."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.reader.pictures import VIN, encoded, plate
from tests.reader.test_certainty import TAMPERED, line_of
from tests.reader.test_search import frames
from vinocr.reader import align, calibration, models
from vinocr.reader.calibration import Features
from vinocr.reader.decode import decode
from vinocr.reader.hypotheses import Hypotheses
from vinocr.reader.lines import Line
from vinocr.reader.passes import Passes
from vinocr.reader.recognize import Frames, spelling

EIGHT, LETTER_B = "XTA21140084151107", "XTA211400B4151107"


class Heard:
    """A witness's session that counts how often it is run."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.times = 0

    def run(self, *arguments: Any) -> Any:
        self.times += 1
        return self._session.run(*arguments)


@pytest.fixture(scope="module")
def opened() -> models.Models:
    return models.load(1)


@pytest.fixture
def witness(opened: models.Models) -> Heard:
    return Heard(opened.witness)


def test_nobody_else_is_heard_on_a_clear_photo(opened: models.Models, witness: Heard) -> None:
    passes = Passes(dataclasses.replace(opened, witness=witness))
    hypotheses = passes.read(decode(encoded(plate())), 0.7)
    assert next(iter(hypotheses.posterior)) == VIN
    assert witness.times == 0


def test_the_witness_is_heard_where_doubt_remains(opened: models.Models, witness: Heard) -> None:
    passes = Passes(dataclasses.replace(opened, witness=witness))
    hypotheses = passes.read(decode(encoded(plate(TAMPERED[0]))), 0.7)
    assert 1 <= witness.times <= 2
    assert any(line.witnesses for line in hypotheses.lines)


def _line(eight: float, witness: str | None) -> Line:
    """A line whose recogniser hesitates between 8 and B, and what the witness reads."""
    hesitating = [{"8": eight, "B": 1 - eight} if i == 9 else c for i, c in enumerate(EIGHT)]
    line = line_of(frames(*hesitating), height=7.0)
    if witness:
        said = frames(*witness)
        line.witnesses.append(Frames(said, witness, *spelling(said)))
    return line


def _for_eight(line: Line) -> float:
    scores = line.scores()
    return scores[EIGHT] - scores[LETTER_B]


def test_agreement_raises_and_disagreement_lowers() -> None:
    alone = _for_eight(_line(0.7, None))
    assert _for_eight(_line(0.7, EIGHT)) > alone + 1
    assert _for_eight(_line(0.7, LETTER_B)) < alone - 1


def test_a_witness_heard_later_counts_too() -> None:
    line = _line(0.7, None)
    before = _for_eight(line)
    said = frames(*LETTER_B)
    line.witnesses.append(Frames(said, LETTER_B, *spelling(said)))
    assert _for_eight(line) < before - 1


def test_lines_cut_anew_forget_what_the_witness_said() -> None:
    line = _line(0.7, EIGHT)
    line.forget()
    assert not line.witnesses


def test_what_the_witness_reads_otherwise_is_believed_less() -> None:
    line = _line(0.9, EIGHT)
    agreed = _found(line).features()
    line.witnesses.clear()
    said = frames(*LETTER_B)
    line.witnesses.append(Frames(said, LETTER_B, *spelling(said)))
    contradicted = _found(line).features()
    assert agreed
    assert contradicted
    assert agreed.witness > contradicted.witness
    same = dataclasses.replace(agreed, witness=contradicted.witness)
    assert calibration.probability(same) < calibration.probability(agreed)


def _found(line: Line) -> Hypotheses:
    """What is known of a photo with one line, of which the likeliest VIN is `EIGHT`."""
    hypotheses = Hypotheses(decode(encoded(plate())), lines=[line])
    hypotheses.posterior = {EIGHT: 0.9}
    hypotheses.line_of = {EIGHT: line}
    return hypotheses


@pytest.mark.parametrize("less", [{"pitch": 4.0, "height": 6.0}, {"weakest": 0.7}])
def test_an_answer_that_hardly_anyone_could_confirm_is_believed_less(
    less: dict[str, float],
) -> None:
    clear = Features(0.97, 12.0, 8.0, 0.95)
    assert calibration.probability(dataclasses.replace(clear, **less)) < 0.9
    assert calibration.probability(clear) > 0.95


def test_the_weakest_letters_count_not_those_beside_the_vin() -> None:
    beside = frames("V", " ", *EIGHT)
    beside[:3] = 0.5 * beside[:3] + 0.5 / beside.shape[1]
    assert align.weakest_letters(beside, EIGHT, 3) == pytest.approx(1.0, abs=0.02)
    doubt = frames(*[{c: 0.6, "J": 0.4} if i < 3 else c for i, c in enumerate(EIGHT)])
    assert align.weakest_letters(doubt, EIGHT, 3) == pytest.approx(0.6, abs=0.02)


def test_an_answer_is_never_surer_than_its_share_among_the_candidates() -> None:
    assert calibration.probability(Features(0.9, 20.0, 15.0, 1.0, share=0.55)) <= 0.55


@pytest.mark.parametrize("posterior", [1e-6, 0.001, 0.01, 0.05])
def test_clear_letters_alone_make_no_vin(posterior: float) -> None:
    assert calibration.probability(Features(posterior, 40.0, 26.0, 1.0)) < 0.7
