"""The languages of the texts, and how to find English in what is said in another one."""

from collections.abc import Iterator
from functools import cache
import json
from pathlib import Path
import re
from typing import Any

TRANSLATIONS = Path(__file__).parent.parent / "custom_components" / "care_alerts" / "translations"
ENGLISH = "en"
LANGUAGES = frozenset(("de", "en", "es", "fr", "it", "nl", "pl", "pt", "sv"))
THERE = sorted(path.stem for path in TRANSLATIONS.glob("*.json"))
OTHERS = [language for language in THERE if language != ENGLISH]

SHORTEST = 5
"""Letters of a piece of text that tells a language: shorter ones are in words of any."""


def strings(tree: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every string with its path, without a dot in front."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from strings(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


@cache
def texts(language: str) -> dict[str, str]:
    """Return every text of a language by its path."""
    return dict(strings(json.loads((TRANSLATIONS / f"{language}.json").read_text())))


def pieces(text: str) -> Iterator[str]:
    """Yield what stands between the placeholders, marks and line ends of a text, as far as it tells a language."""
    for piece in re.split(r"\{\w+\}|\*+|\[|\]\([^)]*\)|\n|\. ", text):
        words = piece.strip(" .,:;()\"'?!")
        if sum(map(str.isalpha, words)) >= SHORTEST:
            yield words


@cache
def _english_but_not(language: str) -> re.Pattern[str]:
    own = texts(language)
    everything = "\n".join(own.values())
    found = {
        piece
        for path, text in texts(ENGLISH).items()
        if own[path] != text
        for piece in pieces(text)
        # Nearly none is there at all: no pattern has to be made for those.
        if piece not in everything or not re.search(rf"\b{re.escape(piece)}\b", everything)
    }
    longest_first = sorted(found, key=lambda piece: (-len(piece), piece))
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b")


def english_in(said: str, language: str) -> list[str]:
    """Return what of a text in another language is of our English texts."""
    return _english_but_not(language).findall(said)
