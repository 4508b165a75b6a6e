"""A part of a VIN is found wherever it stands, whatever is packed, and however little time there is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.library.conftest import a_dead_letter, a_reading
from tests.stores.console_flow import VINS, ConsoleFlow, doubtful, mixed
from tests.stores.test_console import all_of, numbered
from vindrop.core.console import Filter
from vindrop.core.review import Decided, Decision
from vindrop.stores.ledger import sql_copy, sql_found, sql_schema, sql_vins
from vindrop.stores.sql import open_database


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def store_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def flow(store_url: str, monkeypatch: pytest.MonkeyPatch) -> ConsoleFlow:
    for name, value in (("PER_ROW", 3), ("MARGIN", 0.0), ("STEP", 4), ("_LOOKED_UP", 2)):
        monkeypatch.setattr(sql_vins, name, value)
    found = ConsoleFlow(store_url)
    assert found.console.tidy(10)
    return found


PARTS = sorted({vin[at : at + size] for vin in VINS for at in (0, 5, 11) for size in (3, 6)})


def missed(flow: ConsoleFlow, **more: Any) -> dict[str, tuple[int, int]]:
    """Return part → (found, wanted) where a search does not give what is there, in its order."""
    every = all_of(flow.console, Filter(**more))
    wrong = {}
    for part in (*PARTS, "AAAAAA"):
        wanted = [each.id for each in every if part in (each.vin or "")]
        found = [each.id for each in all_of(flow.console, Filter(vin=part, **more), limit=3)]
        if found != wanted:
            wrong[part] = (len(found), len(wanted))
    return wrong


def packed(flow: ConsoleFlow) -> int:
    return int(flow.ledger.database.execute("SELECT COUNT(*) FROM vindrop_vins").rows[0][0])


def correct(flow: ConsoleFlow, upload_id: str, vin: str) -> None:
    life = flow.console.upload(upload_id)
    assert life is not None
    said = Decision(
        upload_id=upload_id,
        vin=vin,
        reviewer="kim",
        after=life.entry.sequence,
        wrong_check_digit=True,
    )
    assert isinstance(flow.desk.decide(said), Decided)


@pytest.mark.parametrize("seconds", [sql_found.SECONDS, -1.0], ids=["in time", "out of time"])
def test_a_part_is_found_wherever_it_stands_and_whatever_is_packed(
    flow: ConsoleFlow, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """Begins, ends and stands inside: all of them, before the packing, half of it done, and after."""
    monkeypatch.setattr(sql_vins, "SECONDS", seconds)
    ids = list(mixed(flow, numbered))
    assert (packed(flow), missed(flow)) == (0, {})
    assert flow.console.tidy(10)
    assert packed(flow) > 3
    assert missed(flow) == {}
    mixed(flow, lambda n: numbered(100 + n), 9)
    correct(flow, ids[0], VINS[3])  # what is packed is out of date
    assert missed(flow) == {}
    assert missed(flow, verdict="reviewed") == {}
    assert missed(flow, bucket="archive-1250000000", state="ended") == {}
    assert flow.console.tidy(10)
    assert missed(flow) == {}
    assert missed(flow, photo="dealer-1/") == {}


def test_many_uploads_of_one_moment_are_all_found(flow: ConsoleFlow) -> None:
    """As a ledger that was filled by a script has them."""
    mixed(flow, numbered)
    flow.ledger.database.execute("UPDATE vindrop_uploads SET first_seen = 1.5e9, last_seen = 1.6e9")
    assert missed(flow) == {}
    assert flow.console.tidy(10)
    assert packed(flow) == 1
    assert missed(flow) == {}


def test_a_search_says_how_far_back_it_came_and_loses_nothing_there(
    flow: ConsoleFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed(flow, numbered)
    database = flow.ledger.database
    # two hours between each and the next, so that what was looked through ends between two
    for n, entry in enumerate(all_of(flow.console)):
        database.execute(
            "UPDATE vindrop_uploads SET first_seen = :t, last_seen = :t WHERE id = :id",
            t=1.7e9 - 7200 * n,
            id=entry.id,
        )
    assert flow.console.tidy(10)
    monkeypatch.setattr(sql_vins, "SECONDS", -1.0)
    page = flow.console.uploads(Filter(vin="AAAAAA"))
    assert (page.entries, page.next is None) == ((), False)
    assert page.searched_to is not None
    assert 1.7e9 - 24 * 7200 < page.searched_to.timestamp() <= 1.7e9 + 3600
    assert missed(flow) == {}


def test_a_packing_that_another_did_at_the_same_moment_is_not_doubled(
    flow: ConsoleFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed(flow, numbered)
    mine, other = sql_vins.Packing(flow.ledger.database), sql_vins.Packing(flow.ledger.database)
    changed = mine._changed

    def meanwhile(*given: float) -> Any:
        rows = changed(*given)
        with monkeypatch.context() as patch:
            patch.setattr(sql_vins, "PER_ROW", 4)  # as another version would
            other.run(10)
        return rows

    with monkeypatch.context() as patch:
        patch.setattr(mine, "_changed", meanwhile)
        mine._some()
    assert missed(flow) == {}
    ids = [int(row[0]) for row in flow.ledger.database.execute("SELECT id FROM vindrop_vins").rows]
    assert sorted(ids) == list(range(1, len(ids) + 1))


def test_a_packing_that_went_on_while_another_began_anew_is_begun_anew(
    flow: ConsoleFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed(flow, numbered)
    mine = sql_vins.Packing(flow.ledger.database)
    with monkeypatch.context() as patch:
        patch.setattr(sql_vins, "_PACKED", 6)
        mine._some()
    assert packed(flow) in {1, 2}
    changed = mine._changed

    def meanwhile(*given: float) -> Any:
        mine.begin_anew()
        return changed(*given)

    with monkeypatch.context() as patch:
        patch.setattr(mine, "_changed", meanwhile)
        mine._some()
    assert missed(flow) == {}  # the numbers begin above 1: nothing of it is trusted
    assert flow.console.tidy(10)
    assert missed(flow) == {}
    first = flow.ledger.database.execute("SELECT MIN(id) FROM vindrop_vins").rows[0][0]
    assert first == 1


def test_a_clock_that_was_set_back_hides_nothing(flow: ConsoleFlow) -> None:
    mixed(flow, numbered)
    database = flow.ledger.database
    database.execute("UPDATE vindrop_uploads SET last_seen = last_seen + 86400")
    sql_vins.Packing(database)._keep(1, [(4e9, 4e9, VINS[0])])  # packed up to a day in 2096
    assert missed(flow) == {}
    assert flow.console.tidy(10)
    assert missed(flow) == {}


def test_a_corrected_vin_is_found_by_the_new_one_alone(flow: ConsoleFlow) -> None:
    letter = flow.end(a_dead_letter(numbered(1)))
    reading = flow.end(doubtful(numbered(2), VINS[0]))
    flow.end(a_reading(numbered(3), VINS[1]))
    assert flow.console.tidy(10)
    correct(flow, letter, VINS[0])
    correct(flow, reading, VINS[2])
    assert [each.id for each in all_of(flow.console, Filter(vin=VINS[0][4:9]))] == [letter]
    assert [each.id for each in all_of(flow.console, Filter(vin=VINS[2][4:9]))] == [reading]


def test_what_a_ledger_gets_from_another_is_found_there(flow: ConsoleFlow, tmp_path: Path) -> None:
    """Rows that come by a copy changed before what is packed already."""
    url = f"sqlite:///{tmp_path}/older.db"
    older = ConsoleFlow(url)
    mixed(older, lambda n: numbered(500 + n))
    older.ledger.database.execute(
        "UPDATE vindrop_uploads SET first_seen = first_seen - 86400, last_seen = last_seen - 86400"
    )
    mixed(flow, numbered)
    assert flow.console.tidy(10)
    assert packed(flow) > 0
    sql_copy.copy(open_database(url), flow.ledger.database)
    assert missed(flow) == {}
    assert flow.console.tidy(10)
    assert missed(flow) == {}


def test_the_index_of_vins_written_backwards_goes_once_the_others_are_there(
    store_url: str, flow: ConsoleFlow
) -> None:
    mixed(flow, numbered)
    database = flow.ledger.database
    database.execute("ALTER TABLE vindrop_uploads ADD COLUMN vin_backwards VARCHAR(17)")
    database.execute(
        "CREATE INDEX vindrop_uploads_vin_backwards ON vindrop_uploads (vin_backwards)"
    )
    again = ConsoleFlow(store_url)
    assert again.console.tidy(10)
    assert "vin_backwards" not in again.console._upkeep._names()  # type: ignore[attr-defined]
    again.end(replace(a_reading(numbered(77)), maker="BMW"))
    assert missed(again) == {}


def test_an_upload_writes_nothing_for_it(flow: ConsoleFlow) -> None:
    """The way of an upload knows no table of packed VINs: only the sweep writes it."""
    source = Path(sql_schema.__file__).parent
    for name in ("sql.py", "sql_operations.py", "sql_reviews.py"):
        assert "VINS" not in (source / name).read_text(), name
    flow.end(a_reading(numbered(1)))
    assert packed(flow) == 0
