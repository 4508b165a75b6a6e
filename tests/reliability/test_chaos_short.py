"""A short run of bench/chaos.py: crashes at every step, outages, faults, duplicates; the books balance.

The long ones (2,000 uploads, 20 seeds, PostgreSQL too) are in docs/measurements.md.
"""

from __future__ import annotations

from bench import chaos
from bench.rig.steps import STEPS


def test_nothing_lost_nothing_doubled_nothing_paid_twice() -> None:
    missed = set(STEPS)
    for seed in (1, 2):  # results in a file of their own; in the ledger's database
        result = chaos.run(
            uploads=48,
            seed=seed,
            ledger="sqlite",
            instances=6,
            rate=100,
            function_seconds=5,
            limit=200,
        )
        assert chaos.holds(result), result
        assert result["readings"] + result["dead_letters"] == 48
        assert result["outages"] > 0 or result["cut_after_billing"] > 0
        missed &= set(result["steps_not_hit"])
    assert not missed, "a step at which nobody was killed proves nothing"


def test_two_recognizers_that_fail_by_turns_cost_nothing_and_nobody_twice() -> None:
    """Each is out of reach, too slow and in arrears once at least; the bill is balanced for each."""
    result = chaos.run(
        uploads=40,
        seed=3,
        ledger="sqlite",
        instances=6,
        rate=100,
        function_seconds=8,
        limit=200,
        cascade=True,
    )
    assert chaos.holds(result), result
    assert result["readings"] == 40 - sum(result["dead_letter_codes"].values())
    bills = result["recognizers"]
    # How many each answers depends on who was away when; where the first is sure, the second costs nothing.
    assert bills["own"]["answers_needed"] > 0
    assert 0 < bills["cloud"]["answers_needed"] < 40, "half of what the first says is sure"


def test_twenty_minutes_without_vinocr_end_in_readings() -> None:
    """Of the ledger's time; connections are refused and cut, and everything else goes wrong too."""
    result = chaos.run(
        uploads=24,
        seed=4,
        ledger="sqlite",
        instances=6,
        rate=100,
        function_seconds=5,
        limit=200,
        outage=1200,
        simulated=True,
    )
    assert chaos.holds(result), result
    assert result["readings"] == 24 - sum(result["dead_letter_codes"].values())


def test_people_who_decide_meanwhile_lose_and_double_nothing() -> None:
    """In processes that are killed, often at the same upload, while destinations come and go."""
    result = chaos.run(
        uploads=48,
        seed=2,
        ledger="sqlite",
        instances=6,
        rate=100,
        function_seconds=5,
        limit=200,
        people=True,
    )
    assert chaos.holds(result), result
    assert result["readings"] + result["dead_letters"] == 48
    assert result["reviews"] >= result["reviews_told"] > 0
