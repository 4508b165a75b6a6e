"""Real servers for tests: on loopback, on free ports, in temporary folders, stopped by their pid.

Databases and brokers are Debian's own packages; Kafka is librdkafka's mock cluster; AWS is moto
behind a gate that can be shut, since moto keeps everything in memory.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests import needs

START_SECONDS = 90.0
PASSWORD = "planted-password"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _dies_with_us() -> list[str]:
    """Have the kernel end a server whose tests were killed, where util-linux is there to ask it."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


class Server:
    """A process that can be killed and started again on the same port and the same data."""

    user: str | None = None
    """Whom the process runs as when the tests are root's: some servers refuse root."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vindrop-server-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._as_user: dict[str, Any] = {}
        if self.user and os.geteuid() == 0:
            self._as_user = {"user": self.user, "group": self.user, "extra_groups": []}
            shutil.chown(self.folder, self.user)
        self.prepare()
        self.start()
        self.ready_once()

    def prepare(self) -> None:
        """Make the data folder."""

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return {}

    def answers(self) -> None:
        """Return once the server answers; raise while it does not."""
        socket.create_connection(("127.0.0.1", self.port), timeout=1).close()

    def ready_once(self) -> None:
        """What is set up after the first start."""

    def run(self, *command: str) -> None:
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, check=False, timeout=120, **self._as_user
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]}: {done.stdout.decode()} {done.stderr.decode()}")

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_dies_with_us(), *self.command()],
                cwd=self.folder,
                env={**os.environ, **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as_user,
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.answers()
            except Exception:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    text = (self.folder / "log").read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"{self.command()[0]} did not start: {text}") from None
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        """Kill it: no farewell, nothing flushed."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout=30)
            self._process = None

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class PostgreSQLServer(Server):
    user = "postgres"

    def prepare(self) -> None:
        # Debian keeps the programs of each version in a folder of their own.
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        self._bin = (
            found[-1].parent
            if found
            else Path(needs.program("postgres", package="postgresql")).resolve().parent
        )
        (self.folder / "password").write_text(PASSWORD)
        if self._as_user:
            shutil.chown(self.folder / "password", self.user)
        data = str(self.folder / "data")
        self.run(
            f"{self._bin}/initdb", "-D", data, "-U", "owner", "-A", "scram-sha-256",
            f"--pwfile={self.folder}/password", "-E", "UTF8", "--no-sync",
        )  # fmt: skip

    def command(self) -> list[str]:
        return [
            f"{self._bin}/postgres", "-D", str(self.folder / "data"), "-h", "127.0.0.1",
            "-p", str(self.port), "-k", str(self.folder), "-c", "max_connections=200",
        ]  # fmt: skip

    def answers(self) -> None:
        self.sql("SELECT 1")

    def sql(self, statement: str, database: str = "postgres") -> None:
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True, connect_timeout=2) as connection:
            connection.execute(statement.encode())

    def url(self, database: str, user: str = "owner", password: str = PASSWORD) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"


class MariaDBServer(Server):
    def prepare(self) -> None:
        needs.program("mariadbd", package="mariadb-server")
        self.run(
            "mariadb-install-db", "--no-defaults", f"--datadir={self.folder}/data",
            "--auth-root-authentication-method=normal", "--skip-test-db", *self._who(),
        )  # fmt: skip

    def _who(self) -> list[str]:
        return ["--user=root"] if os.geteuid() == 0 else []

    def command(self) -> list[str]:
        return [
            "mariadbd", "--no-defaults", f"--datadir={self.folder}/data",
            f"--socket={self.folder}/s", f"--pid-file={self.folder}/pid",
            "--bind-address=127.0.0.1", f"--port={self.port}", "--max-connections=200", *self._who(),
        ]  # fmt: skip

    def answers(self) -> None:
        self.sql("SELECT 1")

    def ready_once(self) -> None:
        self.sql(f"CREATE USER 'owner'@'%' IDENTIFIED BY '{PASSWORD}'")
        self.sql("GRANT ALL ON *.* TO 'owner'@'%'")

    def sql(self, statement: str) -> None:
        import pymysql

        connection = pymysql.connect(
            unix_socket=f"{self.folder}/s", user="root", autocommit=True, connect_timeout=2
        )
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(statement)

    def url(self, database: str, user: str = "owner", password: str = PASSWORD) -> str:
        return f"mysql://{user}:{password}@127.0.0.1:{self.port}/{database}"


class RedisServer(Server):
    def command(self) -> list[str]:
        program = needs.program("redis-server", package="redis-server")
        return [
            program, "--port", str(self.port), "--bind", "127.0.0.1", "--requirepass", PASSWORD,
            "--appendonly", "yes", "--appendfsync", "always", "--save", "",
        ]  # fmt: skip

    def answers(self) -> None:
        self.client().ping()

    def client(self) -> Any:
        import redis

        return redis.Redis.from_url(self.url())

    def url(self, password: str = PASSWORD) -> str:
        return f"redis://:{password}@127.0.0.1:{self.port}/0"


class RabbitMQServer(Server):
    def prepare(self) -> None:
        needs.program("rabbitmq-server", package="rabbitmq-server")
        self._epmd_port = free_port()
        (self.folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            "max_message_size = 1048576\n"
            "default_user = owner\n"
            f"default_pass = {PASSWORD}\n"
        )
        # Started by us, so that no daemon of Erlang's is left behind.
        self._epmd = subprocess.Popen(
            [*_dies_with_us(), "epmd", "-port", str(self._epmd_port), "-address", "127.0.0.1"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._dist_port = free_port()

    def command(self) -> list[str]:
        return ["/usr/lib/rabbitmq/bin/rabbitmq-server"]

    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_NODENAME": f"vindrop{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        }

    def answers(self) -> None:
        self.connection().close()

    def connection(self) -> Any:
        import pika

        return pika.BlockingConnection(pika.URLParameters(self.url()))

    def close(self) -> None:
        super().close()
        self._epmd.kill()
        self._epmd.wait(timeout=10)

    def url(self, password: str = PASSWORD) -> str:
        return f"amqp://owner:{password}@127.0.0.1:{self.port}/%2F"


_MOCK_CLUSTER = """
import sys, time
from confluent_kafka import Producer
producer = Producer({"bootstrap.servers": "-", "test.mock.num.brokers": 1, "log_level": 0})
while not (found := producer.list_topics(timeout=10).brokers):
    time.sleep(0.1)
broker = next(iter(found.values()))
print(broker.port, file=open(sys.argv[1], "w"), flush=True)
sys.stdin.read()
"""


class KafkaServer(Server):
    """librdkafka's mock cluster: in memory and on a port of its own choice, so stopping freezes it."""

    def command(self) -> list[str]:
        needs.module("confluent_kafka", package="confluent-kafka")
        return [
            sys.executable,
            "-c",
            f"{_MOCK_CLUSTER}\ntime.sleep(1e9)",
            str(self.folder / "port"),
        ]

    def answers(self) -> None:
        self.port = int((self.folder / "port").read_text())
        super().answers()

    def start(self) -> None:
        if self._process is None:
            super().start()
        else:
            os.killpg(self._process.pid, signal.SIGCONT)

    def stop(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGSTOP)

    def close(self) -> None:
        self.start()
        super().stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, topic: str) -> str:
        return f"kafka://127.0.0.1:{self.port}/{topic}"


class MotoServer(Server):
    """moto, reached through a gate: shut, the connection is refused as from a stopped server."""

    def command(self) -> list[str]:
        needs.module("moto.server", package="'moto[server]'")
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]

    def environment(self) -> dict[str, str]:
        return {"MOTO_ACCOUNT_ID": "123456789012"}

    def ready_once(self) -> None:
        self.gate = Gate(self.port)

    def start(self) -> None:
        if self._process is None:
            super().start()
        else:
            self.gate.open()

    def stop(self) -> None:
        self.gate.shut()

    def close(self) -> None:
        self.gate.shut()
        super().stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.gate.port}"

    def client(self, service: str) -> Any:
        import botocore.session

        return botocore.session.Session().create_client(
            service,
            region_name="us-east-1",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            aws_access_key_id="AKIDTEST",
            aws_secret_access_key="test",
        )


class Gate:
    """Forwards connections to a port, until it is shut."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.port = free_port()
        self._open: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self.open()

    def open(self) -> None:
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen(128)
        _in_thread(self._accept, self._listener)

    def shut(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._open.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            self._open += [near, far]
            _in_thread(_pump, near, far)
            _in_thread(_pump, far, near)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def _in_thread(function: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=function, args=arguments, daemon=True).start()
