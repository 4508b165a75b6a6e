"""A door before a server that cannot be stopped without losing what it keeps."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

from tests.stores.servers.process import bound


class Gate:
    """Forwards connections to a port, until it is shut or muted. ``target`` may change.

    Its port is its own until it is closed: while it is shut, a client is refused, and no other
    process, nor a client by connecting to itself, is there instead.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self._held = bound(0)
        self.port = int(self._held.getsockname()[1])
        self._listener: socket.socket | None = None
        self.accepted = 0
        """Connections so far."""
        self._muted: set[int] = set()
        self._mute_all = False
        self._open: list[socket.socket] = []
        self._half_ended: set[int] = set()
        self._lock = threading.Lock()
        self._turn = 0
        """How often it was opened or shut: what an earlier turn let in belongs to nobody."""
        self.open()

    def open(self) -> None:
        with self._lock:
            self._turn += 1
            self._listener = bound(self.port)
            self._listener.listen(128)
            _in_thread(self._accept, self._listener, self._turn)

    def shut(self) -> None:
        with self._lock:
            self._turn += 1
            listener, self._listener = self._listener, None
            ended, self._open = self._open, []
        for each in [*ended, *([listener] if listener else [])]:
            with contextlib.suppress(OSError):  # its other side has ended it
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def close(self) -> None:
        """Shut it and give its port back."""
        self.shut()
        self._held.close()

    def mute(self, *, new: bool = False) -> None:
        """Let every connection swallow what is sent on it, in silence, as a lost route does.

        :param new: those that are made from now on as well.
        """
        self._muted.update(range(self.accepted))
        self._mute_all = new

    def unmute(self) -> None:
        """Let new connections through; those that were muted stay so."""
        self._mute_all = False

    def _is_muted(self, number: int) -> bool:
        return self._mute_all or number in self._muted

    def _accept(self, listener: socket.socket, turn: int) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                near.close()
                continue
            with self._lock:
                if turn != self._turn:
                    near.close()
                    far.close()
                    return
                self._open += [near, far]
                number = self.accepted
                self.accepted += 1
                if self._mute_all:
                    self._muted.add(number)
            _in_thread(self._pump, near, far, number)
            _in_thread(self._pump, far, near, number)

    def _pump(self, source: socket.socket, sink: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not self._is_muted(number):
                    sink.sendall(data)
            if not self._is_muted(number):
                sink.shutdown(socket.SHUT_WR)
        with self._lock:
            if number not in self._half_ended:
                self._half_ended.add(number)
                return
            self._half_ended.discard(number)
        if not self._is_muted(number):  # both ways have ended; what is muted stays open, in silence
            for each in (source, sink):
                each.close()
                with self._lock, contextlib.suppress(ValueError):  # where it was shut meanwhile
                    self._open.remove(each)


def _in_thread(function: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=function, args=arguments, daemon=True).start()
