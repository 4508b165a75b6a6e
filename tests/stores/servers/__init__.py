"""Real servers for tests: on loopback, on free ports, in temporary folders, stopped by their pid."""

from tests.stores.servers.aws import MotoServer
from tests.stores.servers.brokers import KafkaServer, RabbitMQServer
from tests.stores.servers.databases import (
    MariaDBServer,
    PgBouncerServer,
    PostgreSQLServer,
    RedisClusterServer,
    RedisServer,
    make_cluster,
)
from tests.stores.servers.gate import Gate
from tests.stores.servers.process import PASSWORD

__all__ = [
    "PASSWORD",
    "Gate",
    "KafkaServer",
    "MariaDBServer",
    "MotoServer",
    "PgBouncerServer",
    "PostgreSQLServer",
    "RabbitMQServer",
    "RedisClusterServer",
    "RedisServer",
    "make_cluster",
]
