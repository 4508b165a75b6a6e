"""The changelog's section of a version."""

from __future__ import annotations

import re
from typing import Final

_SECTION: Final = re.compile(
    r"^## \[(?P<name>[^\]\n]{1,40})\](?: - (?P<day>\d{4}-\d\d-\d\d))?[ ]*$", re.MULTILINE
)


class NotesError(ValueError):
    """The changelog and the version do not fit; the message says what to do."""


def notes(changelog: str, version: str) -> str:
    """Return the text under the heading of ``version``, without the heading.

    :raises NotesError: there is no such section, it is empty or has no date.
    """
    found = list(_SECTION.finditer(changelog))
    for number, section in enumerate(found):
        if section["name"] != version:
            continue
        if section["day"] is None:
            raise NotesError(
                f"CHANGELOG.md: the section [{version}] has no date: write `## [{version}] - YYYY-MM-DD`"
            )
        end = found[number + 1].start() if number + 1 < len(found) else len(changelog)
        text = changelog[section.end() : end].strip()
        if not text:
            raise NotesError(f"CHANGELOG.md: the section [{version}] is empty: say what changed")
        return text + "\n"
    raise NotesError(
        f"CHANGELOG.md has no section for {version}: rename [Unreleased] to "
        f"`## [{version}] - YYYY-MM-DD` and begin a new [Unreleased] above it"
    )
