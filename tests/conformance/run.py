"""The conformance suite: clients that we did not write, against a running VinOCR.

    python tests/conformance/run.py [--only table,schema,fuzz,load,memory] [--quick]

Installs its clients into build/conformance (pinned, with hashes; nothing of them is part of the
product), prints a table client x case, and ends with status 0 only if everything passed. The
figures are kept in build/conformance/report.json, the table in build/conformance/table.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT))

from tests.conformance import vinocr_cases as cases  # noqa: E402 - ROOT holds them
from tests.conformance import vinocr_clients as clients  # noqa: E402
from tests.conformance import vinocr_fuzz as fuzz  # noqa: E402
from tests.conformance import vinocr_lambda as lambdas  # noqa: E402
from tests.conformance import vinocr_load as loads  # noqa: E402
from tests.http_server import Handler, HTTPThread  # noqa: E402
from tests.vinocr.vinocr_support import photo  # noqa: E402
from vinocr.launcher import ServerProcess  # noqa: E402

BUILD = ROOT / "build" / "conformance"
PARTS = ("table", "schema", "fuzz", "load", "memory")
MAIN = cases.KEYS["main"][:2]


def say(text: str = "") -> None:
    print(text, flush=True)


def install() -> None:
    """Bring the pinned clients, once per lock file."""
    BUILD.mkdir(parents=True, exist_ok=True)
    node, venv = BUILD / "node", BUILD / "venv"
    stamp = BUILD / "installed"
    locks = [HERE / n for n in ("requirements.lock", "lambda.lock", "node/package-lock.json")]
    wanted = "".join(lock.read_text() for lock in locks)
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    if shutil.which("npm") is None:
        raise SystemExit("conformance: npm is missing: install Node.js 18 or newer")
    say("installing tccli, schemathesis and the Node.js SDK into build/conformance …")
    uv = Path(sys.executable).parent / "uv"
    _run(str(uv), "venv", "--quiet", "--clear", "--python", sys.executable, str(venv))
    python = str(venv / "bin" / "python")
    _run(str(uv), "pip", "sync", "--quiet", "--python", python, "--require-hashes", str(locks[0]))
    lock = ["--require-hashes", "--no-deps", "--requirements", str(locks[1])]
    _run(str(uv), "pip", "install", "--quiet", "--target", str(BUILD / "lambda"), *lock)
    node.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / "node" / name, node / name)
    _run("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error", cwd=node)
    stamp.write_text(wanted)


def _run(*command: str, cwd: Path | None = None) -> None:
    ended = subprocess.run(
        command, cwd=cwd, check=False, timeout=900, capture_output=True, text=True
    )
    if ended.returncode:
        last = (ended.stderr.strip() or "it says nothing").splitlines()[-1]
        raise SystemExit(f"conformance: `{' '.join(command[:3])} …` failed: {last}")


def certificate() -> tuple[Path, Path]:
    """A certificate of one's own for localhost, and its key."""
    cert, key = BUILD / "cert.pem", BUILD / "key.pem"
    _run(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", "/CN=localhost",
        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
    )  # fmt: skip
    # tccli hands requests a session of its own, which knows certifi's roots and nothing else.
    for roots in (BUILD / "venv").glob("lib/python*/site-packages/certifi/cacert.pem"):
        kept = roots.with_suffix(".kept")
        if not kept.is_file():
            shutil.copy(roots, kept)
        roots.unlink()  # it may be a hard link into the installer's cache
        roots.write_text(kept.read_text() + cert.read_text())
    return cert, key


class Site(Handler):
    """The web site that ImageUrl points to."""

    def do_GET(self) -> None:
        self.answer(200, photo(size=(600, 120)))


def server(name: str, **settings: str) -> ServerProcess:
    """Start a VinOCR with the suite's accounts; its log is build/conformance/NAME.jsonl."""
    accounts = BUILD / "accounts.json"
    accounts.write_text(json.dumps({"accounts": cases.accounts()}))
    log = BUILD / f"{name}.jsonl"
    log.unlink(missing_ok=True)
    texts = {
        "VINOCR_ACCOUNTS": str(accounts),
        **{f"VINOCR_{k.upper()}": v for k, v in settings.items()},
    }
    return ServerProcess.start(texts, log=log)


def table(report: dict[str, Any]) -> bool:
    """Every client, every case."""
    cert, key = certificate()
    site = HTTPThread(Site)
    url = f"{site.url}/photo.jpg"
    allow = {"url_allow": f"127.0.0.1:{site.server_port}"}
    with (
        server("plain", **allow) as plain,
        server("tls", tls_cert=str(cert), tls_key=str(key), **allow) as tls,
    ):
        plain.wait_ready()
        here, safe = clients.Server(plain.endpoint), clients.Server(f"localhost:{tls.port}", cert)
        node = clients.Node(BUILD / "node", cert)
        emulator = lambdas.Emulator(
            BUILD / "lambda", BUILD / "lambda.log", accounts=str(BUILD / "accounts.json"), **allow
        )
        url_host = clients.Server("abc123.lambda-url.eu-west-1.on.aws")
        python, v1 = clients.python_sdk, "HmacSHA1"
        everyone = [
            python(here, "Python OcrClient", kind="typed"),
            python(safe, "Python OcrClient, TLS", kind="typed"),
            python(here, "Python OcrClient, asynchronous", kind="async"),
            python(here, "Python CommonClient"),
            python(here, "Python CommonClient, GET", method="GET"),
            python(here, "Python CommonClient, multipart", kind="multipart"),
            python(here, "Python CommonClient, HmacSHA1", sign=v1),
            python(here, "Python CommonClient, HmacSHA256, GET", sign="HmacSHA256", method="GET"),
            node.client(here, "Node.js"),
            node.client(safe, "Node.js, TLS"),
            node.client(here, "Node.js, GET", method="GET"),
            node.client(here, "Node.js, HmacSHA256", sign="HmacSHA256"),
            node.client(here, "Node.js, HmacSHA1, GET", sign=v1, method="GET"),
            clients.tccli(safe, BUILD / "venv" / "bin" / "tccli"),
            python(url_host, "Python CommonClient, through Lambda", emulator=emulator),
        ]
        busy = [_Busy(plain), _Busy(tls, cert)]
        rows: list[tuple[str, list[str]]] = []
        failures: list[str] = []
        for case in cases.cases(url):
            for b in busy if case.while_busy else []:
                b.start()
            marks = [_try(client, case, failures) for client in everyone]
            for b in busy if case.while_busy else []:
                b.stop()
            rows.append((case.name, marks))
            say(f"  {case.name:26} {' '.join(marks)}")
        node.close()
        emulator.stop()
    site.stop()
    text = _markdown([c.name for c in everyone], rows)
    (BUILD / "table.md").write_text(text)
    say()
    say(text)
    for failure in failures:
        say(f"FAILED {failure}")
    marks = [m for _, row in rows for m in row]
    report["table"] = {
        "passed": marks.count("✓"),
        "failed": failures,
        "not applicable": marks.count("–"),
    }
    return not failures


class _Busy:
    """Uses one account's quota up, so that anybody else's call is over the rate."""

    def __init__(self, vinocr: ServerProcess, cert: Path | None = None) -> None:
        endpoint = clients.Server(f"localhost:{vinocr.port}", cert)
        self._client = clients.python_sdk(endpoint, "busy")
        self._case = cases.Case("busy", "", {}, key="ten a second")
        self._on = threading.Event()

    def start(self) -> None:
        self._on.set()
        for _ in range(2):
            threading.Thread(target=self._work, daemon=True).start()
        time.sleep(0.5)

    def stop(self) -> None:
        self._on.clear()

    def _work(self) -> None:
        while self._on.is_set():
            self._client.ask(self._case)


def _try(client: clients.Client, case: cases.Case, failures: list[str]) -> str:
    expected = client.expects(case)
    if expected is None:
        return "–"
    tries = 3 if case.while_busy else 1  # the one slot in a hundred may fall to the client
    for _ in range(tries):
        got = client.ask(case)
        found = got.vin or got.code
        if found == expected:
            break
    wrong = None
    if found != expected:
        wrong = f"{expected} was expected, {found} came ({got.message[:200]})"
    elif not got.request_id:
        wrong = "no RequestId"
    elif case.message and not re.search(case.message, got.message):
        wrong = f"the message is {got.message!r}"
    if wrong is None:
        return "✓"
    failures.append(f"{client.name}: {case.name}: {wrong}")
    return "✗"


def _markdown(names: list[str], rows: list[tuple[str, list[str]]]) -> str:
    lines = [f"{n}. {name}" for n, name in enumerate(names, 1)]
    lines += ["", "| case | " + " | ".join(str(n) for n in range(1, len(names) + 1)) + " |"]
    lines.append("|---|" + "---|" * len(names))
    lines += [f"| {name} | " + " | ".join(marks) + " |" for name, marks in rows]
    return "\n".join(lines) + "\n"


def schema(report: dict[str, Any], quick: bool) -> bool:
    """schemathesis over the OpenAPI part."""
    with server("schema", read_seconds="10") as vinocr:
        vinocr.wait_ready()
        command = [
            str(BUILD / "venv" / "bin" / "schemathesis"), "run",
            f"http://{vinocr.endpoint}/openapi.json", "--checks", "all",
            # Whether random bytes are an image, no schema can say: 415 and 422 are right answers.
            "--exclude-checks", "positive_data_acceptance",
            "--max-examples", "30" if quick else "200", "--seed", "1", "--workers", "2",
            "--request-timeout", "30", "--no-color",
        ]  # fmt: skip
        hooks = {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(HERE)}
        ended = subprocess.run(
            command,
            cwd=BUILD,
            env={**os.environ, **hooks},
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )
    (BUILD / "schemathesis.txt").write_text(ended.stdout + ended.stderr)
    summary = [line.strip() for line in ended.stdout.splitlines() if line.strip()][-12:]
    report["schema"] = {"status": ended.returncode, "summary": summary}
    say("\n".join(summary))
    return ended.returncode == 0


def fuzzing(report: dict[str, Any], quick: bool) -> bool:
    """20,000 malformed requests."""
    with server("fuzz", body_seconds="5", queue_seconds="60", workers="2", threads="1") as vinocr:
        vinocr.wait_ready()
        target = fuzz.Target(vinocr.host, vinocr.port, *MAIN)
        started = time.monotonic()
        seen = fuzz.run(target, 2_000 if quick else 20_000)
        seconds = time.monotonic() - started
    text = (BUILD / "fuzz.jsonl").read_text()
    logged = [e for e in ("internal_error", "reader_failed", "Traceback", '"error"') if e in text]
    say(
        f"{seen.sent} malformed requests in {seconds:.0f} s, slowest {seen.slowest:.1f} s; {seen.good} good ones between them answered"
    )
    say(", ".join(f"{name} {count}" for name, count in seen.answers.most_common()))
    for wrong in seen.bad[:20]:
        say(f"FAILED {wrong}")
    report["fuzz"] = {
        "sent": seen.sent, "good answered": seen.good, "seconds": round(seconds, 1),
        "slowest": round(seen.slowest, 2), "kinds": dict(seen.kinds),
        "answers": dict(seen.answers.most_common()), "bad": seen.bad, "in the log": logged,
    }  # fmt: skip
    return not seen.bad and not logged


def loading(report: dict[str, Any], quick: bool) -> bool:
    """Eight clients for 60 s, and the quota."""
    seconds = 10.0 if quick else 60.0
    with server("load", workers="2", threads="1") as vinocr:
        vinocr.wait_ready()
        seen = loads.load(vinocr, MAIN, seconds)
        tight = loads.quota(vinocr, cases.KEYS["ten a second"][:2], seconds / 3)
    accepted = _decided(BUILD / "load.jsonl", "MissingParameter")
    busiest = max(sum(1 for t in accepted if a <= t < a + 0.95) for a in accepted)
    total = sum(seen.answers.values())
    say(f"{total} calls in {seconds:.0f} s by 8 clients: {dict(seen.answers)}, {len(seen.mixed_up)} mixed up, "
        f"median {seen.percentile(0.5):.2f} s, 99 % {seen.percentile(0.99):.2f} s")  # fmt: skip
    share = len(accepted) / (seconds / 3) / 10
    say(
        f"quota of 10/s for {seconds / 3:.0f} s: {dict(tight)}, {share:.1%} of it used, most within 0.95 s {busiest}"
    )
    report["load"] = {
        "seconds": seconds, "answers": dict(seen.answers), "mixed up": seen.mixed_up,
        "median": round(seen.percentile(0.5), 3), "p99": round(seen.percentile(0.99), 3),
        "quota": dict(tight), "quota used": round(share, 3), "most within 0.95 s": busiest,
    }  # fmt: skip
    return (
        set(seen.answers) == {"Success"}
        and not seen.mixed_up
        and 0.9 < share <= 1 + 3 / seconds
        and busiest <= 10
    )


def _decided(log: Path, code: str) -> list[float]:
    """When the server answered this code, by its own log (which lags by some milliseconds)."""
    lines = map(json.loads, log.read_text().splitlines())
    return [
        dt.datetime.fromisoformat(line["time"]).timestamp()
        for line in lines
        if line["event"] == "call" and line["code"] == code
    ]


def remembering(report: dict[str, Any], quick: bool) -> bool:
    """2,000 requests, and what they leave behind."""
    with server("memory", workers="2", threads="1") as vinocr:
        vinocr.wait_ready()
        seen = loads.memory(vinocr, MAIN, 400 if quick else 2000)
    megabytes = [round(s / 1024 / 1024) for s in seen]
    first, last = max(megabytes[len(seen) // 4 : len(seen) // 2]), max(megabytes[-len(seen) // 4 :])
    say(f"resident after every 100 requests, MB: {megabytes}")
    report["memory"] = {"resident MB": megabytes}
    return last <= first * 1.1 + 10


def main() -> int:
    parser = argparse.ArgumentParser(description="VinOCR's conformance suite")
    parser.add_argument("--only", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything that counts")
    options = parser.parse_args()
    chosen = options.only.split(",")
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"{', '.join(unknown)}: there is only {', '.join(PARTS)}")
    install()
    report: dict[str, Any] = {}
    results: dict[str, bool] = {}
    steps = {
        "table": lambda: table(report),
        "schema": lambda: schema(report, options.quick),
        "fuzz": lambda: fuzzing(report, options.quick),
        "load": lambda: loading(report, options.quick),
        "memory": lambda: remembering(report, options.quick),
    }
    for name in chosen:
        say(f"== {name}")
        results[name] = steps[name]()
        say(f"== {name}: {'passed' if results[name] else 'FAILED'}\n")
    (BUILD / "report.json").write_text(json.dumps(report, indent=1, ensure_ascii=False))
    say("  ".join(f"{name}: {'passed' if ok else 'FAILED'}" for name, ok in results.items()))
    return 0 if all(results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
