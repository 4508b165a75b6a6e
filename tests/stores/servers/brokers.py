"""RabbitMQ, Debian's own package, and Kafka as librdkafka's mock cluster."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from typing import Any

from tests import needs
from tests.stores.servers.process import PASSWORD, Server, dies_with_us
from vindrop_local.serving import free_port


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
            [*dies_with_us(), "epmd", "-port", str(self._epmd_port), "-address", "127.0.0.1"],
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
            # On a busy machine it goes on answering until the signal has reached every thread.
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)

    def close(self) -> None:
        self.start()
        super().stop()
        self._held.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, topic: str) -> str:
        return f"kafka://127.0.0.1:{self.port}/{topic}"
