"""`make rehearsal`: whoever has no account sees a deployment from the first command to the last."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests import secrets
from tests.deploy.installed import OUR_OWN, PHOTOS, ROOT, vins
from tests.deploy.page import commands

SECONDS = 800
"""So that one that hangs ends; nothing is asserted on it."""


def rehearsal(cloud: str, **more: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OUR_OWN)}
    return subprocess.run(
        [sys.executable, "-m", "tests.deploy.rehearsal"],
        cwd=ROOT,
        env={**kept, "LC_ALL": "C.UTF-8", "CLOUD": cloud, **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


@pytest.mark.deploy
@pytest.mark.timeout(SECONDS + 60)
@pytest.mark.parametrize(
    ("cloud", "language", "without", "heard"),
    [
        (
            "aws",
            "en",
            "",
            ("reviewed", "Left of it: [].", "What an account of AWS does in addition"),
        ),
        ("tencent", "zh", "", ("人工复核", "函数剩下的资源：[]", "真实的腾讯云账号还会做")),
        ("tencent", "en", "mariadbd", ("MariaDB is not installed here", "? keys for VinOCR")),
    ],
)
def test_it_shows_each_command_of_the_page_and_what_comes_of_it(
    cloud: str,
    language: str,
    without: str,
    heard: tuple[str, ...],
    node: Path,
    tmp_path: Path,
) -> None:
    assert node
    own = tmp_path / "my own photo.jpg"
    shutil.copy(PHOTOS / "label-02.jpg", own)
    if without:  # and with a photo that holds no VIN
        Image.new("RGB", (400, 300), "grey").save(own)
    path = [
        one for one in os.environ["PATH"].split(":") if not (Path(one) / (without or "-")).exists()
    ]
    done = rehearsal(cloud, VINDROP_LANG=language, PHOTO=str(own), PATH=":".join(path))
    said = done.stdout
    assert done.returncode == 0, said + done.stderr
    for command in commands(f"deploy-{cloud}.md"):
        other = command.startswith(("aws s3 cp", "coscmd upload"))  # of the own photo
        other = other or bool(without and "VINDROP_RESULTS" in command)  # another database
        assert other or f"    $ {command}" in said
    read, corrected = vins()["label-02.jpg"], vins()["peened-01.jpg"]
    was_read = re.search(rf"in/my own photo.jpg +{read} ", said)
    is_dead = re.search(r"in/my own photo.jpg +FailedOperation\.", said)
    not_read = "Your photo was not read: it is a dead letter" in said
    assert (bool(was_read), bool(is_dead), not_read) == (not without, bool(without), bool(without))
    assert re.search(r"too-far.jpg +FailedOperation.OcrFailed ", said)
    assert re.search(rf"in/too-far.jpg +{corrected} ", said)
    assert [one for one in heard if one not in said] == []
    assert not re.search(r"<moto|\d B\)|node:\d|deprecation found", said), "noise of the loopback"
    assert secrets.find((said + done.stderr).encode()) == []


@pytest.mark.parametrize("missing", ["node", "npm"])
@pytest.mark.parametrize("cloud", ["aws", "tencent"])
def test_without_node_or_npm_it_ends_with_one_sentence(
    cloud: str, missing: str, tmp_path: Path
) -> None:
    for name in {"node", "npm"} - {missing}:
        (tmp_path / name).write_text("#!/bin/sh\necho v22.13.0\n")
        (tmp_path / name).chmod(0o755)
    done = rehearsal(cloud, PATH=str(tmp_path), CI="")
    assert done.returncode == 2
    assert done.stderr == f"{missing} is missing: apt-get install nodejs npm\n"


@pytest.mark.parametrize(
    ("cloud", "more", "sentence"),
    [
        ("", {}, "make rehearsal CLOUD=aws or CLOUD=tencent"),
        ("azure", {}, "make rehearsal CLOUD=aws or CLOUD=tencent"),
        ("aws", {"PHOTO": "gone.jpg"}, "PHOTO=gone.jpg: there is no such file"),
    ],
)
def test_a_wrong_word_is_answered_with_what_it_takes(
    cloud: str, more: dict[str, str], sentence: str
) -> None:
    done = rehearsal(cloud, **more)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{sentence}\n")
