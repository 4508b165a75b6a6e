"""``vindrop up``: whatever is copied into the folder is read; killed at any moment, nothing is lost."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from vindrop.domain.vin import ALPHABET, check_digit

LIMIT = 120.0
INSTANCES = 4
"""Upload functions at once (vindrop_local.stack.INSTANCES): no more calls can be in flight."""
PHOTOS = 50
BROKEN = {"empty.jpg": b"", "notes.jpg": b"not a photo at all", "moving.gif": b"GIF89a" + bytes(50)}


def draw(vin: str) -> bytes:
    """A small photo that our VinOCR reads in a tenth of a second."""
    image = Image.new("L", (640, 96), 205)
    ImageDraw.Draw(image).text((26, 22), vin, fill=25, font=ImageFont.load_default(46))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


def some_vins(count: int, seed: int) -> list[str]:
    letters = random.Random(seed)
    found: list[str] = []
    while len(found) < count:
        # 1/I, 0/O and their like are for the reader's own tests; here nothing may be in doubt.
        body = "LSG" + "".join(letters.choices("ACEFHJKLMNPRTUWXY34679", k=5))
        tail = (
            "H"
            + "".join(letters.choices("ABCEFHJKLM", k=1))
            + "".join(letters.choices("34679", k=6))
        )
        vin = body + "0" + tail
        found.append(vin[:8] + check_digit(vin) + vin[9:])
    assert all(c in ALPHABET for vin in found for c in vin)
    return found


def fill(folder: Path, seed: int) -> dict[str, str]:
    folder.mkdir()
    wanted = {f"{n:02}.jpg": vin for n, vin in enumerate(some_vins(PHOTOS - len(BROKEN), seed))}
    for name, vin in wanted.items():
        (folder / name).write_bytes(draw(vin))
    for name, data in BROKEN.items():
        (folder / name).write_bytes(data)
    return wanted


@contextmanager
def running(folder: Path, state: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "vindrop_local", "up", "--json", "--rate", "100"]
    with (state.parent / "up.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "--bucket", str(folder), "--state", str(state)],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def ended(state: Path) -> int:
    """How many uploads have come to their end, as the ledger knows it."""
    database = state / "vindrop.db"
    if not database.exists():
        return 0
    try:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5) as connection:
            query = "SELECT COUNT(*) FROM vindrop_uploads WHERE state IN ('delivered', 'dead')"
            return int(connection.execute(query).fetchone()[0])
    except sqlite3.OperationalError:
        return 0  # not made yet


def wait_for(process: subprocess.Popen[bytes], state: Path, count: int) -> None:
    deadline = time.monotonic() + LIMIT
    while ended(state) < count:
        assert process.poll() is None, (state.parent / "up.log").read_text()[-2000:]
        assert time.monotonic() < deadline, f"{ended(state)} of {count} ended in {LIMIT} s"
        time.sleep(0.02)


def results(state: Path) -> tuple[dict[str, str], list[str]]:
    with sqlite3.connect(state / "vindrop.db") as connection:
        readings = connection.execute("SELECT object_key, vin FROM vindrop_readings").fetchall()
        dead = connection.execute("SELECT object_key FROM vindrop_dead_letters").fetchall()
    assert len({key for key, _ in readings}) == len(readings)
    return dict(readings), [key for (key,) in dead]


def billed(state: Path) -> int:
    """Calls that VinOCR answered with a VIN, over all its lives: its own log says so."""
    lines = (state / "logs" / "vinocr.log").read_text().splitlines()
    calls = [json.loads(line) for line in lines if line.startswith("{")]
    return sum(call["event"] == "call" and call["code"] == "Success" for call in calls)


@pytest.mark.parametrize("moment", [0, 1, 2, 3, 5, 8, 12, 16, 20, 24])
def test_killed_at_any_moment_nothing_is_lost_or_paid_twice(tmp_path: Path, moment: int) -> None:
    """SIGKILL to the whole process group once ``moment`` uploads have ended, then a second life."""
    folder, state = tmp_path / "bucket", tmp_path / "state"
    wanted = fill(folder, seed=moment)
    with running(folder, state) as first:
        wait_for(first, state, moment)
        if moment == 0:
            while not (state / "vindrop.db").exists():
                time.sleep(0.01)
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    assert ended(state) < PHOTOS, "it was over before it was killed: the test proves nothing"
    with running(folder, state) as second:
        wait_for(second, state, PHOTOS)
        second.send_signal(signal.SIGINT)
        assert second.wait(60) == 0
    readings, dead = results(state)
    assert readings == wanted
    assert sorted(dead) == sorted(BROKEN)
    assert len(wanted) <= billed(state) <= len(wanted) + INSTANCES


def test_photos_copied_in_later_are_read_and_ctrl_c_ends_it_cleanly(tmp_path: Path) -> None:
    folder, state = tmp_path / "bucket", tmp_path / "state"
    (vin,) = some_vins(1, seed=99)
    with running(folder, state) as process:
        while not folder.is_dir():
            time.sleep(0.02)
        time.sleep(0.5)
        (folder / "车架号 1+1%.jpg").write_bytes(draw(vin))
        wait_for(process, state, 1)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert results(state) == ({"车架号 1+1%.jpg": vin}, [])
    listed = subprocess.run(
        [
            sys.executable,
            "-m",
            "vindrop_local",
            "readings",
            "--json",
            "--from",
            f"sqlite:///{state}/vindrop.db",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(listed.stdout)["data"]["vin"] == vin


def test_a_second_stack_on_the_same_state_is_refused_in_one_sentence(tmp_path: Path) -> None:
    folder, state = tmp_path / "bucket", tmp_path / "state"
    with running(folder, state) as first:
        wait_for(first, state, 0)
        while not (state / "vindrop.db").exists():
            assert first.poll() is None
            time.sleep(0.05)
        second = subprocess.run(
            [
                sys.executable,
                "-m",
                "vindrop_local",
                "up",
                "--bucket",
                str(folder),
                "--state",
                str(state),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert second.returncode == 2
    assert "Traceback" not in second.stderr
    assert len(second.stderr.strip().splitlines()) == 1
