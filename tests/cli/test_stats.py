"""`vindrop stats`: what has been read, what waits, and what it costs."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.cli.test_cli import ROOT
from tests.commands import vindrop
from tests.console.filled import end
from tests.library.conftest import a_dead_letter, a_reading, an_upload
from tests.stores.console_flow import VINS, ConsoleFlow
from vindrop.core.ledger import Claim
from vindrop.core.review import Decided, Decision
from vindrop.destinations import open_destination
from vindrop.domain.failures import Failure
from vindrop.domain.recognition import RecognizerCall
from vindrop.domain.records import Reading
from vindrop.domain.vin import Verdict
from vindrop.stores import open_ledger
from vindrop_local import show
from vindrop_local.commands.stats import count

NOW = dt.datetime.now(dt.timezone.utc)


def filled(folder: Path, *, by: str = "ocr.tencentcloudapi.com") -> str:
    """A database with three readings, two dead letters, and an upload that is under way.

    :param by: host that gave the readings.
    """
    url = f"sqlite:///{folder}/vindrop.db"
    destination = open_destination(url)
    old = NOW - dt.timedelta(days=70)
    for key, when, verdict in (
        ("a.jpg", NOW, Verdict.VERIFIED),
        ("b.jpg", NOW, Verdict.DOUBTFUL),
        ("c.jpg", old, Verdict.VERIFIED),
    ):
        reading = a_reading(an_upload(key))
        call = replace(reading.vinocr, billed=2, maybe_billed=1, endpoint=by)
        destination.put(replace(reading, read_at=when, verdict=verdict, vinocr=call))
    for key in ("d.jpg", "e.jpg"):
        letter = a_dead_letter(an_upload(key))
        destination.put(replace(letter, last_seen=NOW, billed=1))
    assert isinstance(open_ledger(url, account="vinocr").claim(an_upload(), 60), Claim)
    return url


def test_the_figures_of_what_was_read(tmp_path: Path) -> None:
    url = filled(tmp_path)
    settings = {"VINDROP_RESULTS": url, "VINDROP_DEAD_LETTERS": url, "VINDROP_LEDGER": url}
    done = vindrop("stats", "--json", cwd=tmp_path, **settings, VINDROP_PRICE_PER_CALL="0.02")
    found = json.loads(done.stdout)
    overview = found.pop("overview")
    assert (overview["total"]["uploads"], overview["total"]["waiting"]) == (1, 1)
    assert (overview["circuit"], overview["up_to_date"]) == ("closed", True)
    (today,) = [each for each in found.pop("by_day") if each["day"] == NOW.date().isoformat()]
    assert (today["billed"], today["cost"]) == (6, 0.12)
    assert found == {
        "uploads": {"claimed": 1},
        "readings": {"doubtful": 1, "verified": 2},
        "dead_letters": {"FailedOperation.OcrFailed": 2},
        "billed_today": 6,
        "billed_this_month": 6,
        "billed_last_month": 0,
        "billed": 8,
        "maybe_billed": 3,
        "cost_today": 0.12,
        "cost_this_month": 0.12,
        "cost_last_month": 0.0,
    }
    shown = vindrop("stats", cwd=tmp_path, **settings).stdout
    assert "calls billed this month" in shown
    assert "VINDROP_PRICE_PER_CALL or --price" in shown, "nobody said what a call costs"
    given = vindrop("stats", "--price", "0.5", cwd=tmp_path, **settings).stdout
    assert "3.00" in given


def test_the_last_month_is_the_whole_one_before(tmp_path: Path) -> None:
    def counted(at: str, now: str) -> dict[str, int]:
        letter = replace(a_dead_letter(), last_seen=dt.datetime.fromisoformat(at), billed=1)
        found = count([], [letter], dt.datetime.fromisoformat(now))
        return {name: found[f"billed_{name}"] for name in ("today", "this_month", "last_month")}

    none = {"today": 0, "this_month": 0, "last_month": 0}
    assert counted("2026-12-31T23:59:59+00:00", "2027-01-01T00:00:00+00:00") == {
        **none,
        "last_month": 1,
    }
    assert counted("2026-12-31T23:30:00-01:00", "2027-01-31T00:00:00+00:00") == {
        **none,
        "this_month": 1,
    }
    assert counted("2026-01-31T00:00:00+00:00", "2027-02-01T00:00:00+00:00") == none


def test_of_several_recognizers_each_has_its_calls_and_its_price(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/vindrop.db"
    destination = open_destination(url)
    calls = (
        RecognizerCall(name="own", billed=1),
        RecognizerCall(name="cloud", billed=2, maybe_billed=1),
    )
    reading = a_reading(an_upload("a.jpg"))
    destination.put(replace(reading, read_at=NOW, recognizers=calls))
    destination.put(replace(a_dead_letter(an_upload("b.jpg")), last_seen=NOW, recognizers=calls))
    settings = {"VINDROP_RESULTS": url, "VINDROP_DEAD_LETTERS": url, "VINDROP_LEDGER": url}
    recognizers = "own=http://h?price=0 cloud=ocr.tencentcloudapi.com?price=0.02"
    done = vindrop(
        "stats", "--json", cwd=tmp_path, **settings, VINDROP_RECOGNIZERS=recognizers,
        VINDROP_PRICE_PER_CALL="5",
    )  # fmt: skip
    assert done.stdout, (done.stderr, done.returncode)
    found = json.loads(done.stdout)
    assert (found["billed"], found["maybe_billed"], found["cost_today"]) == (6, 2, 0.08)
    assert found["not_billed"] == {"today": 2, "this_month": 2, "last_month": 0, "all": 2}
    assert found["recognizers"] == {
        "cloud": {
            "billed_today": 4, "billed_this_month": 4, "billed_last_month": 0, "billed": 4,
            "cost_today": 0.08, "cost_this_month": 0.08, "cost_last_month": 0.0,
        },
        "own": {
            "billed_today": 2, "billed_this_month": 2, "billed_last_month": 0, "billed": 2,
            "cost_today": 0.0, "cost_this_month": 0.0, "cost_last_month": 0.0,
        },
    }  # fmt: skip
    assert found["by_day"] == [
        {
            "day": NOW.date().isoformat(), "billed": 6, "cost": 0.08,
            "recognizers": {"cloud": {"billed": 4, "cost": 0.08}, "own": {"billed": 2, "cost": 0}},
        }
    ]  # fmt: skip
    shown = vindrop("stats", cwd=tmp_path, **settings).stdout
    assert re.search(r"calls answered today +6", shown), "whose are billed is not known"
    assert "calls answered by cloud" in shown
    assert "cost today by" not in shown, "no price is set"
    shown = vindrop("stats", "--price", "0.02", cwd=tmp_path, **settings).stdout
    assert "calls billed" not in shown
    assert "VINDROP_RECOGNIZERS" in shown, "one price is not that of all of them"
    assert "0.12" not in shown
    shown = vindrop("stats", cwd=tmp_path, **settings, VINDROP_RECOGNIZERS=recognizers).stdout
    assert re.search(r"cost today by cloud +0\.08", shown)
    assert re.search(r"calls billed today +4", shown), "own has no price"
    assert re.search(r"calls answered by own, not billed +2", shown)


def test_the_ledger_is_that_of_the_database_that_is_asked(tmp_path: Path) -> None:
    """No upload is told as none where no ledger was looked at."""
    url = filled(tmp_path)
    shown = vindrop("stats", "--from", url, cwd=tmp_path).stdout
    assert re.search(r"uploads: claimed +1", shown)
    bare = f"sqlite:///{tmp_path}/records.db"
    open_destination(bare).put(a_reading(an_upload("a.jpg")))
    done = vindrop("stats", "--from", bare, cwd=tmp_path)
    assert not re.search(r"uploads +0", done.stdout), done.stderr
    assert "--ledger" in done.stdout
    assert re.search(r"readings: \w+ +1", done.stdout)


def test_of_several_recognizers_the_open_circuit_is_named_and_no_day_has_a_wrong_cost(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path}/vindrop.db"
    ledger = open_ledger(url, account="vinocr")
    end(ledger, a_dead_letter(an_upload("b.jpg")), url)
    blocked = Failure("ResourceUnavailable.InArrears", "the account is in arrears")
    settings = {"VINDROP_RESULTS": url, "VINDROP_DEAD_LETTERS": url, "VINDROP_LEDGER": url}

    def overview(recognizers: str) -> Any:
        done = vindrop(
            "stats", "--json", cwd=tmp_path, **settings, VINDROP_RECOGNIZERS=recognizers,
            VINDROP_PRICE_PER_CALL="5",
        )  # fmt: skip
        return json.loads(done.stdout)["overview"]

    mixed = "own=http://h?price=0 cloud=ocr.tencentcloudapi.com?price=0.02"
    assert overview(mixed)["circuit"] == "closed"
    ledger.for_account("vinocr.cloud").open_circuit(blocked, 60)
    found = overview(mixed)
    assert found["circuit"] == f"cloud: {blocked.code}"
    assert (found["total"]["billed"], found["total"]["cost"]) == (1, None)
    assert overview("own=http://h cloud=http://i")["total"]["cost"] == 5
    assert overview("own=http://h?price=1 cloud=http://i?price=1")["total"]["cost"] == 1
    assert overview("here=inprocess: cloud=http://i?price=1")["total"]["cost"] == 1


def test_a_price_that_is_no_number_is_one_sentence(tmp_path: Path) -> None:
    url = filled(tmp_path)
    done = vindrop("stats", "--from", url, cwd=tmp_path, VINDROP_PRICE_PER_CALL="cheap")
    assert done.returncode == 2
    assert "VINDROP_PRICE_PER_CALL" in done.stderr


def test_every_open_circuit_is_told_whatever_recognizers_this_shell_names(tmp_path: Path) -> None:
    """The functions may have several; who asks from elsewhere need not know which."""
    url = filled(tmp_path)
    ledger = open_ledger(url, account="vinocr")
    for account, code in (("vinocr.own", "AuthFailure.SecretIdNotFound"), ("depot", "Blocked")):
        ledger.for_account(account).open_circuit(Failure(code, "no"), 60)
    names = ("RESULTS", "DEAD_LETTERS", "LEDGER")
    settings = {f"VINDROP_{name}": url for name in names}
    done = vindrop("stats", "--json", cwd=tmp_path, **settings)
    told = json.loads(done.stdout)["overview"]["circuit"]
    assert told == "depot: Blocked, own: AuthFailure.SecretIdNotFound"
    ledger.open_circuit(Failure("FailedOperation.ArrearsError", "pay"), 60)
    done = vindrop("stats", "--json", cwd=tmp_path, **settings)
    told = json.loads(done.stdout)["overview"]["circuit"]
    assert "FailedOperation.ArrearsError" in told.split(", ")


def test_what_a_person_read_took_the_recognizer_no_time(flow: ConsoleFlow) -> None:
    name = flow.end(a_dead_letter(an_upload("dock/7.jpg")))
    decision = Decision(upload_id=name, vin=VINS[0], reviewer="ann")
    assert isinstance(flow.desk.decide(decision), Decided)
    (reading,) = flow.rows("readings").values()
    assert isinstance(reading, Reading)
    out = Console(file=io.StringIO(), width=200)
    out.print(show.readings_table([reading], 200))
    told = out.file.getvalue()  # type: ignore[attr-defined]
    assert "reviewed" in told
    assert "0.00" not in told


@pytest.fixture
def flow(tmp_path: Path) -> ConsoleFlow:
    return ConsoleFlow(f"sqlite:///{tmp_path}/vindrop.db")


@pytest.mark.parametrize(
    ("lang", "name", "shut", "opened"),
    [("en", "circuit breaker", "closed", "open: "), ("zh", "熔断器", "闭合", "断开：")],
)
def test_a_circuit_is_told_in_the_words_that_the_page_quotes(
    tmp_path: Path, lang: str, name: str, shut: str, opened: str
) -> None:
    """What operations.md tells people to look for is what a terminal of that language shows."""
    url = filled(tmp_path)
    ledger = open_ledger(url, account="vinocr")
    settings = {f"VINDROP_{each}": url for each in ("RESULTS", "DEAD_LETTERS", "LEDGER")}

    def line() -> str:
        done = vindrop("--lang", lang, "stats", cwd=tmp_path, **settings)
        (found,) = (each for each in done.stdout.splitlines() if each.strip().startswith(name))
        return found.strip().removeprefix(name).strip()

    assert line() == shut
    ledger.open_circuit(Failure("FailedOperation.ArrearsError", "pay"), 60)
    assert line() == f"{opened}FailedOperation.ArrearsError"
    page = ROOT / ("docs/operations.md" if lang == "en" else "docs/zh/operations.md")
    (row,) = re.findall(r"(?m)^\| `CircuitOpen`.*$", page.read_text(encoding="utf-8"))
    quoted = re.findall(r"`([^`]+)`", row)
    assert {name, shut, opened.rstrip(": ：")} <= set(quoted)


@pytest.mark.parametrize(
    ("endpoint", "price", "is_own"),
    [
        ("127.0.0.1:8000", "", True),
        ("vinocr.depot.example", "", True),
        ("ocr.tencentcloudapi.com", "", False),
        ("ocr.intl.tencentcloudapi.com", "", False),
        ("vinocr.depot.example", "0.1", False),  # who sets a price pays one
    ],
)
def test_nobody_is_said_to_bill_the_calls_of_ones_own_vinocr(
    tmp_path: Path, endpoint: str, price: str, is_own: bool
) -> None:
    """Of the same readings the same is said, whichever way they are named."""
    (tmp_path / ".vindrop").mkdir()
    url = filled(tmp_path / ".vindrop", by=endpoint)
    priced = {"VINDROP_PRICE_PER_CALL": price} if price else {}
    variables = dict.fromkeys(("VINDROP_RESULTS", "VINDROP_DEAD_LETTERS", "VINDROP_LEDGER"), url)
    for options, settings in (
        ((), {}),
        (("--ledger", url), {}),
        (("--from", url), {}),
        ((), variables),
        ((), {"VINDROP_VINOCR_ENDPOINT": "another.example"}),
    ):
        told = vindrop("stats", *options, cwd=tmp_path, **settings, **priced).stdout
        assert bool(re.search(r"calls billed today +6", told)) is not is_own, told
        assert bool(re.search(r"calls answered today +6", told)) is is_own
        assert ("none: VinOCR is your own" in told) is is_own


@pytest.mark.parametrize(
    ("endpoint", "is_own"),
    [("", True), ("http://h:9000", True), ("https://ocr.intl.tencentcloudapi.com", False)],
)
def test_where_nothing_was_read_yet_the_settings_say_whose_vinocr_it_is(
    tmp_path: Path, endpoint: str, is_own: bool
) -> None:
    (tmp_path / ".vindrop").mkdir()
    url = f"sqlite:///{tmp_path}/.vindrop/vindrop.db"
    open_ledger(url, account="vinocr").counts()
    open_destination(url).put(a_dead_letter(an_upload("d.jpg")))
    settings = {"VINDROP_VINOCR_ENDPOINT": endpoint} if endpoint else {}
    for _ in range(2):
        told = vindrop("stats", cwd=tmp_path, **settings).stdout
        assert ("none: VinOCR is your own" in told) is is_own
        assert "calls billed today" in vindrop("stats", "--from", url, cwd=tmp_path).stdout
        by_person = a_reading(an_upload("a.jpg"))  # which no VinOCR gave
        by_person = replace(by_person, vinocr=replace(by_person.vinocr, endpoint=""))
        open_destination(url).put(by_person)
