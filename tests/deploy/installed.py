"""What tests and rehearsal of both clouds are run with: osls, a clone, runtimes, pinned commands, VinOCR."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from layers.dependencies import interpreters, lock
from tests import needs, secrets
from tests.runtimes import tools
from vindrop_local.vinocr_process import VinOCRProcess

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = ROOT / "events" / "photos"
OUR_OWN = ("AWS_", "TENCENT", "VINDROP_", "BUCKET", "REGION", "PREFIX", "CLOUD", "SLS_", "ALARMS")
"""How the names of our own settings begin: whoever runs this may have some set."""


def osls(
    *words: str, environment: dict[str, str], cwd: Path = ROOT, seconds: int = 400
) -> subprocess.CompletedProcess[str]:
    """Run osls with nothing of this process's own settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OUR_OWN)}
    return subprocess.run(
        [ROOT / "node_modules" / ".bin" / "osls", *words],
        cwd=cwd,
        env={**inherited, "SLS_TELEMETRY_DISABLED": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )


def node_modules() -> Path:
    """Return the folder, installed from package-lock.json where it is missing."""
    node, npm = (needs.program(name, package="nodejs npm") for name in ("node", "npm"))
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = [int(part) for part in re.findall(r"\d+", said)[:2]]
    if version < [20, 19]:
        needs.missing(f"node is {said.strip()}: osls needs 20.19 or later")
    if not (ROOT / "node_modules" / ".bin" / "osls").exists():
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
        )
        if done.returncode:
            needs.missing("npm ci failed: go online once")
    return ROOT / "node_modules"


@contextlib.contextmanager
def cloned(parent: Path) -> Iterator[Path]:
    """What `git clone`, `make setup` and `npm ci` leave, with this tree's files as they are."""
    git = needs.program("git", package="git")
    if not (ROOT / ".git").exists():
        needs.missing("this folder is no clone: fetch the repository by git clone")
    listed = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    folder = parent / "vindrop"
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for name in ("node_modules", ".venv"):
        (folder / name).symlink_to(ROOT / name)
    yield folder
    # read by the product, and no part of what it says: .env, coscmd's own settings, the pages
    shutil.rmtree(folder)
    (parent / ".cos.conf").unlink(missing_ok=True)


@dataclass(frozen=True)
class LambdaRuntime:
    """A Python that Lambda still takes, and its runtime client for it."""

    version: str
    python: Path
    site: Path
    rie: Path


def lambda_runtime(folder: Path) -> LambdaRuntime:
    """Return one, its runtime client installed into ``folder``."""
    found = ((v, interpreters.find(v)) for v in ("3.13", "3.12", "3.11"))
    version, python = next(((v, p) for v, p in found if p), ("", None))
    if python is None:
        python = Path(
            needs.program("python3.13", package="python3.13, or .venv/bin/uv python install 3.13")
        )
    wanted = ("awslambdaric", "simplejson", "snapshot-restore-py")
    pins = tools.HERE / "site.txt"
    requirements = folder.with_suffix(".txt")
    requirements.write_text("".join(p.text for p in lock.read(pins) if p.name in wanted))
    words = ["pip", "install", "-q", "--no-deps", "--require-hashes", "--target", str(folder)]
    subprocess.run(
        [
            *(str(Path(sys.executable).with_name("uv")), *words, "--python", str(python)),
            *("--only-binary", ":all:", "-r", str(requirements)),
        ],
        check=True,
        timeout=300,
    )
    return LambdaRuntime(version, python, folder, tools.emulators() / tools.RIE)


def pinned(name: str, *more: str) -> Path:
    """Return the folder of build/ that holds what ``name``.txt beside this file pins.

    :param more: words for `uv pip install`.
    """
    pins = Path(__file__).with_name(f"{name}.txt")
    digest = hashlib.sha256(pins.read_bytes()).hexdigest()[:12]
    folder = ROOT / "build" / name / digest
    if not folder.exists():
        fresh = folder.with_suffix(f".{os.getpid()}")
        uv = Path(sys.executable).with_name("uv")
        words = ("pip", "install", "-q", *more, "--require-hashes", "--target", str(fresh))
        try:
            if subprocess.run([uv, *words, "-r", pins], check=False, timeout=300).returncode:
                needs.missing(f"{name} could not be installed: go online once")
            with contextlib.suppress(OSError):  # another process was first
                fresh.rename(folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return folder


def tencent_models() -> Path:
    """The official SDK's models of the services that are called, beside this environment's."""
    return pinned("models", "--no-deps")


@contextlib.contextmanager
def vinocr_of_accounts(folder: Path) -> Iterator[VinOCRProcess]:
    """It knows a function's role by the temporary keys that SCF gives it, and a sub-account."""
    role = {
        "secret_id": secrets.TENCENT_ID,
        "secret_key": secrets.TENCENT_KEY,
        "token": secrets.TENCENT_TOKEN,
    }
    own = {"secret_id": secrets.VINOCR_ID, "secret_key": secrets.VINOCR_KEY}
    accounts = folder / "accounts.json"
    accounts.write_text(json.dumps({"accounts": [{"keys": [role, own]}]}))
    with VinOCRProcess(
        folder / "vinocr.log",
        secret_id="",
        secret_key="",
        settings={"VINOCR_RATE": "100", "VINOCR_ACCOUNTS": str(accounts)},
    ) as process:
        yield process


def vins() -> dict[str, str]:
    """Return the VIN on each sample photo that shows one."""
    with (PHOTOS / "truth.csv").open() as lines:
        return {row["file"]: row["vin"] for row in csv.DictReader(lines) if row["vin"]}
