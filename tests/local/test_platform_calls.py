"""The platform's synchronous side: processes, environment, limits, crashes."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import secrets
from vindrop_local.platform import (
    AlreadyRunningError,
    FunctionSpec,
    Identity,
    LogLine,
    Platform,
)

CODE = """
import json, os, subprocess, sys, time
STARTED = time.time()
calls = 0

def main_handler(event, context):
    global calls
    calls += 1
    do = event.get("do")
    if do == "raise":
        raise ValueError("no good: " + event["text"])
    if do == "exit":
        os._exit(3)
    if do == "sysexit":
        sys.exit("bye")
    if do == "sleep":
        time.sleep(event["seconds"])
    if do == "spin":
        while True: pass
    if do == "child":
        return subprocess.Popen(["sleep", "300"]).pid
    if do == "child then sleep":
        pid = subprocess.Popen(["sleep", "300"]).pid
        open(event["file"], "w").write(f"{os.getpid()} {pid}")
        time.sleep(300)
    if do == "bytes":
        return b"not JSON"
    if do == "big":
        return "x" * (7 * 1024 * 1024)
    if do == "eat":
        eaten = bytearray(500 * 1024 * 1024)
        for at in range(0, len(eaten), 4096):
            eaten[at] = 1
        time.sleep(60)
    if do == "print":
        print("out 车"); print("err", file=sys.stderr); print(); print("no end", end="")
        return None
    if do == "environment":
        return dict(os.environ)
    if do == "where":
        return {"cwd": os.getcwd(), "path": sys.path, "name": __name__, "file": __file__}
    if do == "context":
        return context
    return {"pid": os.getpid(), "calls": calls, "echo": event}
"""

LAMBDA = """
import time
def lambda_handler(event, context):
    before = context.get_remaining_time_in_millis()
    time.sleep(0.05)
    return {
        "name": __name__, "less": context.get_remaining_time_in_millis() < before <= 60000,
        "id": context.aws_request_id, "function": context.function_name,
        "arn": context.invoked_function_arn, "memory": context.memory_limit_in_mb,
    }
"""

Make = Callable[..., Platform]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    running: list[Platform] = []

    def start(code: str = CODE, *, platform: dict[str, Any] | None = None, **spec: Any) -> Platform:
        folder = tmp_path / "code"
        folder.mkdir(exist_ok=True)
        (folder / "handler.py").write_text(code)
        made = Platform(tmp_path / "state", [FunctionSpec("f", folder, **spec)], **(platform or {}))
        made.start()
        running.append(made)
        return made

    yield start
    for each in running:
        each.close(0)


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_a_process_is_started_once_and_used_again(make: Make) -> None:
    platform = make()
    first, second = (platform.invoke("f", {"n": n}) for n in (1, 2))
    assert (first.ok, first.cold, first.value["calls"]) == (True, True, 1)
    assert (second.ok, second.cold, second.value["calls"]) == (True, False, 2)
    assert first.value["pid"] == second.value["pid"] != os.getpid()
    assert second.value["echo"] == {"n": 2}
    assert first.request_id != second.request_id


def test_calls_at_the_same_time_have_processes_of_their_own(make: Make) -> None:
    platform = make(concurrency=2)
    threads = [
        threading.Thread(target=platform.invoke, args=("f", {"do": "sleep", "seconds": 1}))
        for _ in range(2)
    ]
    for each in threads:
        each.start()
    while len(platform.pids()) < 2:
        time.sleep(0.01)
    refused = platform.invoke("f", {})
    assert (refused.ok, refused.error_type) == (False, "ResourceLimitReached")
    assert platform.invoke("f", {}, wait_seconds=30).ok
    for each in threads:
        each.join()
    assert len(platform.pids()) == 2


def test_an_exception_is_the_calls_and_the_process_lives_on(make: Make) -> None:
    platform = make()
    result = platform.invoke("f", {"do": "raise", "text": "车"})
    assert (result.ok, result.error_type) == (False, "ValueError")
    assert result.error_message == "no good: 车"
    assert any("Traceback" in line for line in result.log_lines)
    assert platform.invoke("f", {}).value["calls"] == 2


@pytest.mark.parametrize(
    ("event", "kind", "says"),
    [
        ({"do": "exit"}, "UserProcessExitError", "status 3"),
        ({"do": "sysexit"}, "SystemExit", "bye"),
        ({"do": "spin"}, "TimeLimitReached", "1 s"),
        ({"do": "sleep", "seconds": 60}, "TimeLimitReached", "1 s"),
        ({"do": "child then sleep", "file": "/dev/null"}, "TimeLimitReached", "1 s"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_process_that_ends_or_hangs_costs_that_call_only(
    make: Make, event: dict[str, Any], kind: str, says: str
) -> None:
    platform = make(timeout_seconds=1)
    pid = platform.invoke("f", {}).value["pid"]
    result = platform.invoke("f", event)
    assert (result.ok, result.error_type) == (False, kind)
    assert says in result.error_message
    assert gone(pid)
    after = platform.invoke("f", {})
    assert (after.ok, after.cold) == (True, True)


def test_a_process_killed_between_calls_is_replaced_unseen(make: Make) -> None:
    platform = make()
    pid = platform.invoke("f", {}).value["pid"]
    os.kill(pid, signal.SIGKILL)
    assert gone(pid)
    result = platform.invoke("f", {})
    assert (result.ok, result.cold) == (True, True)


@pytest.mark.skipif(sys.platform != "linux", reason="memory in use is read from /proc")
def test_too_much_memory(make: Make) -> None:
    platform = make(memory_mb=128, timeout_seconds=30)
    result = platform.invoke("f", {"do": "eat"})
    assert (result.error_type, "128 MB" in result.error_message) == ("MemoryLimitReached", True)


def test_what_a_time_limit_kills_takes_its_children_along(make: Make, tmp_path: Path) -> None:
    platform = make(timeout_seconds=1)
    platform.invoke("f", {"do": "child then sleep", "file": str(tmp_path / "pids")})
    own, child = map(int, (tmp_path / "pids").read_text().split())
    assert gone(own)
    assert gone(child)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("def main_handler(e, c) return", "SyntaxError"),
        ("import nothing_of_that_name", "nothing_of_that_name"),
        ("other = 1", "no function main_handler"),
        ("import os; os._exit(7)", "status 7"),
        ("import time; time.sleep(60)", "time limit is 1 s"),
    ],
)
def test_a_handler_that_cannot_be_loaded(make: Make, code: str, says: str) -> None:
    result = make(code, init_seconds=1).invoke("f", {})
    assert (result.ok, result.error_type) == (False, "FunctionInitError")
    assert says in result.error_message


@pytest.mark.parametrize(("do", "says"), [("bytes", "not JSON"), ("big", "up to")])
def test_an_answer_that_cannot_cross(make: Make, do: str, says: str) -> None:
    platform = make()
    result = platform.invoke("f", {"do": do})
    assert (result.ok, result.error_type) == (False, "ResponseError")
    assert says in result.error_message
    assert platform.invoke("f", {}).cold is False


def test_lines_written_belong_to_their_call(make: Make) -> None:
    lines: list[LogLine] = []
    platform = make(platform={"on_log": lines.append})
    platform.invoke("f", {})
    result = platform.invoke("f", {"do": "print"})
    assert result.log_lines == ("out 车", "err", "", "no end")
    assert [
        (line.function, line.text) for line in lines if line.request_id == result.request_id
    ] == [("f", text) for text in result.log_lines]
    assert platform.invoke("f", {}).log_lines == ()


def test_lines_go_to_a_file_by_default(make: Make, tmp_path: Path) -> None:
    result = make().invoke("f", {"do": "print"})
    log = (tmp_path / "state" / "logs" / "f.log").read_text(encoding="utf-8")
    assert f"{result.request_id} out 车\n" in log


def test_scf_gives_exactly_its_own_environment(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://elsewhere")
    monkeypatch.setenv("SOMEONES_SECRET", "x")
    identity = Identity(
        secret_id=secrets.TENCENT_ID,
        secret_key=secrets.TENCENT_KEY,
        session_token=secrets.TENCENT_TOKEN,
    )
    layer = tmp_path / "layer"
    layer.mkdir()
    platform = make(
        environment={"VINDROP_RATE": "5"}, layers=[layer], platform={"identity": identity}
    )
    have = platform.invoke("f", {"do": "environment"}).value
    code = tmp_path / "code"
    assert {k: v for k, v in have.items() if k not in {"PATH", "LANG", "LC_CTYPE"}} == {
        "PYTHONPATH": f"{code}:{layer}",
        "PYTHONDONTWRITEBYTECODE": "x",
        "VINDROP_RATE": "5",
        "TENCENTCLOUD_RUNENV": "SCF",
        "TENCENTCLOUD_REGION": "ap-guangzhou",
        "TENCENTCLOUD_APPID": "1250000000",
        **secrets.TENCENT_ROLE,
        "SCF_FUNCTIONNAME": "f",
        "SCF_NAMESPACE": "default",
        "USER_CODE_ROOT": f"{code}/",
    }
    platform.identity = Identity(secret_id="NEW", secret_key=secrets.TENCENT_KEY)
    again = platform.invoke("f", {"do": "environment"})
    assert (again.cold, again.value["TENCENTCLOUD_SECRETID"]) == (False, "NEW")
    where = platform.invoke("f", {"do": "where"}).value
    assert (where["cwd"], where["name"]) == (str(code), "")
    assert where["path"][:2] == [str(code), str(code)]
    assert str(layer) in where["path"]
    assert not (code / "__pycache__").exists()


def test_scfs_context_is_the_captured_one(make: Make, shared: Path) -> None:
    captured = json.loads((shared / "events" / "scf_context_captured.json").read_text())
    platform = make(timeout_seconds=3, memory_mb=128, environment={"A": "1"})
    result = platform.invoke("f", {"do": "context"})
    context = result.value
    assert {k: type(v) for k, v in context.items()} == {k: type(v) for k, v in captured.items()}
    assert context["request_id"] == result.request_id
    assert (context["time_limit_in_ms"], context["memory_limit_in_mb"]) == (3000, 128)
    assert json.loads(context["environment"]) == {"SCF_NAMESPACE": "default", "A": "1"}


def test_lambdas_context_is_an_object(make: Make, tmp_path: Path) -> None:
    platform = make(LAMBDA, handler="handler.lambda_handler", style="lambda")
    result = platform.invoke("f", {})
    assert result.value == {
        "name": "handler",
        "less": True,
        "id": result.request_id,
        "function": "f",
        "arn": "arn:aws:lambda:ap-guangzhou:001250000000:function:f",
        "memory": "512",
    }


def test_scf_loads_a_handler_under_no_name(make: Make) -> None:
    """Real SCF fails on this file, so we must too; on Lambda it runs."""
    code = """
from __future__ import annotations
import dataclasses

@dataclasses.dataclass
class A:
    b: int = dataclasses.field(default=1)

def main_handler(event, context):
    return A().b
"""
    assert make(code).invoke("f", {}).error_type == "FunctionInitError"


def test_the_venvs_packages_and_ours_can_be_imported(make: Make) -> None:
    code = "import vindrop.domain.vin\ndef main_handler(e, c): return vindrop.domain.vin.check_digit(e)"
    assert make(code).invoke("f", "1M8GDM9AXKP042788").value == "X"


def test_idle_processes_go(make: Make) -> None:
    platform = make(platform={"idle_seconds": 0.1})
    pid = platform.invoke("f", {}).value["pid"]
    assert gone(pid)
    assert platform.invoke("f", {}).ok


def test_one_platform_per_state_folder(make: Make) -> None:
    make()
    with pytest.raises(AlreadyRunningError, match="already running on"):
        make()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name": "1f"}, "a letter first"),
        ({"handler": "handler"}, "file.function"),
        ({"handler": "other.main"}, r"no other\.py"),
        ({"environment": {"SCF_X": "1"}}, "platform's own"),
        ({"environment": {"X": "1" * 5000}}, "up to 4096"),
        ({"timeout_seconds": 901}, "up to 900"),
        ({"concurrency": 0}, "1 or more"),
        ({"layers": [Path("/nowhere")]}, "build it first"),
        ({"retry_delays": (-1,)}, "seconds"),
        ({"style": "azure"}, "scf or lambda"),
    ],
)
def test_a_wrong_function_is_refused_in_one_sentence(
    tmp_path: Path, wrong: dict[str, Any], says: str
) -> None:
    (tmp_path / "handler.py").write_text("")
    with pytest.raises(ValueError, match=says):
        FunctionSpec(**{"name": "f", "code_dir": tmp_path, **wrong})


def test_a_wrong_call_is_refused_in_one_sentence(make: Make) -> None:
    platform = make()
    with pytest.raises(ValueError, match="no function 'g'; there are: f"):
        platform.invoke("g", {})
    with pytest.raises(ValueError, match="cannot be written as JSON"):
        platform.invoke("f", {"x": {1, 2}})
    with pytest.raises(ValueError, match="up to"):
        platform.invoke("f", "x" * (7 * 1024 * 1024))


def test_an_interpreter_that_is_not_there(make: Make) -> None:
    result = make(python=Path("/nowhere/python")).invoke("f", {})
    assert (result.error_type, result.error_message) == (
        "FunctionInitError",
        "cannot start /nowhere/python: No such file or directory",
    )


def test_a_process_with_more_than_a_thousand_open_files_still_calls(tmp_path: Path) -> None:
    """select() knows no file numbers over 1,023; a stack that has run for weeks may."""
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        code = tmp_path / "code"
        code.mkdir()
        (code / "handler.py").write_text("def main_handler(event, context):\n    return event\n")
        with Platform(tmp_path / "state", [FunctionSpec("echo", code)]) as platform:
            assert platform.invoke("echo", {"a": 1}).value == {"a": 1}
    finally:
        for number in held:
            os.close(number)
