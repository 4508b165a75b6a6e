"""Files of a function's environment: lines NAME=value, as a shell that sources them and osls's dotenv
both read them, or the JSON of a cloud's own command.
"""

from __future__ import annotations

import json
import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, Final

from vindrop_local.errors import UserError

_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:@%+,=-]*")
"""What needs no quotation marks: no shell and no dotenv takes any of it for its own."""
_DOUBLE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED: Final = re.compile(r'\\([\\"$`])')
_REMARK: Final = re.compile(r"\s#")


def value(text: str) -> str:
    """Return the value in what stands behind ``NAME=``: quotation marks and a remark are no part of it.

    Without quotation marks all of it is the value, up to a remark: so consoles show an environment.
    """
    bare = text.strip()
    if bare.startswith("'") and (end := bare.find("'", 1)) > 0:
        return bare[1:end]
    if found := _DOUBLE.match(bare):
        return _ESCAPED.sub(r"\1", found[1])
    return _REMARK.split(text, maxsplit=1)[0].strip()


def quoted(text: str) -> str:
    """Return ``text`` as it is written behind ``NAME=``: in quotation marks where it needs them."""
    if _PLAIN.fullmatch(text):
        return text
    if "'" not in text:
        return f"'{text}'"
    return '"' + re.sub(r'[\\"$`]', r"\\\g<0>", text) + '"'


def read(path: Path) -> dict[str, str]:
    """Return the variables of a file: lines NAME=value, or what a cloud's command shows of a function.

    :raises UserError: it cannot be read, or is neither.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} cannot be read: it is not UTF-8") from None
    if lines and lines[0].lstrip().startswith("{"):
        return _of_json(path, "\n".join(lines))
    found = {}
    for number, line in enumerate(lines, 1):
        text = line.strip().removeprefix("export ")
        if not text or text.startswith("#"):
            continue
        name, equals, written = text.partition("=")
        if not equals:
            raise UserError(f"{path}:{number} is not NAME=value")
        found[name.strip()] = value(written)
    return found


def put_into(environment: MutableMapping[str, str], path: Path) -> None:
    """Set the variables of a file in ``environment``, before what is there.

    :raises UserError: as `read`, or a name or a value is one that no environment can have.
    """
    try:
        environment.update(read(path))
    except (ValueError, OSError):  # no name, a NUL, half a character
        raise UserError(f"{path} holds a variable that no environment can have") from None


def _of_json(path: Path, text: str) -> dict[str, str]:
    """Return the variables of what ``aws lambda get-function-configuration`` or ``tccli scf GetFunction`` shows."""
    try:
        shown: Any = json.loads(text)
        shown = shown.get("Response", shown)["Environment"]["Variables"]
        if isinstance(shown, list):  # Tencent's
            shown = {each["Key"]: each["Value"] for each in shown}
        return {str(name): str(value) for name, value in shown.items()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise UserError(
            f"{path} is neither lines NAME=value nor what `aws lambda get-function-configuration` or "
            "`tccli scf GetFunction` shows of a function"
        ) from None
