"""Notifications: what a phone is to show, as data, and as Home Assistant's companion app wants it.

A button carries the ids of the episodes it was shown for, and acts on no other, however late it is pressed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from .wording import Localize

SNOOZE_MINUTES: Final = 30
"""The design's, and the button's text says so."""

GROUP: Final = "care_alerts"
TTL_SECONDS: Final = 30 * 60
"""A phone that was out of reach for minutes still gets it; after half an hour the house has done more since."""

MOST_IDS: Final = 8
"""Ours: of a summary, as many alerts as a phone shows when it is unfolded. Its buttons are for these only."""

_PREFIX: Final = "CARE_ALERTS"
_LIVE: Final = "_live"


class Level(StrEnum):
    """How a notification comes, loudest first."""

    CRITICAL = "critical"  # through silent mode and do-not-disturb
    RINGING = "ringing"  # as loud as the phone is set
    SILENT = "silent"  # an update of what was heard before


class Verb(StrEnum):
    """What a button does."""

    ACKNOWLEDGE = "ACKNOWLEDGE"
    SNOOZE = "SNOOZE"


@dataclass(frozen=True, slots=True)
class Button:
    """A button, and what comes back when it is pressed (`pressed` reads it)."""

    action: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What a phone is to show under a tag, or to take away (`is_cleared`).

    `when`: when what it tells of was observed. `url`: what a tap opens. `is_live`: a status that stays on
    the screen and counts, beside the notification that rings.
    """

    tag: str
    title: str = ""
    message: str = ""
    level: Level = Level.SILENT
    buttons: tuple[Button, ...] = ()
    url: str | None = None
    when: datetime | None = None
    is_cleared: bool = False
    is_live: bool = False

    def as_live_status(self) -> Notification:
        """It as a live status: under a tag of its own, without a sound and without buttons."""
        return replace(
            self,
            tag=live_tag(self.tag),
            level=Level.SILENT,
            buttons=(),
            is_live=not self.is_cleared,
        )


def live_tag(tag: str) -> str:
    """The tag of the live status beside a notification."""
    return tag + _LIVE


def buttons_for(episode_ids: Sequence[str], localize: Localize) -> tuple[Button, ...]:
    """*I have it* and *Snooze 30 min*, for these episodes."""
    ids = ",".join(episode_ids)
    return (
        Button(f"{_PREFIX}|{Verb.ACKNOWLEDGE}|{ids}", localize("notification_acknowledge")),
        Button(
            f"{_PREFIX}|{Verb.SNOOZE}|{ids}",
            localize("notification_snooze", minutes=str(SNOOZE_MINUTES)),
        ),
    )


def pressed(action: Any) -> tuple[Verb, list[str]] | None:
    """What a button that was pressed asks for, and for which episodes; None if it is none of these."""
    match action.split("|") if isinstance(action, str) else None:
        case [prefix, verb, ids] if prefix == _PREFIX and verb in set(Verb) and ids:
            episode_ids = [*dict.fromkeys(one for one in ids.split(",") if one)]
            return (Verb(verb), episode_ids) if len(episode_ids) <= MOST_IDS else None
    return None


_BY_LEVEL: Final[dict[Level, dict[str, Any]]] = {
    # iOS: critical alerts ring when muted. Android: the alarm's own volume, also in do-not-disturb.
    Level.CRITICAL: {
        "channel": "alarm_stream",
        "push": {
            "interruption-level": "critical",
            "sound": {"name": "default", "critical": 1, "volume": 1.0},
        },
    },
    # iOS: through a focus or a summary, but not when muted.
    Level.RINGING: {
        "channel": "Care Alerts",
        "importance": "high",
        "push": {"interruption-level": "time-sensitive", "sound": "default"},
    },
    Level.SILENT: {
        "channel": "Care Alerts, without a sound",
        "importance": "low",
        "push": {"interruption-level": "passive", "sound": "none"},
    },
}
"""Android keeps what a user sets for a channel, so the names stay."""


def mobile_app(notification: Notification, receipt: str | None = None) -> dict[str, Any]:
    """The data of the action that notifies a phone, iPhone or Android: each takes what it knows.

    Android phones are asked to confirm that it has come, and give `receipt` back. `priority` high wakes a
    phone that is in its doze.
    """
    tag = notification.tag
    if notification.is_cleared:
        return {"message": "clear_notification", "data": {"tag": tag}}
    data: dict[str, Any] = {
        **_BY_LEVEL[notification.level],
        "tag": tag,
        "group": GROUP,
        "priority": "high",
        "sticky": "true",
        "confirmation": True,
    }
    if notification.level is not Level.SILENT:
        # What is no longer so must be taken back whenever the phone is there again.
        data["ttl"] = TTL_SECONDS
    if receipt:
        data["care_alerts_receipt"] = receipt
    if notification.url:
        data |= {"url": notification.url, "clickAction": notification.url}
    if notification.when:
        data["when"] = int(notification.when.timestamp())
        data["chronometer"] = notification.is_live or notification.level is not Level.SILENT
    if notification.is_live:
        data["live_update"] = True
    if notification.buttons:
        data["actions"] = [
            {"action": one.action, "title": one.title} for one in notification.buttons
        ]
    return {"title": notification.title, "message": notification.message, "data": data}
