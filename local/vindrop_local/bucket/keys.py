"""Object key ⇄ place in the folder. Every key has a place, and no key leads out of the folder.

A key that can be a file name lies where a person expects it: ``day 1/a.jpg`` in
``day 1/a.jpg``. Any other (``../a``, ``a//b``, ``a/``, a NUL, 300 characters between two
slashes, ``a/b`` where ``a`` is already a file) lies percent-encoded under ``.vindrop/keys``.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from vindrop_local.bucket.errors import CosError
from vindrop_local.bucket.spec import RESERVED

MAX_KEY_BYTES: Final = 1024
"""COS: 1 to 1,024 bytes of UTF-8."""

ODD_KEYS: Final = f"{RESERVED}/keys"
_MAX_NAME_BYTES: Final = 255  # what Linux and macOS allow between two slashes
_CHUNK: Final = 200
_END: Final = "="  # ends the last part of an encoded key, so that a file never meets a folder
_SAFE: Final = " -_.~+,@()"


def decode(raw_path: bytes) -> str:
    """Return the key of a request's path as it came over the wire, percent-encoded.

    :raises CosError: not UTF-8, or longer than a key may be.
    """
    try:
        key = unquote_to_bytes(raw_path[1:]).decode("utf-8")
    except UnicodeDecodeError:
        text = "The key is not UTF-8: percent-encode it as UTF-8."
        raise CosError("InvalidURI", text) from None
    return checked(key)


def checked(key: str) -> str:
    """Return ``key`` if COS would take it.

    :raises CosError: longer than 1,024 bytes, or not writable as UTF-8.
    """
    try:
        size = len(key.encode("utf-8"))
    except UnicodeEncodeError:
        text = "The key holds characters that UTF-8 cannot write."
        raise CosError("InvalidURI", text) from None
    if size > MAX_KEY_BYTES:
        raise CosError("KeyTooLong", f"The key has {size} bytes: shorten it to {MAX_KEY_BYTES}.")
    return key


def plain_name(key: str) -> str | None:
    """Return the path, relative to the folder, that is the key itself; None if it cannot be one."""
    parts = key.split("/")
    for part in parts:
        if part in ("", ".", "..") or "\0" in part or len(part.encode()) > _MAX_NAME_BYTES:
            return None
    # Whatever looks like our own folder (also on a file system that ignores case) is not plain.
    return None if parts[0].lower() == RESERVED else key


def odd_name(key: str) -> str:
    """Return the encoded path, relative to the folder, that any key can have."""
    # A dot at a name's start would make "." and ".." possible again.
    text = quote(key, safe=_SAFE) + _END
    chunks = [text[at : at + _CHUNK] for at in range(0, len(text), _CHUNK)]
    return "/".join([ODD_KEYS, *("_" + chunk for chunk in chunks)])


def key_of_odd_name(name: str) -> str | None:
    """Undo `odd_name`; None if nobody could have made ``name`` with it."""
    chunks = name.removeprefix(ODD_KEYS + "/").split("/")
    text = "".join(chunk[1:] for chunk in chunks)
    if not text.endswith(_END) or text.count(_END) != 1:
        return None
    try:
        key = unquote_to_bytes(text[:-1]).decode("utf-8")
    except UnicodeDecodeError:
        return None
    return key if odd_name(key) == name else None


def places(folder: Path, key: str) -> Iterator[Path]:
    """The files in which ``key`` may lie, best first. None of them passes through a symlink."""
    plain = plain_name(key)
    if plain is not None and not _passes_a_link(folder, plain):
        yield folder / plain
    yield folder / odd_name(key)


def _passes_a_link(folder: Path, name: str) -> bool:
    at = str(folder)  # text, not Path: this runs once for every key of a listing
    for part in name.split("/"):
        at = f"{at}/{part}"
        try:
            if stat.S_ISLNK(os.lstat(at).st_mode):
                return True
        except OSError:
            return False  # there is nothing further down
    return False


def can_hold_a_file(folder: Path, place: Path) -> bool:
    """Whether a file can be put at ``place``: no folder stands there, and no file on the way."""
    if place.is_dir():
        return False
    for parent in place.parents:
        if parent == folder:
            return True
        if parent.exists():
            return parent.is_dir()
    return True


def key_of(name: str) -> str | None:
    """Return the key of a file found in the folder; None for what can be no object.

    That is: our own folder's files, and names that are not UTF-8 or too long for a key.

    :param name: its path, relative to the folder.
    """
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return None
    if name.startswith(ODD_KEYS + "/"):
        return key_of_odd_name(name)
    if plain_name(name) is None or len(name.encode()) > MAX_KEY_BYTES:
        return None
    return name
