"""A function's folder as the platforms mount it, and the two runtimes that call it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import secrets
from tests.pipeline.conftest import World
from tests.runtimes import tools
from tests.runtimes.tools import Runtimes
from vindrop_local.platform.environment import context
from vindrop_local.platform.spec import FunctionSpec, Identity
from vindrop_local.serving import free_port


@pytest.fixture(scope="session")
def runtimes() -> Runtimes:
    return tools.fetch()


@pytest.fixture
def code(root: Path, tmp_path: Path) -> Iterator[Path]:
    """The upload function as it is deployed: its handler and the library, read-only."""
    folder = tmp_path / "var-user"
    folder.mkdir()
    shutil.copy(root / "functions" / "upload" / "handler.py", folder)
    shutil.copytree(
        root / "layers" / "vindrop" / "vindrop",
        folder / "vindrop",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    before = set(folder.rglob("*"))
    for path in [folder, *before]:
        path.chmod(path.stat().st_mode & ~0o222)
    yield folder
    assert set(folder.rglob("*")) == before, "something was written into the code"
    for path in [folder, *before]:
        path.chmod(path.stat().st_mode | 0o200)


def settings(world: World, **more: str) -> dict[str, str]:
    """What is set for the function itself."""
    store = f"sqlite:///{world.folder}/vindrop.db"
    return {
        "VINDROP_RESULTS": store,
        "VINDROP_DEAD_LETTERS": store,
        "VINDROP_LEDGER": store,
        "VINDROP_VINOCR_ENDPOINT": world.vinocr.endpoint,
        **secrets.VINOCR,
        "VINDROP_STORAGE_ENDPOINT": world.storage_endpoint,
        "VINDROP_RATE": "500",
        "VINDROP_RETRY_SECONDS": "0.01",
        "VINDROP_VINOCR_TIMEOUT": "30",
        **more,
    }


class SCF:
    """A process under SCF's own bootstrap, with what SCF puts around it."""

    def __init__(
        self, runtimes: Runtimes, code: Path, own: dict[str, str], *, seconds: float = 120.0
    ) -> None:
        self.spec = FunctionSpec("upload", code, environment=own, timeout_seconds=seconds)
        self.log = code.parent / "scf.log"
        self._identity = Identity()
        self._answers, theirs = os.pipe()
        environment = {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": "/nonexistent",
            "TENCENTCLOUD_RUNENV": "SCF",
            **secrets.TENCENT_ROLE,
            "SCF_FUNCTIONNAME": "upload",
            "USER_CODE_ROOT": f"{code}/",
            "PYTHONDONTWRITEBYTECODE": "x",
            # The transport comes first, so that bootstrap.py finds ours under its name.
            "PYTHONPATH": f"{code}:{runtimes.site}",
            "TRANSPORT_FD": str(theirs),
            **own,
        }
        start = (
            "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); "
            "import runtime; runpy.run_path(sys.argv.pop(1), run_name='__main__')"
        )
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(runtimes.python, "-c", start, tools.HERE / "scf_transport"),
                    *(runtimes.bootstrap / "bootstrap.py", f"{code}/handler:main_handler"),
                ],
                env=environment,
                stdin=subprocess.PIPE,
                stderr=log,
                stdout=log,
                pass_fds=[theirs],
            )
        os.close(theirs)
        self._lines = os.fdopen(self._answers, "r")

    def call(self, event: Any) -> dict[str, Any] | None:
        """Return the answer; None: over the time limit, and killed for it."""
        assert self.process.stdin is not None
        given = context(self.spec, self._identity, str(uuid.uuid4()))
        given["environ"] = ""
        self.process.stdin.write(json.dumps({"event": event, "context": given}).encode() + b"\n")
        self.process.stdin.flush()
        if self._wait(self.spec.timeout_seconds):
            line = self._lines.readline()
            assert line, self.log.read_text()
            answer: dict[str, Any] = json.loads(line)
            assert answer["request_id"] == given["request_id"]
            return answer
        self.process.kill()
        return None

    def _wait(self, seconds: float) -> bool:
        import select

        poll = select.poll()
        poll.register(self._lines, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._lines.close()
        if self.process.stdin is not None:
            self.process.stdin.close()


class Lambda:
    """awslambdaric under the runtime interface emulator."""

    def __init__(
        self, runtimes: Runtimes, code: Path, own: dict[str, str], *, seconds: int = 120
    ) -> None:
        self.port, api = free_port(), free_port()
        self.log = code.parent / "lambda.log"
        environment = {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": "/nonexistent",
            "AWS_LAMBDA_FUNCTION_NAME": "upload",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(seconds),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_REGION": "us-east-1",
            **secrets.AWS,
            "AWS_SESSION_TOKEN": secrets.AWS_TOKEN,
            "LAMBDA_TASK_ROOT": str(code),
            "PYTHONDONTWRITEBYTECODE": "x",
            "PYTHONPATH": f"{code}:{runtimes.site}",
            # The photos lie in a bucket that speaks COS, whichever platform calls.
            **secrets.TENCENT_ROLE,
            **own,
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(
                        runtimes.rie,
                        "--runtime-interface-emulator-address",
                        f"127.0.0.1:{self.port}",
                    ),
                    *("--runtime-api-address", f"127.0.0.1:{api}"),
                    *(runtimes.python, "-m", "awslambdaric", "handler.main_handler"),
                ],
                env=environment,
                cwd=code,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 30
        while True:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), 1),
            ):
                break
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def call(self, event: Any) -> Any:
        """Return the answer as Lambda's caller gets it."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/2015-03-31/functions/function/invocations",
            json.dumps(event).encode(),
        )
        try:
            with urllib.request.urlopen(request, timeout=180) as response:
                text = response.read().decode()
        except urllib.error.HTTPError as error:
            text = error.read().decode()
        try:
            return json.loads(text)
        except ValueError:
            return text

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, 9)
        self.process.wait()
