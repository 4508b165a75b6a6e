"""Keeps secrets out of whatever leaves: log lines, messages, dead letters.

A signed URL is a key to a photo for as long as it lives, and an error sentence of an HTTP
library quotes it in full. So every sentence that we did not write ourselves passes here.

The time is linear in what is looked at, and no more than `_WINDOW` characters are looked at: each
pattern matches wherever it starts, or can start at one place of a run only
(tests/library/test_regular_expressions.py).
"""

from __future__ import annotations

import re
from typing import Final

MESSAGE_LIMIT: Final = 500
"""Characters kept of a foreign sentence: enough for a person, too few to smuggle a payload."""
_WINDOW: Final = 8 * MESSAGE_LIMIT
"""Characters looked at: a sentence with a few signed URLs in it still shows its end."""
_CUT: Final = "…"

# Texts, which `re` compiles when they are first needed: not while a function starts.
_URL: Final = r"://[^\s\"'<>]*|\burl: ?/[^\s\"'<>)]*"
_FIELD: Final = (
    r"(?<![\w.-])"
    r"((?:(?i:secret|access|api|private|signing|account|session|identified|mot|de)[ \t]{1,3}){0,2}[\w.-]+)"
    r"(\\{0,6}[\"']?(?:\[\w{0,8}\])?\s{0,8}(?:=>|:=|==?|[:：]|%3[AaDd]|%253[AaDd]|\\{1,4}(?:u00|x)3[AaDd]"
    r"|&#(?:x3[AaDd]|61|58);)\s{0,8}"
    r"|\\{0,6}[\"']\s{0,8},\s{0,8}(?=b?\\{0,6}[\"'])"
    r"|\s{1,8}(?=\\{0,6}[\"'])"
    r"|>"
    r"|[ \t]{1,8}(?=[^\s:=]))"
)
"""A name and what stands between it and its value: in a header, URL, JSON, Python, XML, a command."""
_QUOTE: Final = r"b?(\\{0,6}[\"']|&quot;|&apos;|&#3[49];|[“‘`\[({]|<!\[CDATA\[)"
_CLOSING: Final = {"“": "”", "‘": "’", "[": "]", "(": ")", "{": "}", "<![CDATA[": "]]>"}
"""What ends a quotation, where it is not what began it."""
_WORD: Final = r"[^\s&\"'<>,;]*(?:[,;](?=\S)[^\s&\"'<>,;]*)*"
"""A value without quotes. A comma or semicolon before a blank ends it, inside it belongs to it."""
_BLOCK: Final = r"!!\w{1,20}[ \t]{1,8}|[|>][+-]?[ \t]{0,8}\r?\n\s{0,40}"
"""How a text of several lines, or of a named type, begins in YAML."""
_SCHEME: Final = (
    r"(?i)(?:bearer|basic|digest|negotiate|token|apikey|aws|oss|sharedkey(?:lite)?|hawk|qbox"
    r"|[a-z0-9]{2,6}-hmac-[a-z0-9]+)\s+"
)
_PARAMETERS: Final = r"(?:(?:\s{0,8}[,;]\s{0,8})?[\w-]+=(?:\"[^\"]*\"?|[^\s,;\"']*))*"
_LINE: Final = r"[^\r\n\"']*"
_BARE: Final = (
    r"(?<![\w-])(?:eyJ[\w-]{4,}[\w.-]*"  # a JSON web token
    r"|(?:AKIA|ASIA|AKID|LTAI)[A-Za-z0-9]{8,}"  # ids of keys, of the three clouds …
    r"(?::[^\s\"'<>,;]{8,}|[\"']\s{0,4},\s{0,4}[\"'][^\"'\s]{8,})?"  # … and the key right behind
    r"|(?:gh[oprsu]_|github_pat_|glpat-|xox[a-z]-|sk[_-]|rk_live_|hvs\.|npm_|pypi-|ya29\.|AIza)[\w-]{12,})"
    r"|(?:hooks\.slack\.com|discord(?:app)?\.com/api/webhooks|webhook\.office\.com|/bot/v2/hook)/\w[^\s\"'<>]*"
    r"|bot\d{6,}:[\w-]{12,}"
    r"|-----BEGIN[A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----END)[\s\S])*"
)
_TOLD: Final = (
    r"(?i)(?<![A-Za-z])((?:api|secret|access|encryption|signing|private|shared|master)[ _-]?keys?|secret"
    r"|password|passwd|passphrase|passcode|token|signature|密码|密钥|令牌|口令)"
    r"((?:[ \t]{1,3}|(?=[为是]))(?:(?:provided|given|is|was|为|是|->)[:：]?[ \t]{0,3})?[(\[\"'“]?)([\w+/~.=-]{12,})"
)
"""A sentence that names a secret and says it."""
_ENCODED_LOGIN: Final = r"(%3[Aa]%2[Ff]%2[Ff])[^\s\"'<>/&?]{1,200}?(?=%40)"
_HIDDEN: Final = dict.fromkeys([0xAD, *range(0x200B, 0x2010), 0x2060, 0xFEFF]) | {
    wide: wide - 0xFEE0
    for wide in (
        0xFF0D,
        *range(0xFF10, 0xFF1A),
        0xFF1D,
        *range(0xFF21, 0xFF3B),
        0xFF3F,
        *range(0xFF41, 0xFF5B),
    )
}
"""Characters that are not seen, and the wide forms of letters and digits: a name in them is one, too."""
_LOGIN: Final = r"(?<![\w-])(-u|--user|--proxy-user|requirepass|masterauth)(?:[ =]\s{0,8}|(?=[\w.]{1,60}:))[\"']?[^\s\"']+"
_RARE: Final = r"\\|&#|[?&%@]|(?i:name=|auth|value|<string|setuser|identified)|\s-(?:pw|[ap])|\0"
"""Where `vindrop.domain.secret_forms` may find something."""
_ALONE: Final = r"(?i)\b(bearer|basic)\s{1,8}([\w.~+/=-]{6,})"
_PROSE: Final = frozenset(
    (
        *("access", "auth-scheme", "authentication", "authorization", "credential", "credentials"),
        *("header", "scheme", "tokens"),
    )
)
"""Words that follow "Basic" and "Bearer" where people write about them."""
_SECRET: Final = (
    *("accesskey", "accesskeyid", "accountkey", "apikey", "authkey", "authorization", "cookie"),
    *("assertion", "credential", "csrf", "encryptionkey", "hmac", "identifiedby", "identityheader"),
    *("jwt", "masterauth", "masterkey", "passcode", "passphrase", "phpsessid", "plaintextkey"),
    *("passwd", "password", "privatekey", "pwd", "qak", "secret", "secretid", "secretkey"),
    *(
        "requirepass",
        "samlresponse",
        "sessionid",
        "sessionkey",
        "sharedkey",
        "signature",
        "signatureprovided",
        "signingkey",
    ),
    *("appkey", "subscriptionkey", "token", "密码", "密钥", "签名", "令牌", "口令"),
    *("kennwort", "passwort", "wachtwoord", "senha", "contraseña", "motdepasse", "пароль"),
    *("hasło", "şifre", "parola", "パスワード", "秘密鍵", "비밀번호"),
)
"""A field is secret whose name, without `_` and `-`, ends in one of these …"""
_SECRET_WORDS: Final = frozenset(
    ("auth", "cred", "creds", "otp", "pass", "pin", "pw", "salt", "sas", "sig", "sign", "session")
)
"""… or whose last word is one of these."""
_ERROR_CODE: Final = (
    r"(?:[A-Z]\w*\.)*(?:Bad|Expired|Incorrect|Invalid|Malformed|Missing|No|Unknown|Wrong)[A-Z]\w*"
)
"""Codes, as in ``InvalidToken: a sentence``: what follows is no value."""
_KEYED: Final = frozenset(("cos", "s3", "oss", "file"))
"""Schemes of URLs whose path is an object's key or a file: an ``@`` or ``#`` in it is theirs."""
_WEB: Final = frozenset(("http", "https", "ws", "wss", ""))


def redact(text: str) -> str:
    """Return at most `MESSAGE_LIMIT` characters of ``text``, without what may be a secret.

    Cut out are the queries, fragments and passwords of URLs, the values of fields whose names say
    that they are secret, and what is known as a key by its form.
    """
    cut = len(text) > _WINDOW
    if cut:  # half a secret at the border is one, too: the last word goes with the rest
        blank = max(text.rfind(" ", 0, _WINDOW), text.rfind("\n", 0, _WINDOW))
        text = text[: blank if blank > 0 else _WINDOW]
    if not text.isascii():
        text = text.translate(_HIDDEN)
    rare = re.search(_RARE, text) is not None
    if rare:
        from vindrop.domain import secret_forms  # not while a function starts

        text = secret_forms.plain(text)
    border = len(text) if cut else -1
    text = re.sub(_URL, lambda found: _url(found, unfinished=found.end() == border), text)
    if rare:
        text = secret_forms.cut(text, _CUT, lambda name: _is_secret(name) is not None)
    text = _fields(text)
    text = re.sub(_LOGIN, rf"\1 {_CUT}", text)
    text = re.sub(_ENCODED_LOGIN, rf"\1{_CUT}", text)
    text = re.sub(_TOLD, _told, text)
    text = re.sub(_ALONE, _alone, text)
    text = re.sub(_BARE, _CUT, text)
    return text if not cut and len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 1] + _CUT


def _url(found: re.Match[str], *, unfinished: bool) -> str:
    """Return a URL from its ``://`` on, or what follows ``url: ``, without what may be secret."""
    rest = found[0]
    if not rest.startswith("://"):
        path = rest.partition("?")[0].partition("#")[0]
        return path if path == rest else f"{path}?{_CUT}"
    scheme = _scheme(found.string, found.start())
    rest, query, _ = rest[3:].partition("?")
    before, fragment, after = rest.partition("#")
    if fragment and (scheme in _WEB or "=" in after):
        rest, query = before, query or "#"
    authority, slash, path = rest.partition("/")
    breaks_off = _breaks_off(authority)
    if "@" in path and scheme not in _KEYED and (breaks_off or scheme not in _WEB):
        # A slash stands in the password as it is.
        authority, slash, path = f"@{rest.rpartition('@')[2]}", "", ""
    if "@" in authority:
        authority = f"{_CUT}@{authority.rpartition('@')[2]}"
    elif unfinished and not slash:
        authority = _CUT
    elif breaks_off:
        authority = f"{authority.partition(':')[0]}:{_CUT}"
    return f"://{authority}{slash}{path}" + (f"{query}{_CUT}" if query else "")


def _scheme(text: str, end: int) -> str:
    begin = end
    while begin > max(0, end - 20) and (text[begin - 1].isalnum() or text[begin - 1] in "+.-"):
        begin -= 1
    return text[begin:end].lower()


def _breaks_off(authority: str) -> bool:
    """Whether a password follows the colon, and neither a port nor the ``@`` that would end it."""
    _, colon, port = authority.rpartition(":")
    return (
        bool(colon)
        and "@" not in authority
        and not port.rstrip(".,;)]}").isdigit()
        and (bool(port) and not authority.startswith("["))
    )


def _fields(text: str) -> str:
    """Return ``text`` without the values of secret fields. One pass: each value is looked at once."""
    kept: list[str] = []
    field, at, copied = re.compile(_FIELD), 0, 0
    while found := field.search(text, at):
        at = found.end()
        if (name := _secret_name(found)) is None:
            continue
        kept.append(text[copied:at])
        value_end = _value_end(text, at, name)
        if value_end > at:
            kept.append(_CUT)
        copied = at = value_end
    return "".join(kept) + text[copied:]


def _secret_name(found: re.Match[str]) -> str | None:
    """Return the name of a secret field in one word of small letters; None for any other."""
    name, between = found[1], found[2]
    before = found.string[found.start() - 1] if found.start() else ""
    if before == "%":  # of "%26token%3D": two characters are the escape's
        name = name[2:]
    if between == ">" and before not in {"<", ":"}:  # a colon: the name's prefix in XML
        return None
    if between.isspace():
        quoted = found.string[found.end() : found.end() + 1] in {"'", '"', "\\"}
        if not quoted and not name.startswith("--"):
            return None
    if between.startswith(":") and re.fullmatch(_ERROR_CODE, name):
        return None
    return _is_secret(name)


def _is_secret(name: str) -> str | None:
    """Return a field's name in one word of small letters where it is secret, else None."""
    words = name.lower().rstrip("0123456789_-.").replace(".", "_").replace("-", "_").split("_")
    last = words[-1]
    if last in _SECRET_WORDS:
        return last
    joined = "".join("".join(words[-5:]).split()).removesuffix("s")
    return joined if joined.endswith(_SECRET) else None


def _value_end(text: str, at: int, name: str) -> int:
    """Return where the value ends that begins at ``at``."""
    opened = re.compile(_QUOTE).match(text, at)
    if opened:
        quote, end = _CLOSING.get(opened[1], opened[1]), opened.end()
        while (end := text.find(quote, end)) >= 0:
            if quote[0] == "\\" or text[end - 1] != "\\":
                return end
            end += 1
        return len(text)  # a quotation that breaks off
    if name.endswith("cookie"):
        return _end(_LINE, text, at)
    scheme = re.compile(_SCHEME).match(text, at)
    if scheme and name.endswith(("authorization", "auth", "token")):
        at = scheme.end()
        listed = _end(_PARAMETERS, text, at)
        return listed if listed > at else _end(_PARAMETERS, text, _end(_WORD, text, at))
    block = re.compile(_BLOCK).match(text, at)
    return _end(_WORD, text, block.end() if block else at)


def _end(pattern: str, text: str, at: int) -> int:
    found = re.compile(pattern).match(text, at)
    return found.end() if found else at


def _alone(found: re.Match[str]) -> str:
    return found[0] if found[2].lower().rstrip(".") in _PROSE else f"{found[1]} {_CUT}"


def _told(found: re.Match[str]) -> str:
    """Cut what a sentence calls a secret, where it looks like one: letters and digits in one word."""
    value = found[3]
    is_one = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return f"{found[1]}{found[2]}{_CUT}" if is_one else found[0]


class Secret:
    """A text that shows itself to nobody who prints it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def get_secret_value(self) -> str:
        """Return the text."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('**********')" if self._value else "Secret('')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


def printable(text: str) -> str:
    """Return ``text`` without what no log, file or database takes, each such character written out.

    That is NUL, halves of surrogate pairs, and control characters: a sentence of another's is cleaned
    once, where it comes in, and stays one line.
    """
    if text.isprintable():  # nearly every text: nothing below would change it
        return text
    return "".join(_written(each) for each in text)


def _written(character: str) -> str:
    code = ord(character)
    if 0xD800 <= code <= 0xDFFF:
        return f"\\u{code:04x}"
    if code < 32 or 127 <= code < 160:
        return f"\\x{code:02x}"
    return character
