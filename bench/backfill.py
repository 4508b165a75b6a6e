"""A bucket of 100,000 photos, read by a backfill that is killed three times.

    python -m bench.backfill --objects 100000 --kills 3

The list is served page by page over HTTP as COS serves it, signatures unchecked; ledger,
destination, pipeline and backfill are real. Calls are answered on the spot instead of by VinOCR
(a hundred thousand of them would take three hours at 10 a second), and noted in a file. The last
line is one JSON object: every photo must have one record, none may be noted more often than one
and the calls that were under way at a kill, and the memory must be flat.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import parse_qs, urlsplit

from bench.rig import report
from bench.rig.photos import vin_of
from bench.rig.world import BUCKET, REGION, ROOT
from tests.http_server import Handler, HTTPThread
from vindrop.core.destination import Readable
from vindrop.destinations import open_destination
from vindrop.stores import open_ledger

CHANGED: Final = "2026-01-01T00:00:00.000Z"
WORKERS_RATE: Final = 8.0
"""Sets how many uploads are under way at once (1.5 times as many)."""


def _page(marker: str, objects: int) -> bytes:
    first = int(marker[:7]) + 1 if marker else 0
    keys = [f"{number:07d}.jpg" for number in range(first, min(first + 1000, objects))]
    more = first + 1000 < objects
    rows = "".join(
        f'<Contents><Key>{key}</Key><LastModified>{CHANGED}</LastModified><ETag>"{key[:7]:0>32}"'
        f"</ETag><Size>1000</Size></Contents>"
        for key in keys
    )
    following = f"<NextMarker>{keys[-1]}</NextMarker>" if more else ""
    return (
        f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{following}{rows}"
        "</ListBucketResult>"
    ).encode()


def serve(objects: int) -> HTTPThread:
    """Serve the list from a thread; `stop` ends it."""

    class Lister(Handler):
        def do_GET(self) -> None:
            marker = parse_qs(urlsplit(self.path).query).get("marker", [""])[0]
            self.answer(200, _page(marker, objects))

    return HTTPThread(Lister)


def child(folder: Path, endpoint: str) -> int:
    """Backfill, with an attempt that is answered on the spot; note calls and memory."""
    from vindrop import settings as settings_module
    from vindrop.core.attempt import Attempt
    from vindrop.core.backfill import Backfill
    from vindrop.core.outcome import Outcome
    from vindrop.core.recognizer import Answer
    from vindrop.wiring import build

    store = f"sqlite:///{folder}/vindrop.db"
    settings = settings_module.load(
        {
            "VINDROP_LEDGER": store,
            "VINDROP_RESULTS": store,
            "VINDROP_DEAD_LETTERS": store,
            "VINDROP_STORAGE_ENDPOINT": endpoint,
            "VINDROP_RATE_LIMITER": "memory",
            "VINDROP_RATE": str(WORKERS_RATE),
            "VINDROP_LOG_LEVEL": "error",
        }
    )
    keys = {"TENCENTCLOUD_SECRETID": "AKIDBENCH", "TENCENTCLOUD_SECRETKEY": "none"}
    notes = os.open(folder / "calls.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    class Instant:
        """Stands in for `vindrop.recognizers.vinocr.VinOCR`."""

        endpoint = "bench"

        def prepare(self) -> None:
            """Nothing to load."""

        def recognize(self, photo: Any, *_: Any, **__: Any) -> Answer:
            """Answer from the key, and note it."""
            number = int(photo.url)
            os.write(notes, b"%d\n" % number)
            return Answer(vin_of(number), "bench", 0.001)

    app = build(settings, keys)
    attempt = app.pipeline._attempt  # noqa: SLF001
    attempt._recognizer = cast("Any", Instant())  # noqa: SLF001
    attempt._photographer = cast("Any", _Keys())  # noqa: SLF001
    Attempt._wait_for_permit = lambda *_: None  # type: ignore[method-assign]  # noqa: SLF001
    run = Backfill(
        app,
        lambda: app.storage.of("tencent").pages(BUCKET, REGION, ""),
        before=time.time(),
    )
    ended = [0]

    def on_end(_: Outcome) -> None:
        ended[0] += 1
        if ended[0] % 1000 == 0:
            _say({"ended": ended[0], "rss_mb": _memory()})

    run.run(on_end)
    _say({"done": True, "ended": ended[0], "rss_mb": _memory()})
    return 0


def _say(what: dict[str, Any]) -> None:
    """Write one line in one go: several threads come here."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


class _Keys:
    """Stands in for `vindrop.core.photo.Photographer`: the photo is its number."""

    def first_form(self, _: Any) -> str:
        return "url"

    def take(self, upload: Any, form: Any, **_: Any) -> Any:
        from vindrop.core.photo import Photo

        return Photo(form, url=upload.key[:7])


def _memory() -> float:
    """Return the megabytes that this process holds now (Linux), else its peak."""
    try:
        found = re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())
    except OSError:
        found = None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round((int(found[1]) if found else peak) / 1024, 1)


def run(objects: int, kills: int) -> dict[str, Any]:
    """Run to the end through ``kills`` kills; return the books."""
    started = time.monotonic()
    server = serve(objects)
    memory: list[list[float]] = []
    with tempfile.TemporaryDirectory(prefix="vindrop-backfill-") as name:
        folder = Path(name)
        endpoint = server.url
        each = objects // (kills + 1)
        memory += [
            _life(folder, endpoint, each if number < kills else None) for number in range(kills + 1)
        ]
        server.stop()
        store = f"sqlite:///{folder}/vindrop.db"
        records = Counter(
            r.upload.key
            for r in cast("Readable", open_destination(store)).records("readings")
            if r.upload is not None
        )
        calls = Counter((folder / "calls.txt").read_text().split())
        counts = dict(open_ledger(store, account="vinocr").counts())
    return {
        "objects": objects,
        "kills": kills,
        "readings": sum(records.values()),
        "lost": objects - len(records),
        "doubled_records": sum(records.values()) - len(records),
        "calls": sum(calls.values()),
        "calls_repeated_after_a_kill": sum(calls.values()) - len(calls),
        "ledger": counts,
        # Of each life: after 2,000 uploads, half way, and at its end.
        "rss_mb": [
            [life[min(1, len(life) - 1)], life[len(life) // 2], life[-1]] for life in memory if life
        ],
        "seconds": round(time.monotonic() - started, 1),
    }


def _life(folder: Path, endpoint: str, until: int | None) -> list[float]:
    """Run the child; kill it once ``until`` uploads of this life have ended.

    :returns: the megabytes it held, at every thousandth upload.
    """
    memory: list[float] = []
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.backfill", "--child", str(folder), endpoint],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if not line.startswith('{"'):
            continue
        said = json.loads(line)
        if "rss_mb" in said:
            memory.append(said["rss_mb"])
            if until is not None and said["ended"] >= until:
                process.send_signal(signal.SIGKILL)
                break
    process.stdout.close()
    status = process.wait()
    if until is None and status != 0:
        raise RuntimeError(f"the last life ended with status {status}")
    return memory


def main(argv: list[str] | None = None) -> int:
    """Run; return 0 if every photo came out once."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--child", nargs=2, metavar=("FOLDER", "ENDPOINT"), help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.child:
        return child(Path(options.child[0]), options.child[1])
    result = run(options.objects, options.kills)
    report.table([result])
    print(json.dumps(result))
    return 0 if result["lost"] == 0 and result["doubled_records"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
