"""The tutorial's commands, run in their order in a folder that holds what a clone holds.

A block that needs an account or a network follows a comment ``<!-- not run: why -->``. `vindrop up`
stays until Ctrl-C: it is left running until it has told of what the reader is to see.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from documentation import translations

ROOT = Path(__file__).resolve().parents[2]
TUTORIALS = ("docs/tutorial.md", "docs/zh/tutorial.md")
BLOCK = re.compile(r"(<!-- not run: [^\n]+ -->\n)?```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STAYS = re.compile(r"^(?=\.venv/bin/vindrop up )", re.MULTILINE)
LIMIT_SECONDS = 600.0
"""So that a command that hangs ends; nothing is asserted on it."""
UPS = (
    (("label-02.jpg",), ("4T187MKA6L9320155", "1N4730V82NF254727", "4JG778BK8JB073688")),
    ((), ("too-far.jpg",)),
)
"""For each block with `vindrop up`: photos that are copied in while it runs, and what it then tells."""


def blocks(page: str) -> list[tuple[bool, str]]:
    """Return whether each block is run, and its lines without remarks."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        (not mark, re.sub(r"\s+# .*$", "", lines, flags=re.MULTILINE))
        for mark, lines in BLOCK.findall(text)
    ]


@dataclass
class Reader:
    """Who follows the tutorial."""

    folder: Path
    told: list[str] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("VINDROP_", "VINOCR_"))}
        # The environment was made by `make setup`; its stamp may be older than the files it is of.
        return kept | {
            "MAKEFLAGS": "-o .venv/.ready",
            "BROWSER": "true",
            "COLUMNS": "120",
            "VINDROP_LANG": "en",
        }

    def types(self, lines: str) -> str:
        """Run a block; return what it printed."""
        done = subprocess.run(
            ["sh", "-e", "-c", lines],
            cwd=self.folder, env=self.environment(), capture_output=True, text=True,
            check=False, timeout=LIMIT_SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, f"{lines}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def leaves_running(self, lines: str, until: tuple[str, ...], copied: tuple[str, ...]) -> str:
        """Run a block that stays, copy photos in once it listens, and end it by Ctrl-C."""
        process = subprocess.Popen(
            ["sh", "-e", "-c", STAYS.sub("exec ", lines)],
            cwd=self.folder, env=self.environment(), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        alarm = threading.Timer(LIMIT_SECONDS, process.kill)
        alarm.start()
        seen: list[str] = []
        try:
            assert process.stdout is not None
            for line in process.stdout:
                seen.append(line)
                if "Ctrl-C ends it." in line:
                    for name in copied:
                        photo = ROOT / "events" / "photos" / name
                        (self.folder / "photos" / name).write_bytes(photo.read_bytes())
                if all(any(each in told for told in seen) for each in until):
                    break
            process.send_signal(signal.SIGINT)
            rest, _ = process.communicate()
        finally:
            alarm.cancel()
            process.kill()
        assert process.returncode == 0, "".join(seen) + rest
        assert all(any(each in told for told in seen) for each in until), "".join(seen)
        return "".join(seen) + rest


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """A folder with what a clone holds, and the environment that `make setup` made."""
    for entry in ROOT.iterdir():
        if entry.name not in {".git", ".venv", ".vindrop", ".env", "build", "photos", "bucket"}:
            (tmp_path / entry.name).symlink_to(entry)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return Reader(tmp_path)


@pytest.mark.timeout(2_400)
def test_the_tutorial_can_be_followed(reader: Reader) -> None:
    ups = iter(UPS)
    told = []
    for is_run, lines in blocks("docs/tutorial.md"):
        if is_run and STAYS.search(lines):
            copied, until = next(ups)
            told.append(reader.leaves_running(lines, until, copied))
        elif is_run:
            told.append(reader.types(lines))
    assert next(ups, None) is None
    everything = "\n".join(told)
    for page in ("README.md", "README.zh-CN.md"):
        for row in re.findall(
            r"^✓  (.+?) +[\d.]+$", (ROOT / page).read_text("utf-8"), re.MULTILINE
        ):
            photo, vin, verdict = row.split()[:3]
            year = row.split()[-1]
            assert re.search(rf"{re.escape(photo)} +{vin} +{verdict} .* {year} ", told[0]), row
    for said in ("VINs read exactly           32 of 32", "2HGS14RX4CW074936", "Ford"):
        assert said in everything
    # Section 2: the doubtful reading is corrected, and the machine's word stands beside it.
    (corrected,) = [row for row in everything.splitlines() if "\tkim\t2T1W39Z49VC283325" in row]
    assert corrected.startswith("label-mistyped.jpg\t2T1W39Z49VC238325\treviewed\t")
    # Section 5: what no engine read is a reading now, and nothing of it waits.
    assert "reviewed" in told[-2]
    listed = reader.types(".venv/bin/vindrop readings --json\n.venv/bin/vindrop review --json")
    assert [line.count("WDDNE3U8XJ1E47734") > 0 for line in listed.splitlines()].count(True) == 1
    assert "too-far.jpg" not in reader.types(".venv/bin/vindrop dead-letters --json")


@pytest.mark.parametrize("page", TUTORIALS)
def test_what_is_not_run_says_why(page: str) -> None:
    found = blocks(page)
    assert len(found) >= 8
    assert sum(not is_run for is_run, _ in found) <= 1


def test_both_tutorials_have_the_same_commands() -> None:
    assert set(TUTORIALS) <= {*translations.TRANSLATED, *translations.TRANSLATED.values()}
    english, chinese = (blocks(page) for page in TUTORIALS)
    assert english == chinese
