"""``vindrop vin``: one VIN in full, many a line each, and what a wrong one may have been."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.commands import vindrop
from vindrop.domain import vehicle, vin
from vindrop_local.alternatives import alternatives

GOOD = "1HGCM82633A004352"


def test_one_vin_is_explained_in_full(tmp_path: Path) -> None:
    done = vindrop("vin", GOOD, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for said in (
        *("verified", "Honda", "AMERICAN HONDA MOTOR CO., INC.", "United States", "2003"),
        *("× weight", "modulo 11 = 3; it holds", "49 CFR 565.15"),
    ):
        assert said in done.stdout
    assert "may have been meant" not in done.stdout


def test_a_wrong_one_says_so_and_what_may_have_been_meant(tmp_path: Path) -> None:
    done = vindrop("vin", GOOD.replace("82", "B2"), cwd=tmp_path)
    assert done.returncode == 0
    assert "doubtful" in done.stdout
    assert "it does not hold" in done.stdout
    assert f"{GOOD}  position 6: 8, not B  (Honda" in done.stdout


def test_what_is_no_vin_is_refused_with_its_reason(tmp_path: Path) -> None:
    done = vindrop("vin", "1HGCM82", cwd=tmp_path)
    assert done.returncode == 1
    assert "7 characters where a VIN has 17" in done.stdout
    assert "Traceback" not in done.stderr


def test_json_has_one_object_a_line(tmp_path: Path) -> None:
    (tmp_path / "vins.txt").write_text(f"{GOOD}\n\nnonsense\n WVWZZZ1KZAW123456 \n")
    done = vindrop("vin", "--json", "--file", "vins.txt", cwd=tmp_path)
    assert done.returncode == 1, "one of them is no VIN"
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["vin"] for line in found] == [GOOD, None, "WVWZZZ1KZAW123456"]
    assert [line["maker"] for line in found] == ["Honda", None, "Volkswagen"]
    assert found[0]["expected_check_digit"] == "3"
    assert found[0]["model_year"] == 2003
    assert "nonsense" in found[1]["reason"]
    if vehicle.available():
        assert found[0]["vehicle"]["model"] == "Accord"
        assert found[2]["vehicle"]["pattern"] == "not_covered"
    else:
        assert found[0]["vehicle"] is None


def test_many_take_a_line_each(tmp_path: Path) -> None:
    done = vindrop("vin", GOOD, "LSGPC52H8GF125161", cwd=tmp_path)
    first, second = done.stdout.splitlines()
    assert first.startswith(f"{GOOD}  verified   Honda")
    assert second.startswith("LSGPC52H8GF125161  doubtful   SAIC General Motors")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--file", "missing.txt"), "missing.txt"),
        ((GOOD, "--file", "x"), "not both"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    done = vindrop("vin", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("1HGCMB2633A004352", GOOD),  # 8 as B
        ("1HGCM82633A0D4352", GOOD),  # 0 as D
        ("1HGCM82633A004532", GOOD),  # neighbours changed about
        ("1HGCM826333A004352", GOOD),  # a character twice
    ],
)
def test_the_right_one_is_among_those_meant(wrong: str, right: str) -> None:
    found = [each.vin for each in alternatives(wrong)]
    assert right in found
    assert all(vin.check_digit_holds(each) for each in found)


@pytest.mark.parametrize("text", [GOOD, "WVWZZZ1KZAW123456", "ABC", "1HGCM82633A0043"])
def test_nothing_is_guessed_where_nothing_can_be_told(text: str) -> None:
    assert alternatives(text) == []


@given(st.text(vin.ALPHABET + "IOQ?é ", max_size=19))
def test_anything_may_be_asked(text: str) -> None:
    for each in alternatives(text):
        assert vin.is_well_formed(each.vin)
        assert vin.check_digit_holds(each.vin)


@pytest.mark.skipif(not vehicle.available(), reason="the extra `vehicle` is not installed")
def test_the_register_suggests_what_fits_a_pattern(tmp_path: Path) -> None:
    """The check digit holds by chance, and position 7 is such as the maker never wrote."""
    done = vindrop("vin", "--json", "1HD1KB41XFB000001", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert (found["verdict"], found["vehicle"]["pattern"]) == ("verified", "unknown")
    assert found["instead"] == [
        {"vin": "1HD1KBM1XFB000001", "change": "position 7: M, not 4", "pattern": "known"}
    ]


@pytest.mark.parametrize(
    ("text", "says", "silent"),
    [
        (
            "IHGCM82633A004352",
            "corrected: typed I at position 1, read as 1; have",
            "check digit is",
        ),
        (
            "1HGCM82633AOO4352",
            "typed O at position 12, read as 0, typed O at position 13",
            "digit is",
        ),
        ("1M8GDM9A3KP042788", "the check digit is wrong: 3 is there, X is right", "corrected"),
        ("00000000000000000", "placeholder", "check digit is wrong"),
        ("0VFCM82633A004352", "its first two characters, 0V, are given to no country", "corrected"),
    ],
)
def test_a_doubt_says_which_it_is(tmp_path: Path, text: str, says: str, silent: str) -> None:
    text = (
        text if "wrong" in says or "typed" in says else text[:8] + vin.check_digit(text) + text[9:]
    )
    head = vindrop("vin", text, cwd=tmp_path, COLUMNS="60").stdout.splitlines()[0]
    assert "doubtful" in head
    assert says in head
    assert silent not in head
    found = json.loads(vindrop("vin", "--json", text, cwd=tmp_path).stdout)
    assert says in found["why"]


def test_both_doubts_are_said(tmp_path: Path) -> None:
    head = vindrop("vin", "IM8GDM9A3KP042788", cwd=tmp_path).stdout.splitlines()[0]
    assert "typed I at position 1, read as 1" in head
    assert "3 is there, X is right" in head


FOREIGN = b"\xef\xbb\xbf" + GOOD.encode() + b"\r\n\r\nab\xffc\x9b\n\n \n VF7AAAAAAAA000001"


@pytest.mark.parametrize("by", ["--file", "standard input"])
@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_a_file_of_any_kind_is_read_line_by_line(tmp_path: Path, by: str, locale: str) -> None:
    """A byte-order mark, blank lines, bytes that are no UTF-8, a terminal that has no ë."""
    (tmp_path / "vins.txt").write_bytes(FOREIGN)
    arguments = ["vin", "--json", *(["--file", "vins.txt"] if by == "--file" else [])]
    with (tmp_path / "vins.txt").open("rb") as source:
        done = bare(
            arguments,
            tmp_path,
            source,
            LC_ALL=locale,
            PYTHONIOENCODING="" if "U" in locale else "ascii",
        )
    assert done.returncode == 1
    assert done.stderr == b""
    found = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert [each["line"] for each in found] == [1, 3, 6]
    assert [each["vin"] for each in found] == [GOOD, None, "VF7AAAAAAAA000001"]
    assert found[0]["verdict"] == "verified"
    assert found[1]["as_read"] == "ab\\xffc\\x9b"
    assert found[2]["maker"] == "Citroën"


def bare(
    arguments: list[str], cwd: Path, source: int | BinaryIO, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "vindrop_local", *arguments],
        cwd=cwd,
        env=os.environ | environment,
        stdin=source,
        capture_output=True,
        check=False,
        timeout=180,
    )


def test_what_has_no_ascii_is_written_out(tmp_path: Path) -> None:
    environment = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    for arguments in (["vin", "TMBJJ7NE4J0123456"], ["vin", "TMBJJ7NE4J0123456", GOOD]):
        done = bare(arguments, tmp_path, subprocess.DEVNULL, **environment)
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"koda" in done.stdout


@pytest.mark.parametrize("arguments", ["vin", "vin --file -", "vin --json", "invoke upload -"])
def test_closed_standard_input_is_one_sentence(tmp_path: Path, arguments: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -m vindrop_local {arguments} <&-', sys.executable],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("vindrop: standard input is closed")
    assert len(done.stderr.strip().splitlines()) == 1


def test_utf_16_is_named(tmp_path: Path) -> None:
    (tmp_path / "vins.txt").write_bytes(GOOD.encode("utf-16"))
    done = vindrop("vin", "--file", "vins.txt", cwd=tmp_path)
    assert done.returncode == 2
    assert "save it as UTF-8" in done.stderr


@pytest.mark.parametrize("text", ["\x1b[31mred", "a\x9b31m", "\u202eabc", "[/red]", "\x1b]0;t\x07"])
def test_what_a_terminal_obeys_is_written_out(tmp_path: Path, text: str) -> None:
    for arguments in ((text,), (text, GOOD), ("--json", text), ("--json", text, GOOD)):
        done = vindrop("vin", *arguments, cwd=tmp_path)
        assert done.returncode == 1
        assert done.stdout.replace("\n", "").isprintable()
        assert done.stderr == ""


@pytest.mark.parametrize(
    ("vin", "told"),
    [
        ("MAKGD6540C0N00001", "Honda · maker registered in India"),
        ("1HGCM82633A004352", "Honda · Accord · 2003 · made in Marysville, Ohio, United States"),
        ("3FA6P0HD9ER000000", "Ford · Fusion · 2014 · made in Hermosillo, Mexico"),
    ],
)
def test_a_country_in_a_headline_says_what_it_is_of(vin: str, told: str, tmp_path: Path) -> None:
    """The first characters tell where the maker is registered, and the plant where it was built."""
    done = vindrop("vin", vin, "LSGPC52H9GF125161", cwd=tmp_path)
    assert done.stdout.splitlines()[0].endswith(f"  {told}")
