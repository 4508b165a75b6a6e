"""A reader decodes strangers' images: no secret is within its reach, and it can do nothing but read."""

from __future__ import annotations

import http.client
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.vinocr.vinocr_support import ID, KEY, VIN, b64, call, photo, stub_reader
from vinocr.launcher import ServerProcess
from vinocr.serve import sandbox

linux = pytest.mark.skipif(sys.platform != "linux", reason="seccomp and /proc are Linux's")
Evaluate = Callable[[str], str]
PLANTED = {
    "TENCENTCLOUD_SECRETKEY": "planted-tencent",
    "AWS_SECRET_ACCESS_KEY": "planted-aws",
    "AWS_SESSION_TOKEN": "planted-session",
    "VINDROP_LEDGER": "postgresql://user:planted-password@host/db",
    "VINDROP_API_KEYS": "planted-api-key",
    "DATABASE_URL": "planted-url",
    "PYTHON_KEYRING_PASSWORD": "planted-keyring",
    "LC": "planted-lc",
    "path": "planted-path",
}


def test_only_names_on_the_list_pass() -> None:
    given = {"PATH": "/bin", "LANG": "C", "LC_ALL": "C", "OMP_NUM_THREADS": "2", "PYTHONPATH": "/x"}
    assert sandbox.environment({**given, **PLANTED, "VINOCR_SECRET_KEY": "planted"}) == given


def reader_of(log: Path) -> dict[str, object]:
    lines = map(json.loads, log.read_text().splitlines())
    return next(line for line in lines if line["event"] == "reader_ready")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("confined") / "log.jsonl"


@pytest.fixture(scope="module")
def server(log: Path) -> Iterator[ServerProcess]:
    """A server whose readers do what an image tells them: the worst that an image can do."""
    secret = log.parent / "secret.txt"
    secret.write_text("as it was")
    os.set_inheritable(descriptor := os.open(secret, os.O_RDONLY), True)
    with ServerProcess.start({**PLANTED, **stub_reader(log.parent)}, log=log) as vinocr:
        os.close(descriptor)
        vinocr.wait_ready()
        yield vinocr


@pytest.fixture(scope="module")
def evaluate(server: ServerProcess) -> Evaluate:
    """Have a reader evaluate an expression; return what came out."""

    def send(expression: str) -> str:
        line = http.client.HTTPConnection(server.host, server.port, timeout=60)
        body = photo() + b"eval:" + expression.encode()
        line.request("POST", "/v1/vin", body, {"Content-Type": "image/jpeg"})
        answer = json.loads(line.getresponse().read())
        line.close()
        return str(answer.get("as_read", answer.get("code")))

    return send


@linux
def test_no_secret_is_in_a_reader_s_environment_or_descriptors(
    server: ServerProcess, log: Path, evaluate: Evaluate
) -> None:
    reader = Path(f"/proc/{reader_of(log)['pid']}")
    for name in ("environ", "cmdline"):
        text = (reader / name).read_text()
        assert "planted" not in text
        assert KEY not in text
        assert ID not in text
    assert "planted" in Path(f"/proc/{server.process.pid}/environ").read_text(), "they were there"
    kinds = {str(each.readlink()).partition(":")[0] for each in (reader / "fd").iterdir()}
    assert kinds <= {"pipe"}, kinds
    assert "planted" not in evaluate("__import__('os').environ")


SYSTEM_CALL = "1 // (__import__('ctypes').CDLL(None).syscall({}) + 1)"
"""Fails where the system refuses the call."""
_BUFFER = "__import__('ctypes').create_string_buffer(128)"
_NAME = "b'{folder}/secret.txt'"
CALLS = {
    "a signal to a thread": ((234, 131), "{pid}, {pid}, 0"),
    "a queued signal": ((129, 138), f"{{pid}}, 0, {_BUFFER}"),
    "a look at the server's limits": ((302, 261), f"{{pid}}, 7, None, {_BUFFER}"),
    "the server's limits": ((302, 261), f"{{pid}}, 7, {_BUFFER}, None"),
    "the server's priority": ((141, 140), "0, {pid}, 1"),
    "the server's processors": ((203, 122), f"{{pid}}, 8, {_BUFFER}"),
    "a file's mode": ((452, 452), f"-100, {_NAME}, 511, 0"),
    "a file's attribute": ((189, 6), f"{_NAME}, b'user.a', b'b', 1, 0"),
    "shared memory": ((29, 194), "{pid}, 4096, 896"),
    "a message queue": ((68, 186), "{pid}, 896"),
    "a semaphore": ((64, 190), "{pid}, 1, 896"),
    "a queue with a name": ((240, 180), "b'made', 66, 384, None"),
    "the system's log": ((103, 116), "10, None, 0"),
}
"""What ctypes can call: its numbers on x86-64 and ARM, and its arguments."""
FORBIDDEN = {
    **{
        name: SYSTEM_CALL.format(f"{numbers[platform.machine() == 'aarch64']}, {arguments}")
        for name, (numbers, arguments) in CALLS.items()
    },
    "a socket": "__import__('socket').socket()",
    "a local socket": "__import__('socket').socket(1)",
    "a pair": "__import__('socket').socketpair()",
    "a connection": "__import__('socket').create_connection(('127.0.0.1', {port}))",
    "a name": "__import__('socket').getaddrinfo('example.com', 80)",
    "a file": "open('{folder}/made.txt', 'w')",
    "a file, appended to": "open('{folder}/secret.txt', 'a')",
    "a file, updated": "open('{folder}/secret.txt', 'r+')",
    "a file by descriptor": "__import__('os').open('{folder}/made.txt', 66)",
    "a temporary file": "__import__('tempfile').TemporaryFile()",
    "a folder": "__import__('os').mkdir('{folder}/made')",
    "a removal": "__import__('os').remove('{folder}/secret.txt')",
    "a rename": "__import__('os').rename('{folder}/secret.txt', '{folder}/made.txt')",
    "a link": "__import__('os').symlink('/etc', '{folder}/made')",
    "a program": "__import__('subprocess').run(['/bin/true'])",
    "another program": "__import__('os').execv('/bin/true', ['true'])",
    "a fork": "__import__('os').fork()",
    "a signal": "__import__('os').kill({pid}, 9)",
    "a signal to a group": "__import__('os').kill(0, 9)",
    "the server's environment": "open('/proc/{pid}/environ').read()",
    "the server's memory": "open('/proc/{pid}/mem', 'rb').read(1)",
}


@linux
@pytest.mark.parametrize("name", FORBIDDEN)
def test_a_reader_that_was_taken_over_can_do_nothing(
    server: ServerProcess, log: Path, evaluate: Evaluate, name: str
) -> None:
    if name.startswith("the server's") and "landlock" not in str(reader_of(log)["confined"]):
        pytest.skip("this kernel has no Landlock")
    about = {"folder": log.parent, "port": server.port, "pid": server.process.pid}
    assert evaluate(FORBIDDEN[name].format(**about)) == "InternalError"
    assert not list(log.parent.glob("made*"))
    assert (log.parent / "secret.txt").read_text() == "as it was"


@linux
def test_all_its_threads_are_confined(evaluate: Evaluate) -> None:
    assert evaluate("open('/proc/self/status').read()").count("Seccomp:\\t2") == 1
    every = "[open(p).read() for p in __import__('glob').glob('/proc/self/task/*/status')]"
    said = evaluate(every)
    assert said.count("Seccomp:\\t2") == said.count("NoNewPrivs:\\t1") >= 1


def test_what_a_reader_needs_still_works(evaluate: Evaluate, server: ServerProcess) -> None:
    assert evaluate("__import__('resource').getrlimit(7)[0] > 0") == "True"
    assert evaluate("1 + 1") == "2"
    assert evaluate("__import__('threading').Thread(target=print).start()") == "None"
    assert evaluate("len(open(__import__('os').__file__).read()) > 0") == "True", "lazy imports"
    assert call(server, {"ImageBase64": b64(photo())}) == VIN


@linux
def test_the_real_reader_is_confined_and_says_how(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    texts = {"VINOCR_SECRET_ID": ID, "VINOCR_SECRET_KEY": KEY, "VINOCR_QUEUE_SECONDS": "60"}
    with ServerProcess.start(texts, log=log) as vinocr:
        assert call(vinocr, {"ImageBase64": b64(photo())}) == VIN
        ready = reader_of(log)
        assert "seccomp" in str(ready["confined"])
        tasks = list(Path(f"/proc/{ready['pid']}/task").iterdir())
        assert len(tasks) > 1, "the networks have threads of their own"
        assert all("Seccomp:\t2" in (task / "status").read_text() for task in tasks)


def test_the_filter_is_well_formed_on_every_machine() -> None:
    for machine in ("x86_64", "aarch64"):
        steps = sandbox._program(machine)
        assert all(len(step) == 8 for step in steps)
        assert len(steps) < 4096
        for at, step in enumerate(steps):
            code = int.from_bytes(step[:2], "little")
            if code & 7 == 5:  # a jump stays inside, and ends in a decision
                assert at + 1 + max(step[2], step[3]) < len(steps)
