"""Answers: what a voice says when it is asked what goes on, how the night was, and who is on duty.

The worst first. Each answer says how old it is and whose word it is; none says that all is well, and none what to
do about a person.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from ..alerts.episode import EndReason
from ..alerts.glucose import Glucose
from .message import (
    Notice,
    full_title,
    glucose_text,
    handled_text,
    observed_text,
    spoken_text,
    what_was_done,
    worst_first,
)
from .wording import Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of somebody: their episodes, their newest glucose, and how far the word of their source reaches.

    `unit`: the one that they have it shown in; `source`: what that is called; `trouble`: what is wrong with it, in words, None where nothing is known to be. `is_also`: another source of the person
    before, who has the episodes of both.
    """

    person: str
    source: str
    notices: Sequence[Notice] = ()
    glucose: Glucose | None = None
    unit: str | None = None
    data_through: datetime | None = None
    trouble: str | None = None
    is_also: bool = False


def active_text(people: Sequence[Known], wording: Wording) -> str:
    """What goes on."""
    notices = [one for known in people for one in known.notices if one.episode.is_open]
    lines = [spoken_text(one, wording) for one in sorted(notices, key=worst_first)]
    for known in people:
        if not known.is_also and not any(one.episode.is_open for one in known.notices):
            lines.append(wording.localize("answer_none_active", person=known.person))
        lines += _how_they_were(known, wording)
    return _said(people, lines, wording)


def night_text(people: Sequence[Known], wording: Wording, since: datetime) -> str:
    """What was in the night, which began at `since`; `notices` are of it alone."""
    ordered = sorted(
        (one for known in people for one in known.notices), key=lambda one: worst_first(one)[1:]
    )
    # A date is clumsy to hear, and which night is meant is clear.
    of_the_night = replace(wording, has_dates=False)
    lines = [" ".join(_of_the_night(one, of_the_night)) for one in ordered]
    for known in people:
        if not known.is_also and not known.notices:
            at = of_the_night.at(since)
            lines.append(wording.localize("answer_none_since", person=known.person, time=at))
        lines += reach_text(known, wording)
    return _said(people, lines, wording)


def acknowledged_text(notices: Iterable[Notice], people: Sequence[Known], wording: Wording) -> str:
    """What somebody has just acknowledged of people, as it is since then; without anything, how far that is known."""
    lines = [spoken_text(one, wording) for one in sorted(notices, key=worst_first)]
    if not lines:
        lines = [wording.localize("answer_nothing_to_acknowledge")]
        for known in people:
            lines += reach_text(known, wording)
    return _said(people, lines, wording)


def _said(people: Sequence[Known], lines: Iterable[str], wording: Wording) -> str:
    return " ".join(lines) if people else wording.localize("answer_nobody_exposed")


def _of_the_night(notice: Notice, wording: Wording) -> Iterator[str]:
    episode, localize = notice.episode, wording.localize
    yield f"{full_title(notice, wording)}."
    if episode.opened.observed_at != episode.last_seen.observed_at:
        yield localize("answer_began", time=wording.at(episode.opened.observed_at))
    yield observed_text(notice, wording)
    if episode.ended_at is None:
        yield what_was_done(episode, wording)
        return
    yield localize(_OVER[episode.end_reason], time=wording.at(episode.ended_at))
    yield from handled_text(episode, wording)
    if held := episode.acknowledgement:
        who = held.by.name or localize("somebody")
        yield localize("answer_had_it", who=who, time=wording.at(held.at))
    else:
        yield localize("answer_nobody_had_it")


_OVER: Final = {
    EndReason.SOURCE: "answer_over",
    EndReason.NEWER_DAY: "answer_not_in_newer",
    EndReason.EXPIRED: "notification_lost",
    None: "answer_over",
}


def _how_they_were(known: Known, wording: Wording) -> Iterator[str]:
    if glucose := known.glucose:
        yield wording.localize(
            "answer_glucose",
            person=known.person,
            # A voice has no arrows.
            value=glucose_text(replace(glucose, trend=None), wording.localize, known.unit),
            time=wording.at(glucose.observed_at),
            age=wording.age(glucose.observed_at),
        )
    yield from reach_text(known, wording)


def reach_text(known: Known, wording: Wording) -> Iterator[str]:
    """How far the word of somebody's source reaches, and what is wrong with it."""
    localize = wording.localize
    if known.trouble:
        yield localize("source_trouble_people", people=known.person, reason=known.trouble)
    if known.data_through is None:
        yield localize("answer_no_reach", person=known.person, source=known.source)
        return
    yield localize(
        "answer_reach",
        person=known.person,
        source=known.source,
        time=wording.at(known.data_through),
        age=wording.age(known.data_through),
    )
