"""What is known of somebody as it is shown: their alerts, glucose, settings and freshness, and why there is none.

Times are minutes after noon; whoever nothing else is said of allows everything, and was last heard of at noon.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from custom_components.care_alerts.alerts.alert import Alert, Person
from custom_components.care_alerts.alerts.episode import DeviceWord, EndReason
from custom_components.care_alerts.alerts.freshness import DataFreshness, Status
from custom_components.care_alerts.alerts.glucose import Glucose
from custom_components.care_alerts.alerts.snapshot import AppliedProfile, PersonSnapshot, Setting
from custom_components.care_alerts.sources.http import (
    ApiError,
    AuthError,
    RateLimitedError,
    UnreachableError,
)
from custom_components.care_alerts.sources.settings import Profile
from custom_components.care_alerts.sources.tidepool.api import SettingsUnreadableError
from custom_components.care_alerts.sources.tidepool.evaluation import Evaluation, Reason
from custom_components.care_alerts.sources.tidepool.evaluator import AlertEvaluator
from custom_components.care_alerts.sources.tidepool.history import AnnouncedEpisode, KindHistory
from custom_components.care_alerts.sources.tidepool.mapping import (
    data_freshness_of,
    own_freshness,
    snapshot_of,
    unreadable_of,
    why_not_judged,
)
from custom_components.care_alerts.sources.tidepool.people import Followed, PollState
from custom_components.care_alerts.sources.tidepool.profiles import Switched
from custom_components.care_alerts.sources.tidepool.records import FOLLOW, VIEW
from custom_components.care_alerts.sources.tidepool.settings import GLUCOSE_KINDS, KINDS
from tests.alerts.build import alert
from tests.conftest import NOON

from .conftest import SETTINGS

BOTH = {VIEW, FOLLOW}
ODD = SETTINGS | {"high": {"enabled": True}}
"""Settings of which one alert makes no sense."""
A_MOMENT = timedelta.resolution

LIMITED, DOWN, LOGIN = RateLimitedError("429"), UnreachableError("503"), AuthError("401")
UNREADABLE = SettingsUnreadableError("no settings")


def at(minute: float) -> datetime:
    """A time so many minutes after noon."""
    return NOON + timedelta(minutes=minute)


def jill(**more: Any) -> Followed:
    """Somebody who is followed since an hour ago."""
    fields: dict[str, Any] = {
        "name": "Jill",
        "since": at(-60),
        "watch": AlertEvaluator(person_id="jill"),
        "allows": BOTH,
        "allowed": BOTH,
        "settings": SETTINGS,
        "settings_read": True,
    }
    return Followed(**fields | more)


def poll(
    *,
    data: ApiError | None = None,
    settings: ApiError | None = None,
    changes_at: datetime | None = None,
    **evaluations: Evaluation,
) -> PollState:
    """How asking for them went, and what came of it."""
    state = PollState.due_at(NOON)
    state.data.error, state.settings.error = data, settings
    state.result.evaluations, state.result.changes_at = evaluations, changes_at
    return state


def reading(minute: float, value: float = 100) -> Glucose:
    """A glucose value."""
    return Glucose(observed_at=at(minute), value=value, unit="mg/dL")


def told(alert_id: str, minute: float, alert_type: str = "low", **details: Any) -> Alert:
    """An alert that was announced."""
    one = alert(alert_id, 0, source="tidepool", person_id="jill", alert_type=alert_type)
    return replace(one, observed_at=at(minute), received_at=at(minute), details=details)


def shown(
    followed: Followed,
    state: PollState | None = None,
    alerts: Iterable[Alert] = (),
    *,
    now: datetime = NOON,
    judges: bool = True,
    unit: str = "mg/dL",
) -> PersonSnapshot:
    """What there is to show."""
    return snapshot_of(
        "jill",
        followed,
        state or poll(),
        alerts,
        now,
        judges=judges,
        unit=unit,
        last_contact=NOON,
    )


# Why there is nothing.


@pytest.mark.parametrize(
    ("allows", "refused", "judges", "reason"),
    [
        (BOTH, set(), True, None),
        (BOTH, set(), False, Reason.NOT_JUDGED),
        ({VIEW}, set(), True, Reason.NOT_PERMITTED),
        ({FOLLOW}, set(), True, Reason.NOT_PERMITTED),
        (set(), set(), True, Reason.NOT_PERMITTED),
        # What is listed, and refused all the same.
        (BOTH, {VIEW}, True, Reason.NOT_PERMITTED),
        (BOTH, {FOLLOW}, True, Reason.NOT_PERMITTED),
        ({VIEW}, set(), False, Reason.NOT_JUDGED),
    ],
)
def test_nothing_is_judged_that_is_not_to_be_or_not_allowed(
    allows: set[str], refused: set[str], judges: bool, reason: Reason | None
) -> None:
    followed = jill(allows=allows, refused=refused, settings=ODD)
    assert why_not_judged(followed, judges=judges) is reason
    # What cannot be judged for want of settings is only what is to be judged.
    assert unreadable_of(followed, poll(), judges=judges) == ([] if reason else ["high"])
    # Whatever was found before.
    on = Evaluation(is_on=True, stale=True)
    condition = shown(followed, poll(low=on), [told("a", -5)], judges=judges).conditions["low"]
    assert condition.unavailable == reason
    assert condition.is_on is (None if reason else True)
    assert (condition.current_alert is None) is (reason is not None)
    assert condition.has_data_gap is (reason is Reason.NOT_PERMITTED)


@pytest.mark.parametrize(
    ("more", "judges", "looks"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"allows": {VIEW}}, True, False),
        ({"settings": None}, True, False),
        ({"settings": {}}, True, False),
    ],
)
def test_from_when_alerts_of_somebody_are_looked_for(
    more: dict[str, Any], judges: bool, looks: bool
) -> None:
    followed = jill(**more)
    assert shown(followed, judges=judges).looked_from == (followed.since if looks else None)


@pytest.mark.parametrize(
    ("settings", "error", "unreadable"),
    [
        (SETTINGS, None, []),
        (None, None, []),
        (ODD, DOWN, ["high"]),
        (SETTINGS, UNREADABLE, list(KINDS)),
        (None, UNREADABLE, list(KINDS)),
    ],
)
def test_which_alerts_have_settings_that_make_no_sense(
    settings: dict[str, Any] | None, error: ApiError | None, unreadable: list[str]
) -> None:
    state = poll(settings=error)
    assert unreadable_of(jill(settings=settings), state, judges=True) == unreadable


@pytest.mark.parametrize(
    ("settings_read", "error", "reason"),
    [
        (True, None, Reason.NO_READINGS),
        (True, UNREADABLE, Reason.NO_READINGS),
        (False, None, Reason.SETTINGS_UNKNOWN),
        (False, DOWN, Reason.SETTINGS_UNKNOWN),
        (False, UNREADABLE, Reason.SETTINGS_UNREADABLE),
    ],
)
def test_why_nothing_was_judged_so_far(
    settings_read: bool, error: ApiError | None, reason: Reason
) -> None:
    person = shown(jill(settings_read=settings_read), poll(settings=error))
    assert {one.unavailable for one in person.conditions.values()} == {reason}
    assert {one.is_on for one in person.conditions.values()} == {None}
    assert {one.stale for one in person.conditions.values()} == {False}
    # It may hide a low or a high, and no silence.
    assert {kind for kind, one in person.conditions.items() if one.has_data_gap} == {*GLUCOSE_KINDS}
    assert not person.is_heard_of


# How fresh it is.


@pytest.mark.parametrize(
    ("error", "trouble"),
    [(None, None), (DOWN, Status.UNREACHABLE), (LOGIN, Status.LOGIN_FAILED)],
)
def test_an_account_without_people_is_fresh_for_two_hours(
    error: ApiError | None, trouble: Status | None
) -> None:
    assert own_freshness(NOON, error) == DataFreshness(
        data_through=NOON, next_due=at(120), valid_until=at(120), trouble=trouble
    )


def freshness(
    followed: Followed,
    state: PollState | None = None,
    *,
    judges: bool = True,
    last_contact: datetime | None = NOON,
) -> DataFreshness:
    """How fresh somebody's data are, Tidepool having answered at noon."""
    return data_freshness_of(followed, state or poll(), last_contact, judges=judges)


def test_somebody_reaches_as_far_as_their_newest_reading() -> None:
    followed = jill(glucose=reading(-10), delays=[20, 30, 90])
    # Theirs were there later than anything of Tidepool's.
    followed.cadence.answered_at = at(-3)
    assert freshness(followed) == DataFreshness(
        data_through=at(-10),
        next_due=followed.cadence.overdue_at(at(-10)),
        valid_until=at(57),
        delay=timedelta(seconds=30),
    )
    # As it is shown.
    assert shown(followed).data == freshness(followed)


@pytest.mark.parametrize(("last_contact", "heard_at"), [(NOON, 0), (None, -60)])
def test_somebody_new_is_waited_for(last_contact: datetime | None, heard_at: float) -> None:
    assert freshness(jill(), last_contact=last_contact) == DataFreshness(
        data_through=None, next_due=at(5), valid_until=at(heard_at + 60)
    )


@pytest.mark.parametrize(
    ("errors", "more", "trouble"),
    [
        ({}, {}, None),
        ({"data": DOWN}, {}, Status.UNREACHABLE),
        ({"settings": LIMITED}, {}, Status.RATE_LIMITED),
        # The worst of all, whatever it is about.
        ({"data": LIMITED, "settings": DOWN}, {}, Status.UNREACHABLE),
        ({"data": LOGIN, "settings": LIMITED}, {}, Status.LOGIN_FAILED),
        ({}, {"settings": ODD}, Status.UNREACHABLE),
        ({"data": LIMITED}, {"settings": ODD}, Status.UNREACHABLE),
        ({"data": LOGIN}, {"settings": ODD}, Status.LOGIN_FAILED),
        ({"data": LOGIN}, {"allows": {VIEW}}, Status.PERMISSION_LOST),
        ({}, {"refused": {VIEW}}, Status.PERMISSION_LOST),
        # Who never allowed it has taken nothing back, and is not asked for it.
        ({"data": DOWN}, {"allows": {FOLLOW}, "allowed": {FOLLOW}}, None),
        ({"data": DOWN, "settings": LIMITED}, {"allows": set(), "allowed": set()}, "rate_limited"),
    ],
)
def test_what_is_wrong_with_somebody(
    errors: dict[str, ApiError], more: dict[str, Any], trouble: Status | None
) -> None:
    state = poll(data=errors.get("data"), settings=errors.get("settings"))
    assert freshness(jill(**more), state).trouble == trouble


@pytest.mark.parametrize("judges", [True, False])
def test_of_whom_no_readings_are_to_come_the_settings_are_as_fresh_as_the_account(
    judges: bool,
) -> None:
    nothing = {"allows": {FOLLOW}, "allowed": {FOLLOW}} if judges else {}
    followed = jill(glucose=reading(-10), delays=[20, 30, 90], **nothing)
    followed.cadence.answered_at = at(-3)
    state = poll(data=DOWN)
    expected = DataFreshness(data_through=None, next_due=at(120), valid_until=at(120))
    assert freshness(followed, state, judges=judges) == expected
    assert freshness(followed, state, judges=judges, last_contact=None) == DataFreshness(
        data_through=None, next_due=at(60), valid_until=at(60)
    )
    # What is wrong with these shows.
    state = poll(settings=DOWN)
    assert freshness(followed, state, judges=judges).trouble is Status.UNREACHABLE


@pytest.mark.parametrize(("judged_at", "due"), [(at(-20), -5), (None, -45)])
def test_who_has_taken_a_permission_back_is_overdue_once_nothing_is_now_any_more(
    judged_at: datetime | None, due: float
) -> None:
    followed = jill(glucose=reading(-10), allows={FOLLOW})
    followed.watch.judged_at, followed.cadence.answered_at = judged_at, at(-30)
    # What is known of the account is no reading.
    assert freshness(followed) == DataFreshness(
        data_through=at(-10),
        next_due=at(due),
        valid_until=at(60),
        trouble=Status.PERMISSION_LOST,
    )
    # Readings still come, and nobody may judge them.
    followed.allows, followed.refused = BOTH, {FOLLOW}
    assert freshness(followed).next_due == at(due)
    assert freshness(followed).valid_until == at(30)


# Glucose.


@pytest.mark.parametrize(
    ("ages", "shown_for"),
    [
        # Who uploads at once, or nobody knows how: while it is now.
        ([], 15),
        ([300] * 3, 15),
        ([899] * 3, 15),
        # Who uploads more rarely: until the next is overdue, which is a quarter more, or a reading and a half,
        ([900] * 3, 22.5),
        ([1800] * 3, 37.5),
        ([2400] * 3, 50),
        # never for longer than an hour.
        ([3600] * 3, 60),
        ([7200] * 3, 60),
    ],
)
def test_how_long_a_value_is_the_newest(ages: list[float], shown_for: float) -> None:
    followed = jill(glucose=reading(0))
    followed.cadence.ages = ages
    stale_from = at(15) + A_MOMENT
    until = at(shown_for) + (A_MOMENT if shown_for == 15 else timedelta())
    for now in (at(0), at(15), stale_from, until - A_MOMENT, until, at(500)):
        person = shown(followed, now=now)
        assert person.glucose == (reading(0) if now < until else None), now
        assert person.glucose_stale is (now >= stale_from), now
        assert person.glucose_now_until == (stale_from if now < stale_from else None), now
        assert person.last_glucose == reading(0)
        later = [one for one in (stale_from, until) if one > now]
        assert person.changes_at == min(later, default=None), now


@pytest.mark.parametrize(
    ("more", "judges"),
    [
        ({"glucose": None}, True),
        ({}, False),
        ({"allows": {FOLLOW}}, True),
        ({"refused": {VIEW}}, True),
    ],
)
def test_a_value_that_is_not_ours_to_show_is_none(more: Mapping[str, Any], judges: bool) -> None:
    person = shown(jill(**{"glucose": reading(0), **more}), judges=judges)
    assert person.glucose is person.last_glucose is None
    assert person.glucose_now_until is None
    assert person.glucose_stale is False
    assert person.changes_at is None


def test_a_value_is_shown_of_whom_no_settings_may_be_read() -> None:
    assert shown(jill(glucose=reading(0), allows={VIEW})).glucose == reading(0)


@pytest.mark.parametrize(
    ("evaluated", "switched", "changes_at"),
    [
        (None, None, None),
        (10, None, 10),
        (None, 20, 20),
        (10, 20, 10),
        (20, 10, 10),
        # What was due before, or is now, is no change to come.
        (0, 20, 20),
        (-5, -1, None),
    ],
)
def test_when_time_alone_changes_it(
    evaluated: float | None, switched: float | None, changes_at: float | None
) -> None:
    until = None if switched is None else at(switched)
    followed = jill(switched=Switched(until=until))
    state = poll(changes_at=None if evaluated is None else at(evaluated))
    expected = None if changes_at is None else at(changes_at)
    assert shown(followed, state).changes_at == expected


# Alerts.


def test_an_alert_that_is_on_stands_by_its_newest_word() -> None:
    first, second, high = told("a", -30), told("b", -5), told("c", -2, "high")
    state = poll(
        low=Evaluation(is_on=True, stale=True),
        high=Evaluation(is_on=False),
        urgent_low=Evaluation(is_on=None, reason=Reason.DISABLED),
        no_communication=Evaluation(is_on=True),
    )
    person = shown(jill(), state, [first, second, high])
    assert person.person == Person("jill", "Jill")
    assert [*person.conditions] == [*KINDS]
    low = person.conditions["low"]
    assert (low.is_on, low.stale, low.current_alert) == (True, True, second)
    assert low.episode is not None
    assert (low.episode.opened, low.episode.last_seen, low.episode.is_open) == (first, second, True)
    over = person.conditions["high"]
    assert (over.is_on, over.stale, over.current_alert) == (False, False, None)
    assert over.episode is not None
    disabled = person.conditions["urgent_low"]
    assert (disabled.is_on, disabled.unavailable) == (None, "disabled")
    # Nobody wants to know.
    assert not disabled.has_data_gap
    # On, though what was told of it is not kept any more.
    silent = person.conditions["no_communication"]
    assert (silent.is_on, silent.current_alert, silent.episode) == (True, None, None)
    assert person.last_alert == high
    assert person.active == [second]


def test_an_alert_of_a_kind_we_do_not_judge_is_only_the_last_there_was() -> None:
    strange = told("a", -5, "ketones")
    person = shown(jill(), poll(), [told("b", -9), strange])
    assert person.last_alert == strange
    assert [*person.conditions] == [*KINDS]
    assert shown(jill()).last_alert is None


def test_each_episode_ends_as_it_was_announced_to() -> None:
    alerts = [told("a", -90), told("b", -50), told("c", -5)]
    followed = jill()
    followed.watch.kinds["low"] = KindHistory(
        told=[
            AnnouncedEpisode(started=at(-95), last=at(-80), told_at=at(-90)),
            AnnouncedEpisode(started=at(-50), last=at(-40), told_at=at(-50)),
            AnnouncedEpisode(started=at(-5), last=at(-5), told_at=at(-5)),
        ]
    )
    first, second, _ = followed.watch.kinds["low"].told
    first.end(at(-75), EndReason.SOURCE)
    second.end(at(-25), EndReason.EXPIRED)
    low = shown(followed, poll(low=Evaluation(is_on=True)), alerts).conditions["low"]
    assert [(one.opened, one.ended_at, one.end_reason) for one in low.earlier] == [
        (alerts[0], at(-75), EndReason.SOURCE),
        (alerts[1], at(-25), EndReason.EXPIRED),
    ]
    assert low.episode is not None
    assert (low.episode.opened, low.episode.is_open) == (alerts[2], True)


@pytest.mark.parametrize(
    ("answered", "started", "handled"),
    [
        (-4, None, True),
        # The device alarms at once, we after the delay.
        (-12, at(-15).isoformat(), True),
        (-12, None, False),
        (-16, at(-15).isoformat(), False),
        # What a damaged line says is not believed.
        (-12, "soon", False),
        (-4, at(5).isoformat(), True),
        (-4, 7, True),
    ],
)
def test_what_was_answered_on_the_device_since_it_began_is_handled(
    answered: float, started: Any, handled: bool
) -> None:
    followed = jill()
    followed.device_words.by_kind["low"] = [DeviceWord(at(answered), is_answer=True)]
    details = {} if started is None else {"started": started}
    state = poll(low=Evaluation(is_on=True))
    person = shown(followed, state, [told("a", -5, **details), told("b", -2)])
    assert (episode := person.conditions["low"].episode) is not None
    assert episode.handled_at == (at(answered) if handled else None)


def test_an_answer_on_the_device_after_an_episode_is_over_is_to_another() -> None:
    followed = jill()
    one = AnnouncedEpisode(started=at(-30), last=at(-20), told_at=at(-30))
    one.end(at(-15), EndReason.SOURCE)
    followed.watch.kinds["low"] = KindHistory(told=[one])
    for minute, handled in ((-15, True), (-14, False)):
        followed.device_words.by_kind["low"] = [DeviceWord(at(minute), is_answer=True)]
        low = shown(followed, poll(), [told("a", -30)]).conditions["low"]
        assert low.episode is not None
        assert (low.episode.handled_at is not None) is handled


# Settings.


@pytest.mark.parametrize(
    ("more", "are_shown"),
    [
        ({}, True),
        ({"allows": {FOLLOW}}, True),
        ({"allows": {VIEW}}, False),
        ({"refused": {FOLLOW}}, False),
        ({"settings_read": False}, False),
    ],
)
def test_settings_are_shown_that_were_read_and_may_be(
    more: dict[str, Any], are_shown: bool
) -> None:
    assert (shown(jill(**more)).settings != {}) is are_shown


def test_settings_are_as_tidepool_has_them() -> None:
    low = {"enabled": True, "delay": 10, "threshold": {"units": "mmol/L", "value": 3.9}}
    settings = shown(jill(settings={"low": low})).settings
    assert settings["low_threshold"] == Setting(value=3.9, unit="mmol/L", highest=55, step=0.1)
    assert settings["low"] == Setting(value=True)
    assert settings["low_delay"] == Setting(value=10, unit="min", highest=120)
    # What is not there yet is in the unit of what is,
    assert settings["high_threshold"] == Setting(value=None, unit="mmol/L", highest=55, step=0.1)
    assert settings["high"] == Setting(value=None)
    # and where there is nothing, in the one that we are told.
    documents: tuple[dict[str, Any] | None, ...] = ({}, None)
    for nothing in documents:
        for unit, highest, step in (("mg/dL", 1000, 1), ("mmol/L", 55, 0.1)):
            settings = shown(jill(settings=nothing), unit=unit).settings
            assert settings["low_threshold"] == Setting(
                value=None, unit=unit, highest=highest, step=step
            )


def test_a_profile_is_shown_with_its_end() -> None:
    assert shown(jill()).profile is None
    profile = Profile(profile_id="p", name="Sport", values={}, unit="mg/dL")
    switched = Switched(profile=profile, until=at(30), is_settled=False)
    assert shown(jill(switched=switched)).profile == AppliedProfile("p", "Sport", at(30), False)
