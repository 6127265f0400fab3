"""What a person must know of somebody who shares, and cannot see from their entities. Pure."""

from collections.abc import Iterable
from datetime import timedelta
from hashlib import sha256
from math import ceil
from typing import Final

from ..source import Repair
from .people import Followed
from .records import CBG, FOLLOW
from .settings import Settings

KINDS: Final = (
    "permission_lost",
    "clock",
    "no_thresholds",
    "thresholds_unreadable",
    "profile_conflict",
    "profile_stuck",
)

NAMELESS_APPS: Final = "xDrip+ / AndroidAPS"
"""Those that we know of whose records name neither an app nor a device."""


NAMED_AT_MOST: Final = 5
"""Clocks of one person, the newest (ours): who has more has one trouble."""


def repairs_of(person_id: str, followed: Followed, *, unreadable: bool) -> Iterable[Repair]:
    """What somebody's state asks for. `unreadable`: settings of theirs make no sense, and keep an alert from being judged."""
    # Issue ids, unlike their data, are in what somebody sends us to look at.
    who = _hash(person_id)
    name = {"name": followed.name}
    if followed.lost:
        yield Repair(kind="permission_lost", of=who, key="permission_lost", placeholders=name)
    settings = Settings(followed.settings or {})
    if followed.may(FOLLOW) and followed.settings_read and settings.lacks_thresholds:
        yield Repair(
            kind="no_thresholds",
            of=who,
            key="no_thresholds",
            person_id=person_id,
            placeholders=name,
        )
    if followed.may(FOLLOW) and followed.switched.conflicts:
        yield Repair(
            kind="profile_conflict",
            of=who,
            key="profile_conflict",
            person_id=person_id,
            placeholders=name,
        )
    if unreadable:
        yield Repair(
            kind="thresholds_unreadable",
            of=who,
            key="thresholds_unreadable",
            is_error=True,
            placeholders=name,
        )
    # Whoever enters a finger prick may err in its time; their clock is right.
    wrong = [one for one in followed.clocks if one.sender.kind == CBG and one.is_wrong]
    for clock in wrong[-NAMED_AT_MOST:]:
        key = "clock_ahead" if clock.ahead > timedelta() else "clock_behind"
        yield Repair(
            kind="clock",
            of=f"{who}_{key.removeprefix('clock_')}_{_hash('\n'.join(clock.sender))}",
            key=key,
            placeholders=name
            | {
                "device": clock.sender.label or NAMELESS_APPS,
                "minutes": str(ceil(abs(clock.ahead) / timedelta(minutes=1))),
            },
        )


def stuck_repair(person_id: str, followed: Followed) -> Repair:
    """What to say of somebody whose settings are a profile's and are not ours to change any more."""
    return Repair(
        kind="profile_stuck",
        of=_hash(person_id),
        key="profile_stuck",
        person_id=person_id,
        placeholders={"name": followed.name},
    )


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]
