"""`vindrop cost`: what a month costs, with where each price stands."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_cli import ROOT
from tests.commands import vindrop
from tests.pipeline.conftest import World, process
from tests.stores.fixtures import Servers, fresh_store
from vindrop.stores.dynamodb import DynamoDB
from vindrop_local import prices

EVERY = (
    "vinocr-call=0.02",
    "scf-gb-second=1e-5",
    "scf-call=1e-7",
    "cos-request=1e-6",
    "cls-gb=0.1",
)


def report(folder: Path, *words: str, **environment: str) -> dict[str, Any]:
    done = vindrop("cost", "--json", *words, cwd=folder, **environment)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("cloud", prices.CLOUDS)
def test_the_sum_is_that_of_the_items_and_each_price_has_its_page(
    tmp_path: Path, cloud: str
) -> None:
    found = report(tmp_path, "--photos", "3000", "--per", "day", "--cloud", cloud)
    assert found["photos_a_month"] == 91_250
    for item in found["items"]:
        assert item["page"].startswith("https://"), item
        known = None if item["price"] is None else item["units"] * item["price"]
        assert item["cost"] == (None if known is None else pytest.approx(known, abs=1e-3))
    assert found["a_month"] == pytest.approx(
        sum(item["cost"] or 0 for item in found["items"]), abs=0.01
    )
    assert found["without"] == [one["name"] for one in found["items"] if one["price"] is None]
    assert "vinocr-call" in found["without"], "nobody's contract is guessed"
    assert found["complete"] is False


def test_a_sum_that_is_not_whole_says_so(tmp_path: Path) -> None:
    done = vindrop("cost", "--cloud", "tencent", cwd=tmp_path)
    assert "INCOMPLETE: at least 11.50 USD a month" in done.stdout
    assert "an unknown sum for 1,000 photos more" in done.stdout
    assert "vinocr-call" in done.stdout.splitlines()[-1]
    whole = [word for one in EVERY for word in ("--price", one)]
    done = vindrop("cost", "--cloud", "tencent", *whole, cwd=tmp_path)
    assert "INCOMPLETE" not in done.stdout


def test_your_prices_are_taken_and_nothing_is_left_out_then(tmp_path: Path) -> None:
    words = [word for one in EVERY for word in ("--price", one)]
    found = report(tmp_path, "--photos", "1000", *words)
    assert (found["without"], found["complete"]) == ([], True)
    (call,) = (one for one in found["items"] if one["name"] == "vinocr-call")
    assert (call["cost"], call["page"]) == (20.0, "given by you")
    assert 20 < found["1000_photos_more"] < 20.1
    assert report(tmp_path, "--cloud", "aws", VINDROP_PRICE_PER_CALL="0.03")["without"] == []


def test_what_is_not_known_is_no_nothing(tmp_path: Path) -> None:
    """For a program and on every page that names a sum: no figure stands for what nobody knows."""
    found = report(tmp_path, "--cloud", "tencent")
    assert (found["1000_photos_more"], found["complete"]) == (None, False)
    assert report(tmp_path, "--cloud", "aws")["1000_photos_more"] > 0
    zero = [word for one in EVERY for word in ("--price", one.partition("=")[0] + "=0")]
    assert report(tmp_path, "--cloud", "tencent", *zero)["1000_photos_more"] == 0
    least = f"{found['a_month']:.2f}"
    pages = ("README.md", "docs/deploy-tencent.md", "README.zh-CN.md", "docs/zh/deploy-tencent.md")
    for page in pages:
        text = (ROOT / page).read_text(encoding="utf-8")
        (said,) = (each for each in text.replace("\n", " ").split("VinOCR") if least in each)
        assert re.search(rf"(?:at least|至少) ?{re.escape(least)}", said), page
        assert re.search(r"not read|未能读到", said), page
    table = (ROOT / "docs/cost.md").read_text(encoding="utf-8")
    assert not re.search(r"\|\s+\|$", "\n".join(re.findall(r"(?m)^\| \*\*together.*$", table)))


def test_a_month_that_nobody_uploads_in_has_its_fixed_parts(tmp_path: Path) -> None:
    for cloud in prices.CLOUDS:
        assert 5 < report(tmp_path, "--photos", "0", "--cloud", cloud)["a_month"] < 20


def test_for_a_person_every_page_and_what_is_left_out_is_named(tmp_path: Path) -> None:
    done = vindrop("cost", cwd=tmp_path)
    assert done.returncode == 0
    for price in prices.prices("tencent", {}).values():
        assert price.name in done.stdout
        assert price.page in done.stdout
    assert "--price NAME=VALUE" in done.stdout
    assert "Prices change" in done.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--cloud", "azure"), "tencent or aws"),
        (("--per", "hour"), "day, week, month or year"),
        (("--price", "vinocr-call=cheap"), "NAME=VALUE"),
        (("--price", "vinocr-call"), "NAME=VALUE"),
        (("--price", "vinocr-call=-1"), "less than nothing"),
        (("--price", "vinocr-call=nan"), "less than nothing"),
        (("--price", "lambda-call=1"), "scf-call"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    done = vindrop("cost", *words, cwd=tmp_path)
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_units_of_dynamodb_are_those_of_an_upload(
    world: World, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted on the whole way of one photo: a conditional write is a write, refused or not."""
    store = fresh_store(servers, "dynamodb", tmp_path)
    names = ("VINDROP_RESULTS", "VINDROP_DEAD_LETTERS", "VINDROP_LEDGER")
    app = world.app(**dict.fromkeys(names, store))
    assert process(app, world.photo()).end == "reading"
    asked = Counter[tuple[str, str]]()
    call = DynamoDB.call

    def counted(self: Any, table: str, action: str, **parameters: Any) -> Any:
        asked[table, action] += 1
        return call(self, table, action, **parameters)

    monkeypatch.setattr(DynamoDB, "call", counted)
    units = []
    # A machine that stalls asks once more, for a lease or a permit; never less often.
    for _ in range(5):
        asked.clear()
        assert process(app, world.photo()).end == "reading"
        writes = sum(n for (_, action), n in asked.items() if action != "get_item")
        units.append((writes, asked["uploads", "get_item"]))
    assert min(units) == (prices.WRITES, prices.READ_UNITS)
