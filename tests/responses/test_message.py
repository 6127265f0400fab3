"""What a phone shows and a voice says: every sentence as it is in English, and what never may be in one."""

from dataclasses import replace
from datetime import timedelta
import json
import re
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.care_alerts.alerts.acknowledgement import Acknowledgement, Actor, Via
from custom_components.care_alerts.alerts.alert import Alert, AlertKey, AlertState, Severity
from custom_components.care_alerts.alerts.episode import EndReason, EpisodeSpan, TimeSpan
from custom_components.care_alerts.alerts.glucose import Glucose, OutOfRange, Trend
from custom_components.care_alerts.alerts.response_log import Episode
from custom_components.care_alerts.responses.message import (
    SUMMARY_TAG,
    Notice,
    Testimony as Said,
    banner,
    glucose_text,
    notifications,
    spoken_text,
    tag_of,
    who_has_it,
    witnesses_text,
)
from custom_components.care_alerts.responses.notification import (
    MOST_IDS,
    Level,
    Notification,
    Verb,
    buttons_for,
    mobile_app,
    pressed,
)
from custom_components.care_alerts.responses.plan import Caregiver, Text
from custom_components.care_alerts.responses.wording import Wording

from ..spoken import english
from .build import HIGH, LOW, MEDIUM, minute

BERLIN = ZoneInfo("Europe/Berlin")
COMMON = english()["common"]
ANNA = Caregiver(caregiver_id="anna", name="Anna")
SHARED = replace(ANNA, text=Text.NEUTRAL)


def localize(key: str, /, **placeholders: str) -> str:
    """A sentence in English; it must be there, and use all that it is given."""
    text: str = COMMON[key]
    assert set(re.findall(r"\{(\w+)\}", text)) == set(placeholders), key
    return re.sub(r"\{(\w+)\}", lambda found: placeholders[found[1]], text)


WORDING = Wording(localize=localize, now=minute(0), zone=BERLIN)
"""It is 03:00."""


def notice(
    number: int = 0,
    *,
    severity: Severity = HIGH,
    ago: float = 4,
    late: bool = False,
    drill: bool = False,
    held: bool = False,
    snoozed: float | None = None,
    ended: EndReason | None = None,
    handled: float | None = None,
    details: dict[str, Any] | None = None,
    **more: Any,
) -> Notice:
    """An urgent low of Mila's, observed some minutes ago, that rings."""
    alert = Alert(
        alert_id=f"{number}",
        source="tidepool",
        person_id="mila",
        alert_type="urgent_low",
        severity=severity,
        state=AlertState.ACTIVE,
        observed_at=minute(-ago),
        received_at=minute(0),
        late=late,
        drill=drill,
        details=details or {},
    )
    span = EpisodeSpan(
        opened=alert,
        last_seen=alert,
        severity=severity,
        ended_at=minute(-1) if ended else None,
        end_reason=ended,
        handled_at=None if handled is None else minute(handled),
    )
    taken = Acknowledgement(
        span=TimeSpan.of(span), severity=severity, by=Actor("Ben", Via.USER), at=minute(-2)
    )
    episode = Episode(
        episode_id=f"episode-{number}",
        also_known_as=frozenset(),
        topic=AlertKey("mila", "urgent_low", drill),
        span=span,
        announced=[alert],
        acknowledgement=taken if held else None,
        snoozed_until=None if snoozed is None else minute(snoozed),
        unacknowledged_since=None if held or ended else minute(-ago),
    )
    fields = {
        "person": "Mila",
        "alert": "Urgent low",
        "tag": f"care_alerts_mila_urgent_low_{number}",
        "url": "/care-alerts/mila",
    }
    return Notice(episode=episode, **fields | more)


def one(shown: Notice, caregiver: Caregiver = ANNA) -> Notification:
    """The notification of a single notice."""
    (found,) = notifications([shown], caregiver, WORDING, ())
    return found


FALLING = Glucose(observed_at=minute(-4), value=2.8944, unit="mmol/L", trend=Trend.FALLING)


def test_who_what_how_much_when_and_who_has_it() -> None:
    found = one(notice(glucose=FALLING))
    assert found == Notification(
        tag="care_alerts_mila_urgent_low_0",
        title="Mila: Urgent low",
        message=(
            "Was observed at 02:56 (4 min ago), high severity.\n"
            "Glucose was 2.9 mmol/L ↓ at 02:56 (4 min ago).\n"
            "Nobody has it yet."
        ),
        level=Level.CRITICAL,
        buttons=buttons_for(["episode-0"], localize),
        url="/care-alerts/mila",
        when=minute(-4),
    )


@pytest.mark.parametrize(
    ("how", "line"),
    [
        ({"severity": LOW}, "Was observed at 02:56 (4 min ago), low severity."),
        ({"severity": MEDIUM}, "Was observed at 02:56 (4 min ago), medium severity."),
        ({"ago": 185}, "Was observed at Thu 30 Apr 23:55 (3 h 5 min ago), high severity."),
        ({"ago": -5}, "Was observed at 03:05 (0 min ago), high severity."),
        ({"late": True}, "It reached us late, at 03:00."),
        ({"held": True}, "Ben has it since 02:58. That does not mean that it is over."),
        ({"snoozed": 30}, "Snoozed until 03:30."),
        ({"snoozed": -1}, "Nobody has it yet."),
        ({"redelivered": True}, "You may have been told before."),
        ({"handled": -3}, "Handled on the device at 02:57."),
        ({"handled": -3}, "Nobody has it yet."),
        (
            {"ended": EndReason.EXPIRED},
            "Nothing more was heard of it by 02:59. That does not mean that it is over.",
        ),
    ],
)
def test_lines(how: dict[str, Any], line: str) -> None:
    assert line in one(notice(**how)).message.split("\n")


def test_a_neutral_text_says_nothing_of_the_device() -> None:
    assert one(notice(handled=-3), SHARED).message == one(notice(), SHARED).message


def test_a_voice_and_a_summary_say_that_it_was_handled_on_the_device() -> None:
    shown = notice(handled=-3)
    said = "Handled on the device at 02:57. Nobody has it yet."
    assert spoken_text(shown, WORDING).endswith(said)
    summary, *_ = notifications(
        [shown, *(notice(number) for number in (1, 2, 3))], ANNA, WORDING, ()
    )
    assert summary.tag == SUMMARY_TAG
    assert sum(line.endswith(said) for line in summary.message.split("\n")) == 1


def test_somebody_without_a_name() -> None:
    shown = notice(held=True)
    held = shown.episode.acknowledgement
    assert held is not None
    by = replace(held, by=Actor(None, Via.UNKNOWN))
    nameless = replace(shown, episode=replace(shown.episode, acknowledgement=by))
    assert one(nameless).message.endswith(
        "somebody has it since 02:58. That does not mean that it is over."
    )


@pytest.mark.parametrize(
    ("glucose", "text"),
    [
        (FALLING, "2.9 mmol/L ↓"),
        (replace(FALLING, value=52.4, unit="mg/dL", trend=None), "52 mg/dL"),
        (replace(FALLING, out_of_range=OutOfRange.LOW), "LOW, below what the sensor can tell ↓"),
        (
            replace(FALLING, out_of_range=OutOfRange.HIGH, trend=None),
            "HIGH, above what the sensor can tell",
        ),
    ],
)
def test_values(glucose: Glucose, text: str) -> None:
    assert glucose_text(glucose, localize) == text


def test_a_value_is_in_the_unit_that_the_user_has_chosen() -> None:
    glucose = replace(FALLING, value=3.0, unit="mmol/L", trend=Trend.FALLING)
    assert glucose_text(glucose, localize, "mg/dL") == "54 mg/dL ↓"
    assert (
        glucose_text(replace(glucose, value=54, unit="mg/dL"), localize, "mmol/L") == "3.0 mmol/L ↓"
    )


def test_every_trend_has_a_sign_of_its_own() -> None:
    signs = {glucose_text(replace(FALLING, trend=trend), localize)[-1] for trend in Trend}
    assert len(signs) == len(Trend)


def test_a_drill_says_so() -> None:
    assert one(notice(drill=True)).title == "DRILL: Mila: Urgent low"
    assert one(notice(drill=True), SHARED).title == "DRILL: Care Alerts"
    assert spoken_text(notice(drill=True), WORDING).startswith("DRILL: Mila: Urgent low.")


def test_a_voice_says_no_value() -> None:
    assert spoken_text(notice(glucose=FALLING), WORDING) == (
        "Mila: Urgent low. Was observed at 02:56 (4 min ago), high severity. Nobody has it yet."
    )


# What it may never say.

notices = st.builds(
    notice,
    st.integers(0, 99),
    severity=st.sampled_from(Severity),
    ago=st.floats(-10, 5000),
    late=st.booleans(),
    drill=st.booleans(),
    held=st.booleans(),
    snoozed=st.none() | st.integers(-5, 60),
    ended=st.sampled_from((None, *EndReason)),
    glucose=st.none() | st.just(FALLING),
    rings=st.booleans(),
    redelivered=st.booleans(),
)


def test_the_tag_on_a_shared_phone_is_always_the_same_and_names_nobody() -> None:
    mine, others = (tag_of(notice(number), Text.NEUTRAL) for number in (1, 2))
    assert mine == tag_of(notice(1), Text.NEUTRAL) != others
    assert "mila" not in mine
    assert tag_of(notice(1), Text.FULL) == notice(1).tag


@given(
    shown=st.lists(notices, max_size=12, unique_by=lambda one: one.tag),
    tags=st.sets(st.sampled_from((SUMMARY_TAG, "care_alerts_mila_urgent_low_1"))),
)
@settings(max_examples=200, deadline=None)
def test_no_phone_that_is_shared_shows_health_data(shown: list[Notice], tags: set[str]) -> None:
    for found in notifications(shown, SHARED, WORDING, tags):
        payload = replace(found, url=None)
        said = json.dumps(mobile_app(payload, "receipt"), ensure_ascii=False)
        private = re.search(r"Mila|mila|[Ll]ow\b|urgent_low|mmol|↓|severity|\"when\"", said)
        assert private is None or ('"importance": "low"' in said and private[0] == "low")


@given(shown=st.lists(notices, max_size=12, unique_by=lambda one: one.tag))
@settings(max_examples=200, deadline=None)
def test_what_holds_of_any_messages(shown: list[Notice]) -> None:
    tags = {one.tag for one in shown} | {SUMMARY_TAG}
    found = notifications(shown, ANNA, WORDING, tags)
    assert len({one.tag for one in found}) == len(found), "one notification a tag"
    waiting = [one for one in shown if one.episode.is_open]
    visible = [one for one in found if not one.is_cleared]
    lost = [one for one in visible if "Nothing more was heard" in one.message]
    assert len(visible) - len(lost) == (len(waiting) if len(waiting) <= 3 else 1)
    for one in visible:
        assert not re.search(r"\bis (low|high|fine|well)\b|all clear|\bgive\b|\beat\b", one.message)
        assert re.search(r"was observed at", one.message, re.IGNORECASE)
    # Nothing is louder than the loudest that rings, nothing that somebody has or that is over rings.
    rings = [one for one in waiting if one.rings and not one.episode.acknowledgement]
    loud = [one for one in visible if one.level is not Level.SILENT]
    assert bool(loud) is bool(rings)
    # Buttons are for what nobody has, and for what is shown.
    asked = {one.episode.episode_id for one in waiting if one.episode.unacknowledged_since}
    offered: set[str] = set()
    for one in visible:
        for button in one.buttons:
            verb_and_ids = pressed(button.action)
            assert verb_and_ids is not None
            offered |= set(verb_and_ids[1])
    assert offered <= asked
    assert offered or not asked or len(waiting) > MOST_IDS


# How loud.


@pytest.mark.parametrize(
    ("how", "caregiver", "level"),
    [
        ({}, ANNA, Level.CRITICAL),
        ({"severity": MEDIUM}, ANNA, Level.RINGING),
        ({"severity": MEDIUM}, replace(ANNA, break_through=frozenset({MEDIUM})), Level.CRITICAL),
        ({}, replace(ANNA, break_through=frozenset()), Level.RINGING),
        ({}, SHARED, Level.CRITICAL),
        ({"drill": True}, ANNA, Level.CRITICAL),
        ({"late": True}, ANNA, Level.RINGING),
        ({"details": {"date": "2026-04-30"}}, ANNA, Level.RINGING),
        ({"rings": False}, ANNA, Level.SILENT),
        ({"held": True}, ANNA, Level.SILENT),
        ({"ended": EndReason.EXPIRED}, ANNA, Level.SILENT),
    ],
)
def test_how_loud(how: dict[str, Any], caregiver: Caregiver, level: Level) -> None:
    assert one(notice(**how), caregiver).level is level


@pytest.mark.parametrize(
    ("level", "channel", "interruption", "sound"),
    [
        (
            Level.CRITICAL,
            "alarm_stream",
            "critical",
            {"name": "default", "critical": 1, "volume": 1.0},
        ),
        (Level.RINGING, "Care Alerts", "time-sensitive", "default"),
        (Level.SILENT, "Care Alerts, without a sound", "passive", "none"),
    ],
)
def test_the_payload_of_a_phone(level: Level, channel: str, interruption: str, sound: Any) -> None:
    payload = mobile_app(replace(one(notice()), level=level), "key")
    assert payload.keys() == {"title", "message", "data"}
    data = payload["data"]
    assert data["push"] == {"interruption-level": interruption, "sound": sound}
    assert (data["channel"], data["priority"], data["confirmation"]) == (channel, "high", True)
    assert (data["tag"], data["group"]) == ("care_alerts_mila_urgent_low_0", "care_alerts")
    assert data["url"] == data["clickAction"] == "/care-alerts/mila"
    assert data["when"] == minute(-4).timestamp()
    assert data["chronometer"] is (level is not Level.SILENT)
    assert data["care_alerts_receipt"] == "key"
    assert [action["title"] for action in data["actions"]] == ["I have it", "Snooze 30 min"]
    assert "live_update" not in data


def test_a_live_status_stands_beside_it_without_a_sound() -> None:
    rings = one(notice())
    live = rings.as_live_status()
    assert (live.tag, live.level, live.buttons) == (rings.tag + "_live", Level.SILENT, ())
    data = mobile_app(live)["data"]
    assert (data["live_update"], data["chronometer"]) == (True, True)
    gone = Notification(tag="a", is_cleared=True).as_live_status()
    assert mobile_app(gone) == {"message": "clear_notification", "data": {"tag": "a_live"}}


# Over, several, buttons.


def test_what_is_over_goes_but_what_nobody_took_and_was_lost_stays() -> None:
    tag = notice().tag
    for ended, held, stays in (
        (EndReason.SOURCE, False, False),
        (EndReason.NEWER_DAY, False, False),
        (EndReason.EXPIRED, True, False),
        (EndReason.EXPIRED, False, True),
    ):
        found = notifications([notice(ended=ended, held=held)], ANNA, WORDING, {tag})
        assert [(one.tag, one.is_cleared) for one in found] == [(tag, not stays)]
        assert not any(one.buttons for one in found)
    # What a phone does not show need not be taken from it.
    assert notifications([notice(ended=EndReason.SOURCE)], ANNA, WORDING, ()) == []


def test_more_than_three_are_one_summary_the_worst_first() -> None:
    shown = [
        notice(1, severity=LOW, person="Jo"),
        notice(2, severity=HIGH, held=True, person="Al"),
        notice(3, severity=HIGH, ago=30, person="Bo"),
        notice(4, severity=HIGH, ago=3, rings=False, person="Cy"),
        notice(5, drill=True, person="Di"),
    ]
    for caregiver in (ANNA, SHARED):
        assert len(notifications(shown[:3], caregiver, WORDING, ())) == 3
    tags = {one.tag for one in shown[:2]} | {"of somebody else"}
    summary, *others = notifications(shown, ANNA, WORDING, tags)
    assert {one.tag for one in others if one.is_cleared} == tags - {"of somebody else"}
    assert len(others) == 2
    assert (summary.tag, summary.title, summary.level) == (SUMMARY_TAG, "5 alerts", Level.CRITICAL)
    lines = summary.message.split("\n")
    assert [line[:9].removeprefix("DRILL: ")[:2] for line in lines] == [
        "Cy",
        "Bo",
        "Al",
        "Jo",
        "Di",
    ]
    assert lines[0] == (
        "Cy: Urgent low. Was observed at 02:57 (3 min ago), high severity. Nobody has it yet."
    )
    assert lines[2].endswith("Ben has it since 02:58. That does not mean that it is over.")
    assert pressed(summary.buttons[0].action) == (
        Verb.ACKNOWLEDGE,
        ["episode-4", "episode-3", "episode-1", "episode-5"],
    )
    assert summary.when == minute(-3)


def test_a_summary_leads_to_the_worst_and_a_neutral_one_nowhere() -> None:
    shown = [
        replace(notice(number, severity=severity, ago=number), url=f"/care-alerts/{number}")
        for number, severity in ((1, MEDIUM), (2, HIGH), (3, MEDIUM), (4, LOW))
    ]
    for caregiver, url, when in ((ANNA, "/care-alerts/2", minute(-2)), (SHARED, None, None)):
        summary = notifications(shown, caregiver, WORDING, set())[0]
        assert summary.tag == SUMMARY_TAG
        assert (summary.url, summary.when) == (url, when)


def test_which_sources_have_it_and_when_what_came_late_came() -> None:
    live = Said(source="Tidepool", is_live=True, observed_at=minute(-4), received_at=minute(-3))
    late = replace(live, source="Dexcom", is_live=False, observed_at=minute(-10))
    assert witnesses_text([live, late], WORDING) == "; ".join(
        (
            localize("notification_witness_live", source="Tidepool", time="02:56"),
            localize("notification_witness", source="Dexcom", time="02:50", arrived="02:57"),
        )
    )
    told, *_ = notifications([replace(notice(), witnesses=(live,))], ANNA, WORDING, set())
    assert localize("notification_witness_live", source="Tidepool", time="02:56") in told.message


@pytest.mark.parametrize(
    ("until", "is_snoozed"), [(0.1, True), (0, False), (-1, False), (None, False)]
)
def test_what_was_snoozed_until_now_is_nobodys(until: float | None, is_snoozed: bool) -> None:
    said = who_has_it(notice(snoozed=until).episode, WORDING)
    assert (said == localize("notification_unacknowledged")) is not is_snoozed
    over = notice(snoozed=5, ended=EndReason.EXPIRED).episode
    assert who_has_it(over, WORDING) == localize("notification_unacknowledged")


def test_a_summary_goes_when_there_are_three_again() -> None:
    shown = [notice(number, rings=False) for number in range(3)]
    found = notifications(shown, ANNA, WORDING, {SUMMARY_TAG})
    assert [one.tag for one in found if one.is_cleared] == [SUMMARY_TAG]
    assert [one.level for one in found if not one.is_cleared] == [Level.SILENT] * 3


def test_a_long_summary_acts_on_nothing_it_does_not_show() -> None:
    summary, *_ = notifications([notice(number) for number in range(20)], ANNA, WORDING, ())
    lines = summary.message.split("\n")
    assert (len(lines), lines[-1]) == (MOST_IDS + 1, "And 12 more.")
    found = pressed(summary.buttons[1].action)
    assert found is not None
    assert (found[0], len(found[1])) == (Verb.SNOOZE, MOST_IDS)


def test_a_long_banner_is_of_the_worst_and_says_how_many_there_are() -> None:
    shown = [
        (notice(number, ago=number + 1, person=f"P{number}"), Text.FULL) for number in range(20)
    ]
    title, message = banner(shown[::-1], WORDING)
    assert title == "20 alerts"
    assert re.findall(r"P\d+", message) == [f"P{number}" for number in range(MOST_IDS)]
    assert message.endswith("And 12 more.")


@pytest.mark.parametrize(
    ("url", "text", "leads"),
    [
        ("/care-alerts/mila", Text.FULL, True),
        ("/care-alerts/mila", Text.NEUTRAL, False),
        # What only a phone can open, and nothing.
        ("entityId:binary_sensor.low", Text.FULL, False),
        (None, Text.FULL, False),
    ],
)
def test_a_banner_leads_to_a_dashboard_and_nowhere_else(
    url: str | None, text: Text, leads: bool
) -> None:
    _, message = banner([(notice(url=url), text)], WORDING)
    assert ("](" in message) is leads
    assert message.endswith("](/care-alerts/mila)") is leads


def test_what_is_snoozed_or_held_by_nobody_else_can_be_taken() -> None:
    assert one(notice(snoozed=10)).buttons
    assert not one(notice(held=True)).buttons


@pytest.mark.parametrize(
    "action",
    [
        None,
        7,
        "",
        "CARE_ALERTS",
        "CARE_ALERTS|ACKNOWLEDGE",
        "CARE_ALERTS|ACKNOWLEDGE|",
        "CARE_ALERTS|DANCE|episode",
        "OTHERS|ACKNOWLEDGE|episode",
        # The blueprints' own.
        "CARE_ALERTS|ACKNOWLEDGE|automation.phone|binary_sensor.low|2026-05-01T01:00:00+00:00",
    ],
)
def test_what_is_no_button_of_ours_is_none(action: Any) -> None:
    assert pressed(action) is None


def test_times_are_told_by_the_clock_of_the_house() -> None:
    """On the night when the clock goes back, an hour is told twice; how long ago it was is told right."""
    night = replace(WORDING, now=minute(0) + timedelta(days=177, minutes=30))
    assert night.at(night.now) == "02:30"
    assert night.at(night.now - timedelta(hours=1)) == "02:30"
    assert night.age(night.now - timedelta(hours=1)) == "1 h 0 min"
    assert night.age(night.now - timedelta(days=2, hours=3)) == "2 d 3 h"
