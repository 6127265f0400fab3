"""JSON that is nearly right, or wholly wrong."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, Final

from hypothesis import strategies as st

type Json = Any


_SMALL: Final[tuple[Json, ...]] = (
    "",
    " ",
    "\x1b[2J",
    "a\nb",
    "\u202e",
    "\x00",
    "../../etc",
    "NaN",
    "Infinity",
    "-1",
    "true",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59.999999-23:59",
    "2026-11-18T12:00:00+23:59",
    "2026-11-18T12:00:00",
    "2026-11-18",
    "2026-W47-3",
    "2026-11-18T24:00:00Z",
    "2026-11-18T12:00:60Z",
    0,
    -1,
    0.1,
    5e-324,
    1e308,
    -1e308,
    2**63,
    2**64 - 1,
    -(2**63),
    1e19,
)
"""What reads badly: no text, no line, no end, no time that can be."""


def _nested(depth: int, *, in_lists: bool) -> Json:
    value: Json = 1
    for _ in range(depth):
        value = [value] if in_lists else {"a": value}
    return value


_LARGE: Final[dict[str, Callable[[], Json]]] = {
    "a long text": lambda: "x" * 300,
    "an enormous text": lambda: "x" * 50_000,
    "many digits": lambda: "9" * 5000,
    "deep lists": lambda: _nested(250, in_lists=True),
    "deep objects": lambda: _nested(250, in_lists=False),
    "deeper lists": lambda: _nested(900, in_lists=True),
    "many numbers": lambda: [0] * 5000,
    "many names": lambda: {str(number): number for number in range(3000)},
}
"""And what is too long or too deep."""

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)

LEAVES: Final = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT
    | st.sampled_from(_SMALL)
    | st.sampled_from(sorted(_LARGE)).map(lambda which: _LARGE[which]())
)

ANYTHING: Final = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=8,
)
"""Whatever JSON can say, as it is read."""


def _spots(document: Json, depth: int = 0) -> Iterator[tuple[Json, Json]]:
    """Where there is something to change: a container, and a key or index of it."""
    if depth > 8 or len(document) > 100:
        # Changed enough.
        return
    if isinstance(document, dict):
        keys: list[Json] = list(document)
    elif isinstance(document, list):
        keys = list(range(len(document)))
    else:
        return
    for key in keys:
        yield document, key
        if isinstance(document[key], dict | list):
            yield from _spots(document[key], depth + 1)


@st.composite
def nearly(draw: st.DrawFn, document: Json, *, most: int = 3) -> Json:
    """A document with some places changed: something else there, nothing, twice, within a list, as a text."""
    holder = [deepcopy(document)]
    for _ in range(draw(st.integers(1, most))):
        spots = list(_spots(holder))
        if not spots:
            break
        container, key = draw(st.sampled_from(spots))
        value = container[key]
        match draw(st.sampled_from(["other", "other", "other", "gone", "twice", "within", "text"])):
            case "other":
                container[key] = draw(ANYTHING)
            case "gone" if container is not holder:
                del container[key]
            case "twice" if isinstance(container, list) and container is not holder:
                container.insert(key, deepcopy(value))
            case "within":
                container[key] = [value]
            case _:
                container[key] = str(value)[:100]
    return holder[0]


def wrong(document: Json) -> st.SearchStrategy[Json]:
    """A document that is nearly right, or not at all."""
    return nearly(document) | nearly(document) | nearly(document) | ANYTHING


def among(record: Json) -> st.SearchStrategy[list[Json]]:
    """Records that stand among good ones."""
    return st.lists(wrong(record), max_size=6)
