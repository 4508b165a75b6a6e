"""`vindrop review`, `uploads` and `export`: the console without a browser."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from tests.commands import vindrop
from tests.library.conftest import a_dead_letter, a_reading, an_upload
from tests.stores.console_flow import VINS, ConsoleFlow, doubtful
from vindrop.core import export
from vindrop.core.console import Entry
from vindrop_local.commands import listing


@pytest.fixture
def flow(tmp_path: Path) -> ConsoleFlow:
    return ConsoleFlow(f"sqlite:///{tmp_path}/vindrop.db")


def run(flow: ConsoleFlow, *arguments: str, results: bool = True) -> Any:
    settings = {"VINDROP_LEDGER": flow.url}
    if results:
        settings |= {"VINDROP_RESULTS": flow.url, "VINDROP_DEAD_LETTERS": flow.url}
    return vindrop(*arguments, cwd=Path(flow.url.removeprefix("sqlite:///")).parent, **settings)


def lines(done: Any) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_dead_letter_is_found_read_and_seen_as_a_reading(flow: ConsoleFlow) -> None:
    name = flow.end(a_dead_letter(an_upload("dock/7.jpg")))
    flow.end(a_reading(an_upload("dock/8.jpg")))
    (waiting,) = lines(run(flow, "review", "--json"))
    assert (waiting["id"], waiting["queue"], waiting["code"]) == (
        name,
        "dead_letters",
        "FailedOperation.OcrFailed",
    )
    (said,) = lines(run(flow, "review", "decide", name[:12], VINS[1], "--as", "ann", "--json"))
    assert (said["result"], said["delivered"]) == ("decided", True)
    assert said["review"]["data"]["reviewer"] == "ann"
    (found,) = lines(run(flow, "uploads", "--vin", VINS[1][-6:], "--json"))
    assert (found["id"], found["verdict"], found["state"]) == (name, "reviewed", "delivered")
    assert name in json.dumps(lines(run(flow, "readings", "--json")))
    (life,) = lines(run(flow, "uploads", name, "--json"))
    assert [each["step"] for each in life["events"]][-1] == "reviewed"
    assert lines(run(flow, "review", "list", "--json")) == []


def test_the_second_is_told_who_was_first(flow: ConsoleFlow) -> None:
    name = flow.end(doubtful(an_upload()))
    assert run(flow, "review", "decide", name, VINS[0], "--as", "ann").returncode == 0
    done = run(flow, "review", "decide", name, VINS[1], "--as", "bob")
    assert done.returncode == 1
    assert "ann" in done.stderr
    assert VINS[0] in done.stderr
    assert "--after 1" in done.stderr
    done = run(flow, "review", "decide", name, VINS[1], "--as", "bob", "--after", "1")
    assert done.returncode == 0
    assert run(flow, "review", "undo", name, "--as", "bob").returncode == 0
    assert run(flow, "review", "decide", name, VINS[0], "--as", "eve").returncode == 0
    assert [each.reviewer for each in flow.console.reviews(name)] == ["ann", "bob", "bob", "eve"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("decide", "{id}"), "--reason"),
        (("decide", "{id}", "LSGPC52H9GF12516"), "17"),
        (("decide", "{id}", "LSGPC52H9GF12516O"), "do you mean 0?"),
        (("decide", "{id}", "LSGPC52H8GF125161"), "--wrong-check-digit"),
        (("decide", "0000000000", "LSGPC52H9GF125161"), "no upload"),
        (("undo", "{id}"), "undo"),
        (("list", "--cursor", "x"), "first one again"),
        (("list", "--vin", "AB"), "3"),
        (("list", "--since", "soon"), "2026-11-22"),
        (("list", "--state", "odd"), "parked"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(
    flow: ConsoleFlow, arguments: tuple[str, ...], sentence: str
) -> None:
    name = flow.end(doubtful(an_upload()))
    done = run(flow, "review", *(each.format(id=name) for each in arguments))
    assert done.returncode == 2
    assert sentence in done.stderr.replace("\n", " ")
    assert flow.console.reviews(name) == ()


UNKNOWN = "0123456789abcdef"


@pytest.mark.parametrize(
    "words",
    [
        ("uploads", UNKNOWN),
        ("review", "decide", UNKNOWN, VINS[0]),
        ("review", "undo", UNKNOWN),
        ("dead-letters", "show", UNKNOWN),
        ("dead-letters", "redrive", UNKNOWN),
        ("dead-letters", "redrive", UNKNOWN, "--dry-run", "--json"),
        ("dead-letters", "redrive", "{id}", "zzzzzzzz"),
        ("dead-letters", "redrive", ""),
        ("dead-letters", "redrive", "{id}", ""),
    ],
    ids=" ".join,
)
def test_an_id_that_there_is_not_is_a_mistake_for_every_command(
    flow: ConsoleFlow, words: tuple[str, ...]
) -> None:
    """Also beside one that there is: nothing is done by half."""
    name = flow.end(a_dead_letter(an_upload()))
    done = run(flow, *(each.format(id=name[:12]) for each in words))
    assert (done.returncode, done.stdout) == (2, "")
    assert words[-1] in done.stderr or UNKNOWN in done.stderr
    assert flow.console.upload(name).entry.state == "dead"  # type: ignore[union-attr]


def test_of_what_is_no_dead_letter_any_more_it_is_said_what_became_of_it(flow: ConsoleFlow) -> None:
    name = flow.end(a_dead_letter(an_upload()))[:12]
    assert run(flow, "review", "decide", name, VINS[0], "--as", "ann").returncode == 0
    other = flow.end(a_reading(an_upload("b.jpg")))[:12]
    for command in ("show", "redrive"):
        done = run(flow, "dead-letters", command, name)
        assert done.returncode == 2
        assert f"ann has read it. `vindrop uploads {name}`" in " ".join(done.stderr.split())
        assert f"`vindrop uploads {other}`" in run(flow, "dead-letters", command, other).stderr


def test_where_destinations_are_not_known_the_sweep_delivers(flow: ConsoleFlow) -> None:
    name = flow.end(doubtful(an_upload()))
    done = run(flow, "review", "decide", name, VINS[0], results=False)
    assert done.returncode == 0
    assert "sweep" in done.stdout
    assert flow.reviewed_columns(name)["reviewed_vin"] is None
    assert flow.desk.deliver_due() == 1
    assert flow.reviewed_columns(name)["reviewed_vin"] == VINS[0]


def test_where_one_destination_of_two_is_known_nothing_is_decided(flow: ConsoleFlow) -> None:
    """A review may belong to either of them: half of them would go where nobody looks."""
    name = flow.end(doubtful(an_upload("dock/7.jpg")))
    done = vindrop(
        "review", "decide", name[:12], VINS[1],
        cwd=Path(flow.url.removeprefix("sqlite:///")).parent,
        VINDROP_LEDGER=flow.url, VINDROP_RESULTS=flow.url,
    )  # fmt: skip
    assert done.returncode == 2
    assert "VINDROP_DEAD_LETTERS is not" in done.stderr
    assert len(lines(run(flow, "review", "--json"))) == 1


def test_a_decision_is_not_delivered_to_another_deployment(
    flow: ConsoleFlow, tmp_path: Path
) -> None:
    """There is no row there that it could correct: the wrong VIN would stand where it is."""
    (tmp_path / "other").mkdir()
    other = ConsoleFlow(f"sqlite:///{tmp_path}/other/vindrop.db")
    other.end(a_reading(an_upload("other.jpg")))
    for name in (
        flow.end(doubtful(an_upload("a.jpg"))),
        flow.end(a_dead_letter(an_upload("b.jpg"))),
    ):
        decide = ("review", "decide", name, VINS[0], "--as", "ann", "--from")
        done = run(flow, *decide, other.url, results=False)
        assert done.returncode == 2
        assert "has no record of this upload" in done.stderr
        assert not flow.console.reviews(name)
        assert run(flow, *decide, flow.url, results=False).returncode == 0
        done = run(flow, "review", "undo", name, "--from", other.url, results=False)
        assert done.returncode == 2
        assert len(flow.console.reviews(name)) == 1


def test_without_a_ledger_it_says_what_to_name(tmp_path: Path) -> None:
    done = vindrop("review", cwd=tmp_path, VINDROP_LEDGER="none")
    assert done.returncode == 2
    assert "VINDROP_LEDGER" in done.stderr


NASTY = '=HYPERLINK("http://x","y")'


def nasty(flow: ConsoleFlow) -> list[str]:
    """Uploads whose words are written to be obeyed."""
    keys = [NASTY, "+1.jpg", "@SUM(1).jpg", 'a,"b"\n=2;c.jpg', "\u202egpj.exe", "照片.jpg"]
    names = [flow.end(a_reading(an_upload(key))) for key in keys]
    letter = a_dead_letter(an_upload("-dead.jpg"))
    return [*names, flow.end(letter)]


def test_an_export_holds_the_list_and_no_formula(flow: ConsoleFlow, tmp_path: Path) -> None:
    names = nasty(flow)
    done = run(flow, "export")
    assert done.returncode == 0
    rows = list(csv.DictReader(io.StringIO(done.stdout.removeprefix("\ufeff"))))
    assert [row["id"] for row in rows] == names[::-1]
    assert not [cell for row in rows for cell in row.values() if cell[:1] in set("=+-@")]
    assert {row["vin"] for row in rows} == {VINS[0], ""}
    assert "照片.jpg" in {row["photo"] for row in rows}
    book = tmp_path / "all.xlsx"
    assert run(flow, "export", "--format", "xlsx", "--out", str(book)).returncode == 0
    sheet = load_workbook(book, read_only=True).active
    assert sheet is not None
    values = list(sheet.iter_rows(values_only=True))
    assert values[0] == tuple(rows[0])
    assert [row[0] for row in values[1:]] == names[::-1]
    with zipfile.ZipFile(book) as unpacked:
        assert b"<f>" not in unpacked.read("xl/worksheets/sheet1.xml")
    narrowed = run(flow, "export", "--state", "dead")
    assert len(list(csv.reader(io.StringIO(narrowed.stdout)))) == 2


def test_more_rows_than_a_sheet_holds_go_to_another(
    flow: ConsoleFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = nasty(flow)
    monkeypatch.setattr(export, "ROWS_PER_SHEET", 3)
    file = io.BytesIO()
    assert export.write_xlsx(flow.console.export(), file) == len(names)
    sheets = load_workbook(file, read_only=True).worksheets
    found = [row[0] for sheet in sheets for row in sheet.iter_rows(min_row=2, values_only=True)]
    assert (len(sheets), found) == (3, names[::-1])


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_an_export_of_any_size_takes_the_same_memory(
    flow: ConsoleFlow, tmp_path: Path, form: str
) -> None:
    flow.end(a_reading(an_upload()))
    (entry,) = flow.console.export()

    def peak(rows: int) -> int:
        tracemalloc.start()
        with (tmp_path / f"{rows}.{form}").open("wb") as file:
            entries = itertools.repeat(entry, rows)
            if form == "csv":
                file.writelines(export.to_csv(entries))
            else:
                export.write_xlsx(entries, file)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(200)  # what is loaded once
    assert peak(6_000) < peak(600) + 1_000_000


def test_every_column_of_an_export_has_a_value_of_a_reviewed_upload(flow: ConsoleFlow) -> None:
    name = flow.end(a_dead_letter(an_upload()))
    assert run(flow, "review", "decide", name, VINS[0], "--as", "ann").returncode == 0
    life = flow.console.upload(name)
    assert life is not None
    found = dict(zip((name for name, _ in export.COLUMNS), export.cells(life.entry), strict=True))
    assert isinstance(life.entry, Entry)
    assert (found["vin"], found["verdict"], found["reviewed_by"]) == (VINS[0], "reviewed", "ann")
    assert (found["machine_vin"], found["code"], found["vinocr_request_id"]) == (None, None, "r-2")


@pytest.mark.parametrize(("language", "page"), [("en", "tutorial.md"), ("zh", "zh/tutorial.md")])
def test_a_life_is_told_in_the_tutorials_words_and_in_json_only_when_asked(
    flow: ConsoleFlow, language: str, page: str
) -> None:
    name = flow.end(a_dead_letter(an_upload("dock/7.jpg")))
    assert run(flow, "review", "decide", name, VINS[0], "--as", "ann").returncode == 0
    told = run(flow, "--lang", language, "uploads", name).stdout
    assert "{" not in told
    text = (Path(__file__).resolve().parents[2] / "docs" / page).read_text(encoding="utf-8")
    [paragraph] = [line for line in text.splitlines() if "`vindrop demo --open`" in line]
    words = re.findall(r"\*([^*]+)\*", paragraph.partition("`--json`")[0])
    assert len(words) == 4
    steps = [line.split("  ")[1] if line[:1] == "2" else line for line in told.splitlines()]
    at = [next(n for n, step in enumerate(steps) if word in step) for word in words]
    assert at == sorted(at)


QUEUE = "redis://127.0.0.1:1/0?stream=vins"


def test_readings_of_a_queue_are_listed_from_the_ledger(flow: ConsoleFlow) -> None:
    """In whatever way the ledger is named; with what people said, and in the order of a table's."""
    flow.end(a_reading(an_upload("a.jpg")))
    corrected = flow.end(doubtful(an_upload("b.jpg")))
    flow.end(a_dead_letter(an_upload("c.jpg")))
    read = flow.end(a_dead_letter(an_upload("d.jpg")))
    denied = flow.end(a_reading(an_upload("e.jpg")))
    for said in ((corrected, VINS[1]), (read, VINS[2]), (denied, "--reason", "no_vin")):
        assert run(flow, "review", "decide", *said, "--as", "ann").returncode == 0
    flow.claim(an_upload("f.jpg"))
    table = [run(flow, "readings", *words) for words in ((), ("--json",))]
    folder = Path(flow.url.removeprefix("sqlite:///")).parent
    cases: list[tuple[dict[str, str], tuple[str, ...]]] = [
        ({"VINDROP_RESULTS": QUEUE, "VINDROP_LEDGER": flow.url}, ()),
        ({"VINDROP_RESULTS": QUEUE}, ("--ledger", flow.url)),
        ({"VINDROP_LEDGER": flow.url}, ()),
        ({"VINDROP_LEDGER": flow.url}, ("--from", QUEUE)),
        ({}, ("--ledger", flow.url)),
    ]
    for settings, words in cases:
        for shown, more in zip(table, ((), ("--json",)), strict=True):
            done = vindrop("readings", *words, *more, cwd=folder, **settings)
            assert done.returncode == 0, done.stderr
            assert sorted(done.stdout.splitlines()) == sorted(shown.stdout.splitlines())
            keys = re.findall(r"[a-f]\.jpg", done.stdout)
            assert list(dict.fromkeys(keys)) == ["a.jpg", "b.jpg", "d.jpg", "e.jpg"]
            asked = "--ledger" in words or QUEUE not in (*settings.values(), *words)
            assert ("from the ledger" in done.stderr) == (not asked)


def test_more_readings_than_a_page_holds_come_from_the_ledger_in_their_order(
    flow: ConsoleFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while others end: nothing of before is left out, nothing comes twice."""
    names = [flow.end(a_reading(an_upload(f"{n}.jpg"))) for n in range(23)]
    late = [flow.claim(each) for each in map(an_upload, ("x.jpg", "y.jpg"))]
    more = [flow.end(a_reading(an_upload(f"{n}.jpg"))) for n in range(23, 40)]
    monkeypatch.setattr(listing, "LARGEST_PAGE", 5)
    listed = listing.from_ledger(flow.console)
    first = next(listed)[0].id
    for claim, key in zip(late, ("x.jpg", "y.jpg"), strict=True):
        flow.finish(claim, a_reading(an_upload(key)))
    others = [end.id for end, _ in listed]
    meanwhile = {an_upload("x.jpg").id, an_upload("y.jpg").id}
    assert [each for each in (first, *others) if each not in meanwhile] == names + more
    assert len(others) == len(set(others))


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_no_list_is_empty_without_a_word(flow: ConsoleFlow, form: tuple[str, ...]) -> None:
    folder = Path(flow.url.removeprefix("sqlite:///")).parent
    done = vindrop("readings", "--from", QUEUE, *form, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--ledger" in done.stderr
    flow.end(a_dead_letter(an_upload()))
    for settings in ({"VINDROP_RESULTS": flow.url}, {"VINDROP_RESULTS": QUEUE}, {}):
        done = vindrop("readings", *form, cwd=folder, VINDROP_LEDGER=flow.url, **settings)
        assert done.returncode == 0
        assert "the ledger knows 1 upload: `vindrop uploads`" in done.stderr
        assert len(done.stdout.splitlines()) == (0 if form else 1), "the names of the columns"
