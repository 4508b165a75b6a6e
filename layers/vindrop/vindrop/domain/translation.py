"""Sentences in another language, found by what they look like.

Sentences are written in English where they arise. A catalogue holds each as a template (``{}`` for
what differs) beside its translation, so nothing that raises an error knows of languages, and a
sentence without a translation is shown as it is. Loaded only where another language is asked for.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

LONGEST: Final = 4000
"""Characters; what is longer is not a sentence of ours, and stays as it is."""
_DEEPEST: Final = 3
"""A part of a sentence may be a sentence itself, and so may a part of that."""
_TELLING: Final = 8
"""Characters of a template that make it a sentence of its own, and not only a pair of places."""
_PLACE: Final = re.compile(r"\{([0-9]?)\}")


class Catalogue:
    """Templates with their translations."""

    def __init__(self, lines: Iterable[str]) -> None:
        r"""Read lines ``english TAB translation``; a ``#`` begins a comment.

        :raises ValueError: a line has no tab, or a translation names a place that its template lacks.
        """
        self._exact: dict[str, str] = {}
        self._templates: list[tuple[list[str], str]] = []
        for line in lines:
            text = line.rstrip("\r\n")
            if not text or text.startswith("#"):
                continue
            template, tab, said = text.partition("\t")
            if not tab:
                raise ValueError(f"no tab between sentence and translation: {template[:60]}")
            parts = template.split("{}")
            asked = {int(n or i) for i, n in enumerate(_PLACE.findall(said))}
            if asked - set(range(len(parts) - 1)):
                raise ValueError(
                    f"the translation names a place that is not there: {template[:60]}"
                )
            if len(parts) == 1:
                self._exact[template] = said
            else:
                self._templates.append((parts, said))
        # The template that says most comes first: "{}: {}" would take everything.
        self._templates.sort(key=lambda each: -sum(map(len, each[0])))

    def translate(self, sentence: str) -> str:
        """Return the translation of a sentence, or the sentence itself."""
        return self._translate(sentence, 0) if len(sentence) <= LONGEST else sentence

    def knows(self, template: str) -> bool:
        """Whether a sentence or template has a line, its own or one with a place for what differs."""
        return template in self._exact or any(
            "{}".join(parts) == template or (_tells(parts) and _values(parts, template) is not None)
            for parts, _ in self._templates
        )

    def _translate(self, sentence: str, depth: int) -> str:
        found = self._exact.get(sentence)
        if found is not None or depth > _DEEPEST:
            return found if found is not None else sentence
        for parts, said in self._templates:
            values = _values(parts, sentence)
            if values is not None and (_tells(parts) or _are_names(parts, values)):
                # A single word may be the name of something, and stays.
                told = [self._translate(v, depth + 1) if " " in v else v for v in values]
                if "".join(filter(None, parts)).strip(" :;,()") or told != values:
                    return _filled(said, told)
        return sentence


def _tells(parts: list[str]) -> bool:
    return len("".join(parts)) >= _TELLING


def _are_names(parts: list[str], values: list[str]) -> bool:
    """Whether a template of hardly any words fits: what stands around them are names, not sentences."""
    *names, last = values
    return not any(" " in name for name in names) and (" " not in last or parts[-2].endswith(": "))


def _values(parts: list[str], sentence: str) -> list[str] | None:
    """Return what stands in a template's places, or None where it is another sentence. Linear."""
    if not sentence.startswith(parts[0]) or not sentence.endswith(parts[-1]):
        return None
    at, end = len(parts[0]), len(sentence) - len(parts[-1])
    values = []
    for part in parts[1:-1]:
        found = sentence.find(part, at, end)
        if found < 0:
            return None
        values.append(sentence[at:found])
        at = found + len(part)
    if at > end:
        return None
    return [*values, sentence[at:end]]


def _filled(said: str, values: list[str]) -> str:
    following = iter(range(len(values)))
    return _PLACE.sub(lambda place: values[int(place[1] or next(following))], said)


@functools.cache
def chinese() -> Catalogue:
    """Return the library's sentences in Simplified Chinese: ``zh.tsv`` beside this file."""
    text = Path(__file__).with_name("zh.tsv").read_text(encoding="utf-8")
    return Catalogue(text.splitlines())
