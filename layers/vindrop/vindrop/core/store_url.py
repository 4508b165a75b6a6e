"""How a store's URL reads: ``scheme://user:password@host:port/path?option=value``.

Every store's URL is taken apart here first. A URL that cannot be read is never quoted: which part
of it is the password is then anyone's guess.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from vindrop.core.store_errors import SCHEME, StoreSettingError, clean, scheme_of

TIMEOUT: Final = "timeout_seconds"
"""The option of every store on a network: how long it may take before we give up."""
TIMEOUT_SECONDS: Final = 10.0
LIBPQ: Final = frozenset({"postgresql", "postgres"})
# The password ends at the last @ before the path. libpq ends it at the first @, but takes ? and #.
_PARTS: Final = r"(?:([^/?#\[\]]*)@)?([^@/?#]*)(/[^@?#]*)?(?:\?([^#]*))?"
_LIBPQ_PARTS: Final = r"(?:([^@/]*)@)?([^@/?]*)(/[^@?]*)?(?:\?(.*))?"
_HOST: Final = r"(?:\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\]|[\w.-]*)(?::\d{1,5})?"
_STRAY_PERCENT: Final = r"%(?![0-9A-Fa-f]{2})"
_UNSEEN: Final = r"[\x00-\x1f\x7f\ufeff\u200b\u2028\u2029]"


@dataclass(frozen=True, slots=True)
class StoreURL:
    """A URL taken apart, everything decoded."""

    scheme: str
    user: str
    password: str = field(repr=False)
    hosts: str
    """``host:port``, or several with commas between."""
    path: str
    """Without slashes at either end."""
    options: dict[str, str] = field(repr=False)

    @property
    def shown(self) -> str:
        """For messages: without password and options."""
        return f"{self.scheme}://{self.hosts}{'/' if self.path else ''}{self.path}"

    @property
    def timeout(self) -> float:
        """Seconds after which a store that does not answer is given up."""
        return self.seconds(TIMEOUT, TIMEOUT_SECONDS)

    @property
    def address(self) -> tuple[str, int | None]:
        """The one host, without brackets, and its port if it names one."""
        split = urlsplit(f"//{self.hosts}")
        return split.hostname or "", split.port

    def seconds(self, option: str, default: float) -> float:
        """Return the option as a positive number.

        :raises StoreSettingError: it is not one.
        """
        given = self.options.get(option)
        if given is None:
            return default
        try:
            number = float(given)
        except ValueError:
            number = 0.0
        if not 0 < number < float("inf"):
            raise StoreSettingError(f"{self.shown}: {option} takes a number above 0")
        return number

    def choice(self, option: str, choices: Collection[str], default: str) -> str:
        """Return the option, which is one of ``choices``.

        :raises StoreSettingError: it is none of them.
        """
        given = self.options.get(option, default)
        if given not in choices:
            raise StoreSettingError(f"{self.shown}: {option} takes one of {', '.join(choices)}")
        return given


def parse(url: str, options: Collection[str] | None = ()) -> StoreURL:
    """Take ``url`` apart.

    :param options: what may stand after the question mark; None: whatever the client takes.
    :raises StoreSettingError: it cannot be read; an option that this scheme does not take, or one
        that stands twice.
    """
    scheme, userinfo, hosts, path, query = _split(url)
    given: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if options is not None and (name not in options or name in given):
            if "@" in query:  # perhaps no query at all, but the rest of a password
                raise unreadable(scheme)
            takes = f"it takes {', '.join(options)}" if options else "it takes none"
            twice = " twice" if name in given else ""
            raise StoreSettingError(f"{scheme}://… has the option {name!r}{twice}: {takes}")
        given[name] = value
    user, _, password = userinfo.partition(":")
    found = StoreURL(
        scheme, unquote(user), unquote(password), hosts, unquote(path).strip("/"), given
    )
    if any(re.search(_UNSEEN, part) for part in (found.user, found.password, found.path)):
        raise StoreSettingError(
            f"{scheme}://… holds a line break or another character that cannot be seen: write its "
            "user, password and name without it"
        )
    return found


def without(url: str, option: str) -> str:
    """Return ``url`` without this option: for a client that does not know it.

    :raises StoreSettingError: it cannot be read.
    """
    url = clean(url)
    query = _split(url)[4]
    kept = [pair for pair in query.split("&") if pair.partition("=")[0] != option]
    return url[: len(url) - len(query)] + "&".join(kept) if query else url


def shown(url: str) -> str:
    """Return ``url`` for messages: without user, password and options, or its kind alone."""
    scheme = scheme_of(url)
    if scheme in {"sqlite", "file"}:
        return clean(url)
    try:
        return parse(url, None).shown
    except StoreSettingError:
        return f"{scheme}://…" if scheme else "what is no URL"


def unreadable(scheme: str) -> StoreSettingError:
    """Return what is said of a URL in which characters are not encoded; it quotes nothing."""
    return StoreSettingError(
        f"{scheme}://… cannot be read: percent-encode @ : / # ? % [ ] and blanks in the user and the "
        "password (@ is %40, : %3A, / %2F, # %23, ? %3F, % %25), and write "
        f"{scheme}://user:password@host:port/name"
    )


def _split(url: str) -> tuple[str, str, str, str, str]:
    """Return scheme, user and password, hosts, path and query, nothing decoded."""
    found = re.fullmatch(SCHEME, clean(url), re.DOTALL)
    if found is None:
        raise StoreSettingError("a store is a URL that begins with its kind, such as postgresql://")
    scheme, rest = found[1].lower(), found[2]
    parts = re.fullmatch(_LIBPQ_PARTS if scheme in LIBPQ else _PARTS, rest, re.DOTALL)
    if parts is None or re.search(r"\s", rest):
        raise unreadable(scheme)
    userinfo, hosts, path, query = (part or "" for part in parts.groups())
    if not all(_is_host(host) for host in hosts.split(",")):
        raise unreadable(scheme)
    if scheme in LIBPQ and re.search(_STRAY_PERCENT, userinfo):  # libpq quotes it in its refusal
        raise unreadable(scheme)
    return scheme, userinfo, hosts, path, query


def _is_host(host: str) -> bool:
    port = re.search(r":(\d+)$", host)
    return bool(re.fullmatch(_HOST, host)) and (port is None or int(port[1]) < 65536)
