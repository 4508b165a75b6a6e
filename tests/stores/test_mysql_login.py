"""The default login of MySQL 8 without TLS: the password is encrypted with the server's key.

MariaDB does not know that login, so a server of these few packets stands here.
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from layers.dependencies.contents import LAYERS
from tests.stores.servers.gate import _in_thread
from vindrop.core.store_errors import StoreError
from vindrop.stores.sql.mysql import MySQL

PASSWORD = "planted-password"
_SALT = b"abcdefghijklmnopqrst"
_OK = b"\x00\x00\x00\x02\x00\x00\x00"


class MySQL8:
    """Greets, asks for the full login, and answers every statement with OK."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(65537, 2048)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        _in_thread(self._accept)

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            _in_thread(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with closing(connection):
            capabilities = 0x1 | 0x4 | 0x8 | 0x200 | 0x2000 | 0x8000 | 0x10000 | 0x80000
            greeting = (
                b"\x0a8.0.36\0" + struct.pack("<I", 7) + _SALT[:8] + b"\0"
                + struct.pack("<H", capabilities & 0xFFFF) + b"\x2d" + struct.pack("<H", 2)
                + struct.pack("<H", capabilities >> 16) + bytes([21]) + bytes(10)
                + _SALT[8:] + b"\0caching_sha2_password\0"
            )  # fmt: skip
            self._send(connection, 0, greeting)
            connection.recv(4096)
            self._send(connection, 2, b"\x01\x04")  # the full login
            connection.recv(4096)
            public = self._key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            self._send(connection, 4, b"\x01" + public)
            encrypted = connection.recv(4096)[4:]
            if not encrypted:  # a client that cannot encrypt has left
                return
            secret = self._key.decrypt(
                encrypted, padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
            )
            pairs = zip(secret, (_SALT * 5)[: len(secret)], strict=True)
            plain = bytes(one ^ other for one, other in pairs)
            if plain != PASSWORD.encode() + b"\0":
                self._send(connection, 6, b"\xff\x15\x04#28000Access denied for user")
                return
            self._send(connection, 6, _OK)
            while connection.recv(65536):
                self._send(connection, 1, _OK)

    def _send(self, connection: socket.socket, number: int, body: bytes) -> None:
        connection.sendall(struct.pack("<I", len(body))[:3] + bytes([number]) + body)


@pytest.fixture(scope="module")
def server() -> Iterator[MySQL8]:
    found = MySQL8()
    yield found
    found.close()


_ASK = """
import sys
from vindrop.core.store_errors import StoreError
from vindrop.stores.sql.mysql import MySQL
if sys.argv[2] == "without":
    sys.modules["cryptography"] = None
database = MySQL(sys.argv[1])
assert sys.modules.get("cryptography") is None, "loaded before a login asked for it"
try:
    print(database.execute("SELECT 1").rows)
except StoreError as error:
    print(error)
"""


def asked(server: MySQL8, how: str) -> str:
    """What a fresh process is told by a database with this login."""
    url = f"mysql://u:{PASSWORD}@127.0.0.1:{server.port}/vin"
    done = subprocess.run(
        [sys.executable, "-c", _ASK, url, how],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_default_login_of_mysql_8(server: MySQL8) -> None:
    assert asked(server, "with") == "[]"


def test_without_cryptography_it_says_what_to_install(server: MySQL8) -> None:
    assert "install vindrop[mysql]" in asked(server, "without")


def test_a_wrong_password_is_one_sentence(server: MySQL8) -> None:
    with pytest.raises(StoreError, match="Access denied"):
        MySQL(f"mysql://u:other@127.0.0.1:{server.port}/vin").execute("SELECT 1")


def test_extra_and_layer_bring_what_the_login_needs(root: Path) -> None:
    assert 'mysql = ["pymysql[rsa]' in (root / "pyproject.toml").read_text()
    assert {"pymysql", "cryptography"} <= set(LAYERS["mysql"].roots)
