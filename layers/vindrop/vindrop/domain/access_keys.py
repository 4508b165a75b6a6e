"""Keys of HTTP callers: whose each is, and what it may do.

A key is written ``name:role:key``. One that stands alone, as all did before there were roles, may
send photos and nothing else, and is called by its place: ``key-1``.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from vindrop.domain.redaction import Secret

Role = Literal["capture", "review", "admin"]
"""``capture``: sends photos. ``review``: looks at them and decides, too. ``admin``: spends money on
uploads that ended (redrive), too."""
ROLES: Final[tuple[Role, ...]] = get_args(Role)
"""Each may do what those before it may."""
LONGEST_NAME: Final = 64
_NAME: Final = frozenset(string.ascii_letters + string.digits + "._-@+")


@dataclass(frozen=True, slots=True)
class AccessKey:
    """One key."""

    name: str
    """Who it is: stands in the log and in reviews."""
    role: Role
    secret: str = field(repr=False)


def parse(text: str, place: int) -> AccessKey:
    """Read one key.

    :param place: its number in the setting, from 1.
    """
    name, colon, rest = text.partition(":")
    role, second, secret = rest.partition(":")
    if colon and second and role in ROLES:
        return AccessKey(name, role, secret)
    return AccessKey(f"key-{place}", "capture", text)


def parse_all(texts: Sequence[Secret]) -> tuple[AccessKey, ...]:
    """Read every key of a setting."""
    return tuple(parse(each.get_secret_value(), at) for at, each in enumerate(texts, start=1))


def wrong_name(name: str) -> str | None:
    """Say why ``name`` cannot be a key's name."""
    if 0 < len(name) <= LONGEST_NAME and _NAME.issuperset(name):
        return None
    return (
        f"has a key whose name is not 1 to {LONGEST_NAME} letters, digits or . _ - @ +: write "
        "name:role:key"
    )


def wrong_role(text: str) -> str | None:
    """Say why a key that is written like ``name:role:key`` has no role, or None.

    Taken for a key without a name it would let nobody in who uses the rest.
    """
    name, _, rest = text.partition(":")
    role, colon, secret = rest.partition(":")
    if not (colon and secret and role.isalpha()) or role in ROLES:
        return None
    if wrong_name(name):
        return None
    return f"has a key with the role {role[:20]!r}: a role is one of {', '.join(ROLES)}"


def may(role: Role, least: Role) -> bool:
    """Whether ``role`` may do what asks for ``least``."""
    return ROLES.index(role) >= ROLES.index(least)
