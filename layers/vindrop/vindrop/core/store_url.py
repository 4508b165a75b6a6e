"""How a store's URL reads: ``scheme://user:password@host:port/path?option=value``."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from vindrop.core.store_errors import StoreSettingError


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


def parse(url: str, options: Collection[str] = ()) -> StoreURL:
    """Take ``url`` apart.

    :param options: what may stand after the question mark.
    :raises StoreSettingError: an option that this scheme does not take, or one that stands twice.
    """
    split = urlsplit(url)
    userinfo, _, hosts = split.netloc.rpartition("@")
    user, _, password = userinfo.partition(":")
    given: dict[str, str] = {}
    for name, value in parse_qsl(split.query, keep_blank_values=True):
        if name not in options or name in given:
            takes = f"it takes {', '.join(options)}" if options else "it takes none"
            twice = " twice" if name in given else ""
            raise StoreSettingError(f"{split.scheme}://… has the option {name!r}{twice}: {takes}")
        given[name] = value
    if split.fragment:
        raise StoreSettingError(
            f"{split.scheme}://… has a bare #: write %23 for it (CKafka's user names hold one)"
        )
    return StoreURL(
        split.scheme,
        unquote(user),
        unquote(password),
        hosts,
        unquote(split.path).strip("/"),
        given,
    )
