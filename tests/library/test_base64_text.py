"""Base64 as forms, shells and editors leave it."""

from __future__ import annotations

import base64
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vindrop.domain import base64_text

PHOTOS = st.builds(
    lambda begin, rest: begin + rest,
    st.sampled_from([b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF", b"II*\0"]),
    st.binary(min_size=1, max_size=400),
)


def read(text: str) -> bytes:
    return base64_text.decode(base64_text.without_layout(text))


@given(PHOTOS)
def test_blanks_where_plus_signs_were_are_plus_signs(photo: bytes) -> None:
    text = base64.b64encode(photo).decode()
    assert read(text.replace("+", " ")) == photo


def test_however_many_there_are() -> None:
    dice = random.Random(3)
    seen = set()
    for size in range(60, 3_000, 17):
        photo = (
            b"\xff\xd8\xff" + dice.choices([b"\xfb\xef\xbe", b"abc", b"\xfa\x01\x02"], k=1)[0] * 3
        )
        photo += dice.randbytes(size)
        text = base64.b64encode(photo).decode()
        seen.add(text.count("+") % 4)
        assert read(text.replace("+", " ")) == photo
    assert seen == {0, 1, 2, 3}


@given(
    PHOTOS, st.sampled_from([64, 76, 100, 4]), st.sampled_from(["\n", "\r\n", " ", "\n    ", "\t"])
)
def test_line_breaks_and_what_a_shell_makes_of_them_go(photo: bytes, wide: int, gap: str) -> None:
    text = base64.b64encode(photo).decode()
    if " " in gap and len(text) <= wide:
        return
    assert read(gap.join(re.findall(f".{{1,{wide}}}", text))) == photo
    assert read("  " + text + " \n") == photo


def test_in_lines_with_blanks_for_plus_signs() -> None:
    dice = random.Random(5)
    beside = 0
    for size in range(200, 3_000, 31):
        photo = b"\xff\xd8\xff" + dice.randbytes(size)
        text = base64.encodebytes(photo).decode().replace("+", " ")
        beside += len(re.findall(r"^ | $", text, re.MULTILINE))
        assert read(text) == photo
        indented = "\n".join(
            "    " + line for line in base64.encodebytes(photo).decode().splitlines()
        )
        assert read(indented) == photo
    assert beside > 10  # a blank beside a line break is a plus sign all the same


@given(st.text(max_size=60))
def test_any_text_is_bytes_or_refused(text: str) -> None:
    try:
        found = read(text)
    except ValueError:
        return
    assert len(found) <= len(text)


@pytest.mark.parametrize(
    "text", ["*", "abc", "a b c", "é===", "aGVsbG8=aGVsbG8=x", "data:image/jpeg"]
)
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read(text)
