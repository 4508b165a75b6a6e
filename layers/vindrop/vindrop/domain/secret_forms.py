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
    r"(?i)\b(?:(mysql\w{0,20}|maria\w{0,20}|mongo\w{0,20}|sshpass|plink|pscp|7za?|rabbitmq\w{0,20}|ldap\w{0,20}"
    r"|ssh-?pass|(?:docker|podman|nerdctl|skopeo|helm|oc)[ \t]{1,4}(?:registry[ \t]{1,4})?login)"
    r"|((?:redis|valkey)-(?:cli|benchmark)))\b"
)
_BEFORE: Final = 240
"""Characters before an option in which its command is looked for."""
_GAP: Final = r"(?:\s|\\{1,4}[rn]){1,8}"
_REDIS: Final = rf"(?i)(?:(?<!\w)|(?<=\\[rn]))(AUTH[\"']?)((?:{_GAP}(?:\$\d{{1,6}}{_GAP})?[\"']?(?!\$\d)[^\s\"'\\]{{1,500}}[\"']?){{1,2}})"
"""The command of Redis, typed or on the wire, with a password, or with a user and a password."""
_CALL: Final = r"(?i)(auth[\"']?(?:\(|[ ,]{1,3}(?:with )?(?:args|arguments|params)?[ :=]{0,3}[\[(]))([^()\[\]\r\n]{1,500})"
"""A call of a function of that name, or a command's arguments."""
_NO_ARGUMENTS: Final = frozenset(("entication", "orization", "or", "ors", "n", "z"))
_USER_RULES: Final = r"(?i)\bsetuser\b"
_USER_RULE: Final = r"(?<=[\s\"'])([>#])[^\s\"']+"
_LOOKS: Final = r"(?=[^\d]*\d)(?=[^A-Za-z]*[A-Za-z])[^\s\"']{8,}"
"""Letters and digits in one word: what stands behind a small "auth" is a sentence as a rule."""
_NOTED: Final = (
    r"(?i)(?<![\w-])(?:name|key|field|variable|header)\\{0,6}[\"']?(?:\s{0,8}[=:]\s{0,8}\\{0,6}[\"']?|>\s{0,8})"
    r"([\w.-]{1,80})(?:\\{0,6}[\"'])?(?:[\s,;]{1,40}|\s{0,8}</\w{1,20}>\s{0,40}<)\\{0,6}[\"']?(?:value|string)"
    r"\\{0,6}[\"']?(?:\s{0,8}[=:]\s{0,8}|>)"
)
"""A name, and its value beside it: in a list of variables, headers, properties."""
_NOTED_VALUE: Final = r"\\{0,6}([\"'])|[^\s,;<}\"']{0,2000}"
_IDENTIFIED: Final = (
    r"(?i)(\bidentified\s{1,8}(?:with|via)\s{1,8}[\"'`]?\w{1,60}[\"'`]?\s{1,8}(?:by|as|using)\s{1,8}"
    r"(?:random\s{1,8})?(?:password\s{0,8}\(?\s{0,8})?)[\"'][^\"']{1,500}"
)
_PLAIN: Final = r"((?:\\{1,4}(?:x00|u0000|000)|\0)[^\\\s\"'\0]{0,100}(?:\\{1,4}(?:x00|u0000|000)|\0))[^\s\"'\0]{1,500}"
"""SASL's PLAIN (RFC 4616): a user and a password, each after a NUL."""
_LOGIN_AT: Final = (
    r"(?<![\w/@.:%+-])([\w.+-]{1,60}):(?!//)([^\s/@\"'<>:]{1,128})@(?!sha256:)([\w.-]{1,253})"
)
"""A login before a host, without the scheme of a URL."""
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
_USERS: Final = frozenset(("default", "user"))
"""Words that begin the arguments of the command, and no sentence."""
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
    text = _noted(text, mark, is_secret)
    text = re.sub(_IDENTIFIED, lambda found: f"{found[1]}{mark}", text)
    text = re.sub(_PLAIN, lambda found: f"{found[1]}{mark}", text)
    text = re.sub(_LOGIN_AT, lambda found: _login_at(found, mark), text)
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


def _noted(text: str, mark: str, is_secret: Callable[[str], bool]) -> str:
    """Cut the values of secret names where name and value are two fields side by side."""
    noted, value = re.compile(_NOTED), re.compile(_NOTED_VALUE)
    kept: list[str] = []
    copied = at = 0
    while found := noted.search(text, at):
        at = found.end()
        begins = value.match(text, at) if is_secret(found[1]) else None
        if begins is None:
            continue
        ends = text.find(begins[1], begins.end()) if begins[1] else begins.end()
        kept += [text[copied:at], begins[0] if begins[1] else "", mark]
        copied = at = ends if ends >= 0 else len(text)
    return "".join(kept) + text[copied:]


def _login_at(found: re.Match[str], mark: str) -> str:
    if re.fullmatch(_NAMED_FILE, found[3].rstrip(".,;:")):
        return found[0]
    return f"{found[1]}:{mark}@{found[3]}"


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
    text = re.sub(_CALL, lambda found: _call(found, mark), text)
    if rules := re.search(_USER_RULES, text):
        told, given = text[: rules.end()], text[rules.end() :]
        text = told + re.sub(_USER_RULE, lambda found: f"{found[1]}{mark}", given)

    def oracle(found: re.Match[str]) -> str:
        named = words.search(text, max(0, found.start() - _BEFORE), found.end() + _BEFORE)
        said = "//" in found[3] or ":" in found[3]
        if not (named or said) or re.fullmatch(_NAMED_FILE, found[3].rstrip(".,;:")):
            return found[0]
        return f"{found[1]}{mark}{found[3]}"

    return re.sub(_ORACLE, oracle, text)


def _redis(found: re.Match[str], mark: str) -> str:
    words = [each.strip("\"',;:.()") for each in re.split(_GAP, found[2]) if each]
    words = [each for each in words if each and not each.startswith("$")]
    first = words[0].lower() if words else ""
    typed = found[1].startswith("AUTH") or first in _USERS
    if first in _SPOKEN or not (typed or any(re.fullmatch(_LOOKS, each) for each in words)):
        return found[0]
    return f"{found[1]} {mark}"


def _call(found: re.Match[str], mark: str) -> str:
    return found[0] if found[2].lower() in _NO_ARGUMENTS else f"{found[1]}{mark}"


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
