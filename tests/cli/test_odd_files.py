"""What lies in a folder of photos and is none: it is left out or told, and the others are read."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_chinese import english
from tests.cli.test_cli import SAMPLES
from tests.commands import vindrop
from vindrop_local.errors import UserError
from vindrop_local.photo_files import data_of, not_a_file, photos_in

NO_FILES = ("folder.jpg", "link.jpg", "pipe.jpg", "socket.jpg", "device.jpg")
NOT_UTF8 = os.fsdecode(b"latin\xff.jpg")
ODD_NAMES = ("new\nline %2f?#.jpg", "..jpg", ".vindrop.jpg", "中 文.jpg")
VIN = "5NPEVYK97FD841835"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Path]:
    """Return a folder with photos, and everything else that can have a photo's name."""
    folder = tmp_path / "own"
    folder.mkdir()
    photo = (SAMPLES / "plate-04.jpg").read_bytes()
    for name in ("plate-04.jpg", NOT_UTF8, *ODD_NAMES):
        (folder / name).write_bytes(photo)
    (folder / "none.jpg").write_bytes((SAMPLES / "no-vin-shop-front.jpg").read_bytes())
    (folder / "folder.jpg").mkdir()
    (folder / "link.jpg").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.jpg")
    (folder / "device.jpg").symlink_to("/dev/zero")
    (folder / "gone.jpg").symlink_to("nowhere")
    (folder / "truth.csv").write_text(f"file,vin\nplate-04.jpg,{VIN}\nnone.jpg,\nabsent.jpg,\n")
    with socket.socket(socket.AF_UNIX) as listening:
        at = os.open(folder, os.O_RDONLY)
        try:  # by the descriptor: an address has at most 107 bytes
            listening.bind(f"/proc/self/fd/{at}/socket.jpg")
        finally:
            os.close(at)
        yield folder


def test_the_demo_reads_what_it_can_and_says_what_it_cannot(own: Path, tmp_path: Path) -> None:
    done = vindrop("demo", "--photos", "own", cwd=tmp_path)
    assert done.returncode == 1, done.stderr  # two photos were not read
    for name in NO_FILES:
        assert re.search(rf"(?m)^{name} is left out: it is a \w+, not a file$", done.stdout), name
    assert "latin\\udcff.jpg is not uploaded: a bucket takes names in UTF-8 only" in done.stdout
    assert "gone.jpg is not uploaded: it cannot be read: No such file" in done.stdout
    assert done.stdout.count(VIN) == 1 + len(ODD_NAMES)
    assert "truth.csv names 2 of them, 1 with a VIN" in done.stdout
    assert "truth.csv names absent.jpg, which is none of them" in done.stdout
    again = vindrop("demo", "--photos", "own", "--json", "--lang", "zh", cwd=tmp_path)
    assert again.returncode == 1
    found = json.loads(again.stdout)
    assert (found["ok"], found["calls"], found["uploads"]) == (True, 0, 2 + len(ODD_NAMES))
    assert {each["photo"] for each in found["not_uploaded"]} == {NOT_UTF8, "gone.jpg"}
    assert "未上传" in again.stderr
    shown = "".join(line for line in again.stderr.splitlines(keepends=True) if "://" not in line)
    assert english(shown) == []
    (own / "truth.csv").write_text("file,vin\n" + "".join(f"x{n}.jpg,\n" for n in range(9)))
    third = vindrop("demo", "--photos", "own", cwd=tmp_path)
    assert "truth.csv names none of them" in third.stdout
    assert "… and 6 more that are none of them" in third.stdout


def test_recognize_reads_what_it_can_and_says_what_it_cannot(own: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    named = [f"own/{name}" for name in ("pipe.jpg", "socket.jpg", "device.jpg")]
    done = vindrop("recognize", "--json", "own", "empty", *named, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    read = {line["photo"] for line in lines if line["vin"] == VIN}
    assert read == {f"own/{name}" for name in ("plate-04.jpg", NOT_UTF8, *ODD_NAMES)}
    failed = {line["photo"]: line["code"] for line in lines if line["vin"] is None}
    assert failed.pop("own/none.jpg") == "FailedOperation.OcrFailed"
    assert failed == dict.fromkeys([*named, "own/gone.jpg"], "Vindrop.NoSuchFile")
    for name in NO_FILES:
        assert f"own/{name} is left out: it is a " in done.stderr
    assert "there is no photo in empty: photos end in " in done.stderr


@pytest.mark.parametrize("made", ["empty", "folder.jpg"])
@pytest.mark.parametrize("words", [("recognize", "own"), ("demo", "--photos", "own")])
def test_a_folder_without_photos_is_told(words: tuple[str, ...], made: str, tmp_path: Path) -> None:
    (tmp_path / "own" / made).mkdir(parents=True)
    done = vindrop(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("vindrop: there is no photo in own: ")
    assert ("folder.jpg is left out" in done.stderr) is (made == "folder.jpg")


@pytest.mark.parametrize(
    "words",
    [
        ("recognize", ""),
        ("recognize", "a.jpg", ""),
        ("recognize", "a.jpg", "--annotate", ""),
        ("demo", "--photos", ""),
        ("demo", "--state", ""),
        ("up", "--bucket", ""),
        ("up", "--state", ""),
    ],
    ids=" ".join,
)
def test_nothing_is_no_folder(words: tuple[str, ...], tmp_path: Path) -> None:
    """It is a variable that a shell does not have, and not the folder that one stands in."""
    (tmp_path / "a.jpg").write_bytes(b"x")
    done = vindrop(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "it is empty: name a file or folder" in done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["a.jpg"]


def test_a_folder_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: Path) -> Iterator[Path]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(UserError, match=r"^cannot read .*: Permission denied$"):
        photos_in(tmp_path)


def test_what_a_shell_pipes_is_read() -> None:
    """``recognize <(curl …)`` names a pipe that has a writer."""
    reading, writing = os.pipe()
    try:
        os.write(writing, b"photo")
        os.close(writing)
        at = Path(f"/dev/fd/{reading}")
        assert not_a_file(at)
        assert data_of(at) == b"photo"
    finally:
        os.close(reading)
