"""A TCP port in front of a server: while it is closed, connections are refused, as in an outage."""

from __future__ import annotations

import contextlib
import socket
import threading


class Gate:
    """``with Gate("127.0.0.1", port) as gate``: what comes to ``gate.port`` goes to the server.

    The port stays reserved while the gate is closed, so that nobody else gets it.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._reserved.bind(("127.0.0.1", 0))  # bound, and not listening
        self.port = int(self._reserved.getsockname()[1])
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()

    def __enter__(self) -> Gate:  # noqa: PYI034 - Self is of 3.11
        self.open()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
        self._reserved.close()

    def open(self) -> None:
        """Let connections through."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(128)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def close(self) -> None:
        """Refuse new connections and cut those that are open."""
        with self._lock:
            listener, self._listener = self._listener, None
            cut, self._connections = self._connections, set()
        for each in (listener, *cut):
            if each is not None:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
                server = socket.create_connection(self._target)
            except OSError:
                return
            with self._lock:
                self._connections |= {client, server}
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._connections -= {source, sink}
