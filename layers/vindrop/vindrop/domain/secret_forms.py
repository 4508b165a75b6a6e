"""Forms of secrets beside fields and URLs: arguments of commands, parts of forms, names in disguise.

`vindrop.domain.redaction` uses it, and only where there is a sentence to clean. Linear like that:
what is looked back at is bounded, or begins where the last look ended.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_SHORT: Final = r"(?<![\w-])(-(?:pw|[ap])[ \t]{0,8})([\"']?)(?=[^\s-])[^\s\"']{1,200}"
"""A short option and its value: which is a password in the commands that are named in `_CLIENT`."""
_CLIENT: Final = (
    r"(?i)\b(?:(mysql\w{0,20}|maria\w{0,20}|mongo\w{0,20}|sshpass|plink|pscp|7za?|rabbitmq\w{0,20}|ldap\w{0,20})"
    r"|((?:redis|valkey)-(?:cli|benchmark)))\b"
)
_BEFORE: Final = 240
"""Characters before an option in which its command is looked for."""
_REDIS: Final = r"\b(AUTH[\"']?)((?:\s{1,8}(?:\$\d{1,6}\s{1,4})?[\"']?[^\s\"']{1,500}[\"']?){1,2})"
"""The command of Redis, typed or on the wire, with a password, or with a user and a password."""
_SPOKEN: Final = frozenset(
    (
        "<password>",
        "<username>",
        "called",
        "command",
        "commands",
        "error",
        "failed",
        "failure",
        "is",
        "needed",
        "needs",
        "not",
        "or",
        "required",
        "requires",
        "was",
        "with",
        "and",
        "for",
        "has",
        "must",
        "to",
        "in",
    )
)
"""Words that follow AUTH where people write about it."""
_ORACLE: Final = r"(?<![\w/@.$#-])([\w$#]{1,60}/)(\"[^\"\s]{1,128}\"|[^\s/@\"']{1,128})(@(?://)?[\w.-]{1,253}(?::\d{2,5})?)"
_ORACLE_WORDS: Final = (
    r"(?i)\b(?:sqlplus|sqlldr|expdp|impdp|rman|sqlcl|oracle|ORA-\d{5}|TNS|conn(?:ect(?:ed|ing|ion)?)?|dsn"
    r"|log[io]n|login|listener)\b"
)
_NAMED_FILE: Final = (
    r"(?i).*\.(?:jpe?g|png|hei[cf]|webp|tiff?|bmp|gif|jp2|avif|json|csv|pdf|zip|xml|txt)"
)
_BREAK: Final = r"(?:\r?\n|(?:\\{1,4}(?:r|x0d))?\\{1,4}(?:n|x0a))"
_BLANK_LINE: Final = rf"{_BREAK}{_BREAK}"
_BOUNDARY: Final = rf"{_BREAK}--"
_PART_NAME: Final = r"(?i)\bname=\\{0,6}[\"']?([\w.\[\]-]{1,80})"
_PART_HEAD: Final = 400
"""Characters that the headers of a form's part have at most."""
_ESCAPED: Final = (
    r"(?:\\{1,6}(?:u00|x)|&#x)(2[Dd]|3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa]|5[Ff]);?"
    r"|%(?:25)?([46][1-9A-Fa-f]|[57][0-9Aa])(?=[A-Za-z%_])"
)
"""A letter or digit written by its number, as only who hides a name does."""
_QUERY_KEY: Final = (
    r"(?i)((?:[?&]|%3F|%26|&amp;)(?:key|code|sig|hash|k|c)(?:=|%3D))([^\s&\"'<>#]{20,})"
)
"""Names in a query that stand for a secret or for an ordinary word: their value decides."""
_LONG_RUN: Final = r"[A-Za-z0-9]{18,}"
"""A longer run of letters and digits than a VIN is, or a part of a UUID."""


def plain(text: str) -> str:
    """Return ``text`` with letters and digits written out that stand there by their numbers.

    Quotes are left as they are: one more would end a value too early.
    """
    return re.sub(_ESCAPED, lambda found: chr(int(found[1] or found[2], 16)), text)


def cut(text: str, mark: str, is_secret: Callable[[str], bool]) -> str:
    """Return ``text`` with ``mark`` in the place of each secret.

    :param is_secret: whether a field of this name holds one.
    """
    text = _form_parts(text, mark, is_secret)
    text = _commands(text, mark)
    return re.sub(_QUERY_KEY, lambda found: _query_key(found, mark), text)


def _form_parts(text: str, mark: str, is_secret: Callable[[str], bool]) -> str:
    """Cut the content of multipart/form-data whose headers name a secret."""
    if "name=" not in text.lower():
        return text
    blank, boundary, named = map(re.compile, (_BLANK_LINE, _BOUNDARY, _PART_NAME))
    kept: list[str] = []
    copied = at = 0
    while found := blank.search(text, at):
        names = named.findall(text, max(at, found.start() - _PART_HEAD), found.start())
        at = found.end()
        if names and any(map(is_secret, names)):
            ends = boundary.search(text, at)
            kept += [text[copied:at], mark]
            copied = at = ends.start() if ends else len(text)
    return "".join(kept) + text[copied:]


def _commands(text: str, mark: str) -> str:
    """Return ``text`` without the passwords that clients of databases are given as arguments."""
    client, words = re.compile(_CLIENT), re.compile(_ORACLE_WORDS)

    def short(found: re.Match[str]) -> str:
        clients = list(client.finditer(text, max(0, found.start() - _BEFORE), found.start()))
        if not clients or bool(clients[-1][2]) != found[1].startswith("-a"):
            return found[0]
        return f"{found[1]}{found[2]}{mark}"

    text = re.sub(_SHORT, short, text)
    text = re.sub(_REDIS, lambda found: _redis(found, mark), text)

    def oracle(found: re.Match[str]) -> str:
        named = words.search(text, max(0, found.start() - _BEFORE), found.end() + _BEFORE)
        said = "//" in found[3] or ":" in found[3]
        if not (named or said) or re.fullmatch(_NAMED_FILE, found[3].rstrip(".,;:")):
            return found[0]
        return f"{found[1]}{mark}{found[3]}"

    return re.sub(_ORACLE, oracle, text)


def _redis(found: re.Match[str], mark: str) -> str:
    first = found[2].split()[0].strip("\"',;:.()").lower()
    return found[0] if first in _SPOKEN else f"{found[1]} {mark}"


def _query_key(found: re.Match[str], mark: str) -> str:
    """Cut a value that is long and looks drawn at random; the key of an object stays."""
    run = re.search(_LONG_RUN, found[2])
    is_one = (
        run is not None
        and any(map(str.isdigit, run[0]))
        and any(map(str.isalpha, run[0]))
        and not re.fullmatch(_NAMED_FILE, found[2])
    )
    return f"{found[1]}{mark}" if is_one else found[0]
