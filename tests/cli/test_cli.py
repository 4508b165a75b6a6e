"""The command line: clear answers, errors in one sentence, never a traceback."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from PIL import Image

from tests.commands import vindrop
from tests.reader.pictures import VIN, encoded, plate

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "events" / "photos"
VIN_OF_PAGE = "1M8GDM9AXKP042788"


def test_the_settings_page_is_the_model(tmp_path: Path) -> None:
    assert (
        vindrop("settings", "--markdown", cwd=tmp_path).stdout
        == (ROOT / "docs" / "settings.md").read_text()
    )


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (("readings",), {}, "vindrop demo"),
        (("readings", "--from", "ftp://x"), {}, "sqlite://"),
        (("readings",), {"VINDROP_RESULTS": "nonsense"}, "sqlite://"),
        (("invoke", "upload", "missing.json"), {}, "missing.json"),
        (("invoke", "nothing", "/dev/null"), {}, "upload"),
        (("invoke", "upload", "broken.json"), {}, "not JSON"),
        (("invoke", "upload", "event.json", "--platform", "azure"), {}, "scf or lambda"),
        (("vinocr", "--port", "99999"), {}, "VINOCR_PORT"),
        (("vinocr",), {}, "VINOCR_SECRET_ID"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], says: str
) -> None:
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "event.json").write_text("{}")
    done = vindrop(*arguments, cwd=tmp_path, **environment)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_recognize_reads_photos_of_the_users_own_and_says_why_not(tmp_path: Path) -> None:
    names = ["plate-04.jpg", "no-vin-shop-front.jpg", "stamped.webp", "notes.jpg", "empty.jpg"]
    done = vindrop(
        "recognize", "--json", *(str(SAMPLES / n) for n in names), "no-such.jpg", cwd=tmp_path
    )
    assert done.returncode == 2, done.stderr  # a file that is not there
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["vin"], line["code"]) for line in found] == [
        ("5NPEVYK97FD841835", None),
        (None, "FailedOperation.OcrFailed"),
        ("SJNW94KF7BC085445", None),
        (None, "Vindrop.NotAnImage"),
        (None, "Vindrop.EmptyPhoto"),
        (None, "Vindrop.NoSuchFile"),
    ]
    assert all(line["reason"] for line in found if line["code"])


def test_recognize_sends_a_photo_in_the_forms_that_the_function_would(tmp_path: Path) -> None:
    large = plate(letters=400, size=(9_600, 6_000))
    (tmp_path / "large.jpg").write_bytes(encoded(large, quality=40))  # 57 megapixels
    second = plate(VIN_OF_PAGE, size=(1_200, 900), letters=60)
    (tmp_path / "scan.tif").write_bytes(
        encoded(
            Image.new("RGB", second.size, "white"), "TIFF", save_all=True, append_images=[second]
        )
    )
    (tmp_path / "scan.jp2").write_bytes(encoded(second, "JPEG2000"))
    done = vindrop("recognize", "--json", "large.jpg", "scan.tif", "scan.jp2", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    found = [json.loads(line)["vin"] for line in done.stdout.splitlines()]
    assert found == [VIN, VIN_OF_PAGE, VIN_OF_PAGE]


def test_recognize_ends_with_1_where_a_photo_gave_no_vin(tmp_path: Path) -> None:
    names = [str(SAMPLES / "plate-04.jpg"), str(SAMPLES / "no-vin-shop-front.jpg")]
    done = vindrop("recognize", *names, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "1 of 2 photos holds a VIN" in done.stdout


def blue(image: Image.Image) -> list[tuple[int, int]]:
    """Where the VIN's outline was drawn."""
    red, green, rest = image.split()
    marks = zip(red.tobytes(), green.tobytes(), rest.tobytes(), strict=True)
    found = [n for n, (r, g, b) in enumerate(marks) if r < 60 and 60 < g < 120 and b > 180]
    return [(n % image.width, n // image.width) for n in found]


def test_recognize_shows_where_it_read(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(encoded(plate(size=(900, 600)), "PNG"))
    (tmp_path / "in" / "a.jpg").write_bytes(
        encoded(plate(VIN_OF_PAGE, size=(400, 300), letters=20))
    )
    (tmp_path / "in" / "none.jpg").write_bytes(encoded(Image.new("RGB", (300, 200), "white")))
    (tmp_path / "in" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "in" / "notes.txt").write_text("no photo")
    done = vindrop("recognize", "in", "--annotate", "out/deep", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    written = sorted(path.name for path in (tmp_path / "out" / "deep").iterdir())
    assert written == ["a.jpg", "a.png.jpg", "none.jpg"]
    with Image.open(tmp_path / "out" / "deep" / "a.png.jpg") as image:
        assert image.width == 900
        assert image.height > 600, "the characters stand below the photo"
        across = [x for x, _ in blue(image)]
        down = [y for _, y in blue(image)]
    assert 150 < min(across) < 260
    assert 640 < max(across) < 750
    assert 200 < min(down) < 300 < max(down) < 400
    with Image.open(tmp_path / "out" / "deep" / "none.jpg") as image:
        assert not blue(image)


def test_recognize_annotates_one_file_and_never_overwrites_a_photo(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded(plate()))
    before = (tmp_path / "a.jpg").read_bytes()
    assert vindrop("recognize", "a.jpg", "--annotate", "b.jpg", cwd=tmp_path).returncode == 0
    assert (tmp_path / "b.jpg").read_bytes().startswith(b"\xff\xd8\xff")
    for out in ("a.jpg", "."):
        done = vindrop("recognize", "a.jpg", "--annotate", out, cwd=tmp_path)
        assert done.returncode == 2
        assert "overwrite" in done.stderr
        assert "Traceback" not in done.stderr
    assert (tmp_path / "a.jpg").read_bytes() == before


def test_recognize_asks_the_recognizers_of_the_settings(tmp_path: Path) -> None:
    names = [str(SAMPLES / n) for n in ("plate-04.jpg", "no-vin-shop-front.jpg", "notes.jpg")]
    given = {"VINDROP_RECOGNIZERS": "own=inprocess:"}
    done = vindrop("recognize", "--json", *names, "no-such.jpg", cwd=tmp_path, **given)
    assert done.returncode == 2, done.stderr
    assert done.stderr == "", "a function's log lines are not for this caller"
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["vin"], line["code"]) for line in found] == [
        ("5NPEVYK97FD841835", None),
        (None, "FailedOperation.OcrFailed"),
        (None, "Vindrop.NotAnImage"),
        (None, "Vindrop.NoSuchFile"),
    ]
    assert [call["name"] for call in found[0]["recognizers"]] == ["own"]
    wrong = vindrop(
        "recognize", names[0], cwd=tmp_path, VINDROP_RECOGNIZERS="own=http://127.0.0.1:9"
    )
    assert wrong.returncode == 2
    assert wrong.stderr.count("\n") == 1
    assert "has no keys" in wrong.stderr


def test_the_demo_of_a_cascade_shows_who_read_what_and_what_it_cost(tmp_path: Path) -> None:
    done = vindrop("demo", "--cascade", "--state", str(tmp_path / "state"), cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    (line,) = [
        each
        for each in done.stdout.splitlines()
        if each.startswith("no-vin-shop-front.jpg ")
        and each.count("OcrFailed") == 2
        and "FailedOperation" not in each  # a row of the dead letters
    ]
    assert line.split() == [
        "no-vin-shop-front.jpg",
        "OcrFailed",
        "OcrFailed",
        "no",
        "VIN",
        "found",
        "–",
    ]
    assert "not asked" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    both = [row for row in rows if len(row) > 5 and row[3:5] == ["same", "VIN"]]
    assert both, "what the second is for"
    assert all(row[-1] == "0.02" for row in both)
    # One whose check digit is wrong is asked of both, however sure the first is.
    clear = [row for row in both if row[0] != "label-mistyped.jpg"]
    assert clear
    assert len(clear) < len(both)
    assert all(0 < float(row[2]) < 0.998 for row in clear)
    (odd,) = [row for row in rows if row[:1] == ["notes.jpg"] and "asked" in row]
    assert odd[-2:] == ["NotAnImage", "–"]
    assert re.search(r"… and cost +0\.(?!00)\d\d", done.stdout)
    assert "stands in for it" in done.stdout.replace("\n", " ")
    assert "… where cloud alone would cost" in done.stdout


def an_event(key: str) -> str:
    return json.dumps(
        {
            "Records": [
                {
                    "cos": {
                        "cosObject": {
                            "key": f"/1250000000/photos/{key}",
                            "url": f"http://photos-1250000000.cos.ap-guangzhou.myqcloud.com/{key}",
                            "meta": {"x-cos-request-id": "cmVxdWVzdA=="},
                        },
                        "cosBucket": {"name": "photos", "appid": "1250000000", "region": "gz"},
                    },
                    "event": {"eventName": "cos:ObjectCreated:Put", "eventTime": 1545205770},
                }
            ]
        }
    )


@pytest.mark.parametrize("platform", ["scf", "lambda"])
def test_invoke_runs_the_function_as_either_platform_would(tmp_path: Path, platform: str) -> None:
    (tmp_path / "event.json").write_text(an_event("plate-04.jpg"))
    done = vindrop("invoke", "upload", "event.json", "--platform", platform, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["ok"]
    assert answer["value"]["ended"] == {"reading": 1}
    listed = vindrop(
        "readings",
        "--json",
        "--from",
        f"sqlite:///{tmp_path}/.vindrop/invoke/vindrop.db",
        cwd=tmp_path,
    )
    assert json.loads(listed.stdout)["data"]["vin"] == "5NPEVYK97FD841835"


def test_invoke_with_a_wrong_setting_says_which(tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text(an_event("plate-04.jpg"))
    done = vindrop("invoke", "upload", "event.json", cwd=tmp_path, VINDROP_RESULTS="file:///tmp/x")
    assert done.returncode == 1
    assert "VINDROP_DEAD_LETTERS is not set" in done.stdout


def test_the_demo_accounts_for_every_photo_and_a_second_run_pays_for_nothing(
    tmp_path: Path,
) -> None:
    first = vindrop("demo", "--json", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    report = json.loads(first.stdout)
    assert report["uploads"] == report["readings"] + report["dead_letters"] == report["sent"]
    assert report["readable"] >= 24
    assert report["exact"] >= 0.95 * report["readable"]
    assert report["dead_letters"] >= 6
    assert report["wrong_verified"] == []
    assert report["billed_calls"] == report["readings"]
    assert report["doubtful"] >= 1, "something to correct that is no dead letter"
    assert report["not_doubted"] == []

    second = vindrop("demo", cwd=tmp_path, COLUMNS="80")
    assert second.returncode == 0, second.stderr
    assert "no new calls were made" in second.stdout
    # In a terminal of 80 columns the maker gives way, never the VIN or how sure we are of it.
    assert "verified" in second.stdout
    assert "plausible" in second.stdout
    assert "5NPEVYK97FD841835" in second.stdout
    assert "Vindrop.EmptyPhoto" in second.stdout
    assert "label-mistyped.jpg is doubtful: the check digit is wrong" in second.stdout
    assert second.stdout.rstrip().endswith(" demo --open"), "how to go on from here"
    (command,) = re.findall(r"page Review, or by .*?(review decide \w+) VIN\n", second.stdout)
    decided_by_a_person(command, tmp_path)

    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.new && mv {opened}.new {opened}\n')
    browser.chmod(0o755)
    with subprocess.Popen(
        [sys.executable, "-m", "vindrop_local", "demo", "--open"],
        cwd=tmp_path,
        env={**os.environ, "BROWSER": str(browser), "COLUMNS": "120"},
        stdout=subprocess.DEVNULL,
    ) as third:
        try:
            while not opened.exists():  # ends with the test's time limit
                assert third.poll() is None
                time.sleep(0.1)
            page = requests.get(opened.read_text().strip(), timeout=60)
            assert page.status_code == 200
            assert str(report["uploads"]) in page.text
            third.send_signal(signal.SIGINT)
            assert third.wait(60) == 0
        finally:
            third.kill()


def decided_by_a_person(command: str, folder: Path) -> None:
    """Correct the doubtful reading, deny others, and see that the demo goes on as if nothing was."""
    assert vindrop(*command.split(), "2T1W39Z49VC238325", cwd=folder).returncode == 0
    for photo in ("label-01.jpg", "no-vin-instruments.jpg", "no-vin-shop-front.jpg"):
        found = json.loads(vindrop("uploads", "--photo", photo, "--json", cwd=folder).stdout)
        words = ("review", "decide", found["id"], "--reason", "no_vin")
        assert vindrop(*words, cwd=folder).returncode == 0
    before = vindrop("readings", "--json", cwd=folder).stdout.count("\n")
    again = vindrop("demo", cwd=folder, COLUMNS="120")
    assert again.returncode == 0, again.stdout
    (corrected,) = re.findall(
        r"(?m)^(.*)label-mistyped\.jpg +2T1W39Z49VC238325 +reviewed", again.stdout
    )
    assert not corrected.strip(), "a mark is of what the machine read"
    assert "no vin" in again.stdout, "a person's word, not the machine's"
    assert "✗" not in again.stdout
    assert re.search(r"^decided by a person +4$", again.stdout, re.MULTILINE)
    assert re.search(rf"^readings +{before}$", again.stdout, re.MULTILINE)
    assert re.search(r"^… of these doubtful +0$", again.stdout, re.MULTILINE)
    assert "is doubtful" not in again.stdout
    assert "To see them in a browser" in again.stdout, "nothing waits any more"


def test_the_demo_takes_photos_of_ones_own_and_leaves_them_as_they_are(tmp_path: Path) -> None:
    own = tmp_path / "my photos"
    own.mkdir()
    for name in ("label.heic", "plate-04.jpg", "no-vin-shop-front.jpg", "notes.txt"):
        source = SAMPLES / name
        (own / name).write_bytes(source.read_bytes() if source.exists() else b"no photo")
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in own.iterdir()}
    done = vindrop("demo", "--photos", str(own), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "3 photos of " in done.stdout
    assert "your files stay as they are" in done.stdout
    assert "There is no truth.csv beside them" in done.stdout
    assert re.search(r"plate-04\.jpg +5NPEVYK97FD841835 +verified", done.stdout)
    assert "JN1F78SRCEZ927247" in done.stdout
    assert "✓" not in done.stdout
    assert "exactly" not in done.stdout
    (own / "truth.csv").write_text("file,vin\nplate-04.jpg,5NPEVYK97FD841835\nlabel.heic,\n")
    again = vindrop("demo", "--photos", str(own), "--json", cwd=tmp_path)
    found = json.loads(again.stdout)
    assert (found["calls"], found["uploads"], found["ok"]) == (0, 3, True)
    assert (found["exact"], found["readable"], found["wrong"]) == (1, 1, 1)
    assert {(each["photo"], each["verdict"], each["code"]) for each in found["photos"]} == {
        ("label.heic", "plausible", None),
        ("plate-04.jpg", "verified", None),
        ("no-vin-shop-front.jpg", None, "FailedOperation.OcrFailed"),
    }
    (own / "truth.csv").unlink()
    after = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in own.iterdir()}
    assert after == before


@pytest.mark.parametrize(
    ("truth", "says"),
    [
        (None, "there is no photo in"),
        ("name,number\na.jpg,x\n", "it takes the columns file and vin"),
        ("file,vin\na.jpg,12345\n", "is no VIN"),
    ],
)
def test_the_demo_says_what_is_wrong_with_a_folder(
    tmp_path: Path, truth: str | None, says: str
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    if truth is not None:
        (own / "a.jpg").write_bytes(b"x")
        (own / "truth.csv").write_text(truth)
    done = vindrop("demo", "--photos", "own", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
