"""Cold start of the upload function, beside the handler that everyone writes and a bare one.

    python -m bench.cold_start --runs 15

Inside SCF's own bootstrap on Python 3.10, and under awslambdaric with the runtime interface
emulator, each start in a process of its own, the kinds taking turns. Measured from the start of
the process until the handler's module is loaded and the client stands: what the first caller waits
for before a byte goes out. Ours: handler, settings, and the parts wired together with a SQLite
ledger on the empty /tmp, the SDK's CommonClient included, which our handler would import only at
its first call. The usual one: `ocr_client`, `models` and a pydantic model, once from source and once
with bytecode. Code and layers are read-only and at their places on the path, as in the cloud.

Milliseconds compare only within one run on one machine: judge the ratios. `processor_ms` counts the
processor's time of the process alone: on an idle machine nearly the same, on a busy one steadier.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Final

from layers.dependencies import interpreters, lock
from layers.dependencies.build import ROOT, build_function, build_layer
from layers.dependencies.contents import LAYERS, Target
from tests.runtimes import tools

BARS: Final = {"source": 0.55, "bytecode": 0.85}
"""Ours over the usual handler, at most (issue 8)."""

BARE: Final = "def main_handler(event, context):\n    return 'ok'\n"
USUAL: Final = """
import json
import os
from pydantic import BaseModel
from tencentcloud.common import credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.ocr.v20181119 import models, ocr_client


class Result(BaseModel):
    key: str
    vin: str
    request_id: str


keys = credential.Credential(os.environ["TENCENTCLOUD_SECRETID"], os.environ["TENCENTCLOUD_SECRETKEY"])
client = ocr_client.OcrClient(keys, "ap-guangzhou", ClientProfile(httpProfile=HttpProfile()))


def main_handler(event, context):
    return "ok"
"""
OURS: Final = """
from handler_of_ours import main_handler as _deployed
from vindrop.wiring import from_environment

from_environment().recognizer.prepare()


def main_handler(event, context):
    return "ok"
"""
"""The deployed handler, and with it at once what it would otherwise do at its first call."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=15, help="cold starts of each kind")
    parser.add_argument("--runtime", choices=["scf", "lambda", "both"], default="both")
    given = parser.parse_args()
    runtimes = tools.fetch()
    with tempfile.TemporaryDirectory(prefix="vindrop-cold-") as folder:
        kinds = prepare(Path(folder))
        result: dict[str, object] = {"runs": given.runs, "python": "3.10"}
        ok = True
        for runtime in ("scf", "lambda"):
            if given.runtime not in {runtime, "both"}:
                continue
            times, processor = measure(runtime, kinds, given.runs, runtimes, Path(folder))
            medians = {kind: statistics.median(found) for kind, found in times.items()}
            ratios = {
                "source": round(medians["ours"] / medians["usual from source"], 3),
                "bytecode": round(medians["ours"] / medians["usual with bytecode"], 3),
            }
            show(runtime, times)
            result[runtime] = {
                "ms": {kind: round(value, 1) for kind, value in medians.items()},
                "processor_ms": {
                    kind: round(statistics.median(found), 1) for kind, found in processor.items()
                },
                "ours_to_usual": ratios,
            }
            if runtime == "scf":
                ok = all(ratios[name] <= bar for name, bar in BARS.items())
    result["bars"] = BARS
    result["ok"] = ok
    for path in Path(folder).glob("*"):
        shutil.rmtree(path, ignore_errors=True)
    print(json.dumps(result))
    sys.exit(0 if ok else 1)


def prepare(folder: Path) -> dict[str, tuple[Path, list[Path]]]:
    """Kind → its code folder and what follows it on the path."""
    target = Target("scf", "3.10", "x86_64")
    out = folder / "out"
    opt = folder / "opt"
    for name in ("dependencies", "vindrop"):
        unpack(out / build_layer(LAYERS[name], target, out)["file"], opt)
    if interpreters.find("3.10") is None:
        sys.exit("no Python 3.10 here: bytecode cannot be made; set PYTHON3_10 to one")
    ours = folder / "ours"
    unpack(out / build_function("upload", out)["file"], ours)
    (ours / "handler.py").rename(ours / "handler_of_ours.py")
    source = folder / "usual-source"
    install_usual(source)
    compiled = folder / "usual-bytecode"
    shutil.copytree(source, compiled)
    subprocess.run(
        [
            *(str(interpreters.find("3.10")), "-m", "compileall", "-q"),
            *("--invalidation-mode", "unchecked-hash", str(compiled)),
        ],
        check=True,
    )
    kinds = {
        "bare": (write(folder / "code-bare", BARE), []),
        "ours": (write(ours, OURS), [opt]),
        "usual from source": (write(folder / "code-source", USUAL), [source]),
        "usual with bytecode": (write(folder / "code-bytecode", USUAL), [compiled]),
    }
    for code, after in kinds.values():
        for place in [code, *after]:
            for path in place.rglob("*"):
                path.chmod(path.stat().st_mode & ~0o222)
    return kinds


def unpack(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as zipped:
        zipped.extractall(folder)


def write(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "handler.py").write_text(text)
    return folder


def install_usual(folder: Path) -> None:
    """The product package and pydantic, at the versions that our layers have."""
    pins = lock.closure(
        lock.read(ROOT / "layers" / "dependencies" / "requirements.lock"),
        ("tencentcloud-sdk-python-common", "pydantic"),
    )
    requirements = folder.with_suffix(".txt")
    requirements.write_text("".join(pin.text for pin in pins))
    pip = [str(Path(sys.executable).with_name("uv")), "pip", "install", "-q", "--no-deps"]
    pip += ["--target", str(folder), "--only-binary", ":all:", "--link-mode", "copy"]
    pip += ["--python-platform", "x86_64-manylinux2014", "--python-version", "3.10"]
    subprocess.run([*pip, "--require-hashes", "-r", str(requirements)], check=True)
    product = folder.with_suffix(".product.txt")
    checkout = lock.read(ROOT / "requirements.lock")
    product.write_text("".join(p.text for p in checkout if p.name == "tencentcloud-sdk-python-ocr"))
    subprocess.run([*pip, "--require-hashes", "-r", str(product)], check=True)
    for cache in folder.rglob("__pycache__"):
        shutil.rmtree(cache)


def measure(
    runtime: str,
    kinds: dict[str, tuple[Path, list[Path]]],
    runs: int,
    runtimes: tools.Runtimes,
    folder: Path,
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Return, by kind, milliseconds of the clock, and of the processor: those other work leaves alone."""
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    processor: dict[str, list[float]] = {kind: [] for kind in kinds}
    for turn in range(runs + 1):
        for kind, (code, after) in kinds.items():
            database = folder / f"tmp-{runtime}-{turn}.db"
            before = _children()
            found = start(runtime, code, after, runtimes, database)
            used = (_children() - before) * 1000
            for path in folder.glob(f"{database.name}*"):
                path.unlink()
            if turn:  # the first of each only warms the disk's cache
                times[kind].append(found)
                processor[kind].append(used)
    return times, processor


def _children() -> float:
    """Return the processor's seconds of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def start(
    runtime: str, code: Path, after: list[Path], runtimes: tools.Runtimes, database: Path
) -> float:
    """Return the milliseconds from the start of the process to the first answer."""
    store = f"sqlite:///{database}"
    environment = {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/nonexistent",
        "PYTHONDONTWRITEBYTECODE": "x",
        "PYDANTIC_DISABLE_PLUGINS": "__all__",  # as deployed; the usual handler gains by it too
        "TENCENTCLOUD_RUNENV": "SCF",
        "TENCENTCLOUD_SECRETID": "AKIDbench",
        "TENCENTCLOUD_SECRETKEY": "bench",
        "VINDROP_RESULTS": store,
        "VINDROP_DEAD_LETTERS": store,
        "VINDROP_LEDGER": store,
    }
    path = [code, *after]
    if runtime == "lambda":
        return start_lambda(code, path, runtimes, environment)
    environment |= {"PYTHONPATH": ":".join(map(str, path)), "SCF_DISPLAY_IS_QUIET": "True"}
    command = [str(runtimes.python), str(runtimes.bootstrap / "bootstrap.py")]
    began = time.perf_counter()
    done = subprocess.run(
        [*command, f"{code}/handler:main_handler", "{}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    took = (time.perf_counter() - began) * 1000
    if '"ok"' not in done.stdout:
        sys.exit(f"{code.name} did not answer:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return took


def start_lambda(
    code: Path, path: list[Path], runtimes: tools.Runtimes, environment: dict[str, str]
) -> float:
    """The same under awslambdaric: until it asks the runtime's API for its first event."""
    import threading

    from tests.http_server import Handler, HTTPThread

    asked = threading.Event()

    class API(Handler):
        def do_GET(self) -> None:
            asked.set()
            time.sleep(0.2)  # it is killed meanwhile

        def do_POST(self) -> None:  # an error at its initialisation
            sys.stderr.write(self.body().decode() + "\n")
            self.answer(202, b"")

    with HTTPThread(API) as server:
        environment = environment | {
            "PYTHONPATH": ":".join(map(str, [*path, runtimes.site])),
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}",
            "LAMBDA_TASK_ROOT": str(code),
            "AWS_LAMBDA_FUNCTION_NAME": "upload",
        }
        began = time.perf_counter()
        process = subprocess.Popen(
            [runtimes.python, "-m", "awslambdaric", "handler.main_handler"],
            env=environment,
            cwd=code,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        arrived = asked.wait(60)
        took = (time.perf_counter() - began) * 1000
        process.kill()
        process.wait()
    if not arrived:
        sys.exit(f"{code.name} did not come up under awslambdaric")
    return took


def show(runtime: str, times: dict[str, list[float]]) -> None:
    print(f"\n{runtime}: milliseconds from the process's start, {os.cpu_count()} CPUs")
    for kind, found in times.items():
        spread = f"{min(found):7.0f} … {max(found):.0f}"
        print(f"  {kind:22} median {statistics.median(found):7.0f}   {spread}")


if __name__ == "__main__":
    main()
