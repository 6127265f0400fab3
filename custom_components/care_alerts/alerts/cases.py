"""Cases: of all episodes in a picture, what there is to take care of and whose end nobody has been told yet."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from .handling import Case, Handling
from .ledger import Ledger
from .model import Topic
from .picture import Picture


def with_cases(picture: Picture, ledger: Ledger, handling: Handling, now: datetime) -> Picture:
    """The picture with a case for each topic: its newest episode and what has been done about it."""
    told = ledger.told()
    cases: dict[str, dict[Topic, Case]] = {}
    for topic, runs in picture.episodes():
        cases.setdefault(topic.person_id, {})[topic] = handling.case(
            topic, runs[-1], told.get(topic, ()), now
        )
    return replace(
        picture,
        people={
            person_id: replace(person, cases=cases.get(person_id, {}))
            for person_id, person in picture.people.items()
        },
    )


def ends_untold(
    picture: Picture,
    ledger: Ledger,
    handling: Handling,
    *,
    waiting: Collection[str],
    now: datetime,
) -> list[Case]:
    """The episodes that the house was told of, but not of their end; not of people `waiting` for more of them."""
    told = ledger.told()
    found: list[Case] = []
    for topic, runs in picture.episodes():
        if topic not in told or topic.person_id in waiting:
            continue
        for episode in reversed(runs):
            if episode.ended_at is None:
                continue
            if handling.end_is_told(topic, episode.ended_at):
                break
            case = handling.case(topic, episode, told[topic], now)
            if case.told:
                found.append(case)
    return found
