"""Notifications as the app wants them, and what a button brings back."""

from datetime import UTC, datetime
from typing import Any

import pytest

from custom_components.care_alerts.responses.notification import (
    GROUP,
    MOST_IDS,
    TTL_SECONDS,
    Button,
    Level,
    Notification,
    Verb,
    buttons_for,
    live_tag,
    mobile_app,
    pressed,
)

WHEN = datetime(2026, 5, 1, 22, 0, 0, 999_999, tzinfo=UTC)
PLAIN: dict[str, Any] = {
    "tag": "mila",
    "group": GROUP,
    "priority": "high",
    "sticky": "true",
    "confirmation": True,
}
LOUD: dict[Level, dict[str, Any]] = {
    Level.CRITICAL: {
        "channel": "alarm_stream",
        "push": {
            "interruption-level": "critical",
            "sound": {"name": "default", "critical": 1, "volume": 1.0},
        },
    },
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


@pytest.mark.parametrize("level", Level)
def test_how_loud_it_is_and_how_long_it_is_waited_with(level: Level) -> None:
    note = Notification(tag="mila", title="Mila", message="Low", level=level)
    ttl = {} if level is Level.SILENT else {"ttl": TTL_SECONDS}
    assert TTL_SECONDS == 1800
    assert mobile_app(note) == {
        "title": "Mila",
        "message": "Low",
        "data": PLAIN | LOUD[level] | ttl,
    }


@pytest.mark.parametrize(
    ("more", "data"),
    [
        ({"url": "/care"}, {"url": "/care", "clickAction": "/care"}),
        # It counts where it rings, or stays.
        ({"when": WHEN}, {"when": int(WHEN.timestamp()), "chronometer": False}),
        (
            {"when": WHEN, "is_live": True},
            {"when": int(WHEN.timestamp()), "chronometer": True, "live_update": True},
        ),
        ({"is_live": True}, {"live_update": True}),
        (
            {"buttons": (Button("A|1", "I have it"), Button("B|1", "Snooze"))},
            {
                "actions": [
                    {"action": "A|1", "title": "I have it"},
                    {"action": "B|1", "title": "Snooze"},
                ]
            },
        ),
    ],
)
def test_what_else_it_has(more: dict[str, Any], data: dict[str, Any]) -> None:
    note = Notification(tag="mila", **more)
    assert mobile_app(note)["data"] == PLAIN | LOUD[Level.SILENT] | data


@pytest.mark.parametrize("level", [Level.CRITICAL, Level.RINGING])
def test_what_rings_counts(level: Level) -> None:
    data = mobile_app(Notification(tag="mila", level=level, when=WHEN))["data"]
    assert data["chronometer"] is True


def test_a_receipt_goes_along() -> None:
    assert mobile_app(Notification(tag="mila"), "4711")["data"]["care_alerts_receipt"] == "4711"
    assert "care_alerts_receipt" not in mobile_app(Notification(tag="mila"))["data"]


def test_what_is_taken_away_is_nothing_else() -> None:
    note = Notification(tag="mila", title="Mila", level=Level.CRITICAL, when=WHEN, is_cleared=True)
    assert mobile_app(note, "4711") == {"message": "clear_notification", "data": {"tag": "mila"}}
    live = note.as_live_status()
    assert mobile_app(live) == {
        "message": "clear_notification",
        "data": {"tag": live_tag("mila")},
    }
    assert not live.is_live


def test_a_live_status_is_beside_it_without_a_sound_and_without_buttons() -> None:
    note = Notification(
        tag="mila", title="Mila", level=Level.CRITICAL, buttons=(Button("A|1", "I have it"),)
    )
    live = note.as_live_status()
    assert live.tag == live_tag("mila") != note.tag
    assert (live.title, live.level, live.buttons, live.is_live) == ("Mila", Level.SILENT, (), True)


ALL_IDS = [str(number) for number in range(MOST_IDS)]


@pytest.mark.parametrize(
    ("action", "asked"),
    [
        ("CARE_ALERTS|ACKNOWLEDGE|1", (Verb.ACKNOWLEDGE, ["1"])),
        ("CARE_ALERTS|SNOOZE|1,2", (Verb.SNOOZE, ["1", "2"])),
        ("CARE_ALERTS|SNOOZE|1,,1,2,1", (Verb.SNOOZE, ["1", "2"])),
        (f"CARE_ALERTS|SNOOZE|{','.join(ALL_IDS)}", (Verb.SNOOZE, ALL_IDS)),
        (f"CARE_ALERTS|SNOOZE|{','.join([*ALL_IDS, 'more'])}", None),
        ("CARE_ALERTS|SNOOZE|", None),
        ("CARE_ALERTS|SNOOZE", None),
        ("CARE_ALERTS|SNOOZE|1|2", None),
        ("CARE_ALERTS|snooze|1", None),
        ("CARE_ALERTS|OPEN|1", None),
        ("OTHERS|SNOOZE|1", None),
        ("", None),
        (None, None),
        (7, None),
        (["CARE_ALERTS", "SNOOZE", "1"], None),
    ],
)
def test_what_was_pressed(action: Any, asked: tuple[Verb, list[str]] | None) -> None:
    assert pressed(action) == asked


def test_a_button_brings_back_what_it_was_shown_for() -> None:
    def localize(key: str, /, **placeholders: str) -> str:
        return " ".join([key, *placeholders.values()])

    buttons = buttons_for(["1", "2"], localize)
    assert [one.title for one in buttons] == ["notification_acknowledge", "notification_snooze 30"]
    assert [pressed(one.action) for one in buttons] == [
        (Verb.ACKNOWLEDGE, ["1", "2"]),
        (Verb.SNOOZE, ["1", "2"]),
    ]
