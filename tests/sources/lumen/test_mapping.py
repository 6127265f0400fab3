"""What Lumen's answers mean: its table of severities, its days, and what they say of a person."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from custom_components.care_alerts.alerts.alert import Alert, AlertState, Person, Severity, in_order
from custom_components.care_alerts.alerts.episode import EndReason
from custom_components.care_alerts.alerts.snapshot import AlertStatus, PersonSnapshot
from custom_components.care_alerts.sources.lumen.api import LumenAlert
from custom_components.care_alerts.sources.lumen.mapping import (
    LONGEST_SUBTYPE,
    Calendar,
    DayHeard,
    alert_of,
    came_at,
    day_of,
    next_analysis,
    runs_of_days,
    snapshot_of,
)
from custom_components.care_alerts.sources.parsing import snake_case

LOW, MEDIUM, HIGH = Severity.LOW, Severity.MEDIUM, Severity.HIGH
FIRST = date(2026, 5, 4)


def day(number: int) -> date:
    """A day; day 0 is a Monday."""
    return FIRST + timedelta(days=number)


def at(number: int, clock: str) -> datetime:
    """A time on a day, UTC."""
    return datetime.combine(day(number), datetime.fromisoformat(f"2026-01-01T{clock}").time(), UTC)


def record(**changes: Any) -> LumenAlert:
    """An alert as Lumen sends it, about day 0."""
    return LumenAlert.from_dict(
        {
            "sharedUserId": "person",
            "alertType": "WEIGHT",
            "alertSubtype": "TOO_FAST",
            "severity": "HIGH",
            "generatedAt": "2026-05-05T03:14:22Z",
            "details": {"currentWeightKg": 78.4},
        }
        | changes
    )


def translated(**changes: Any) -> Alert:
    """The same as ours, received at the usual time."""
    return alert_of(record(**changes), FIRST, at(1, "06:10"))


def _deep() -> list[Any]:
    """A list that is too deep to be written."""
    deep: list[Any] = []
    for _ in range(400):
        deep = [deep]
    return deep


# One alert.


@pytest.mark.parametrize(
    ("alert_type", "subtype", "severity"),
    [
        ("WEIGHT", "IN_RANGE", LOW),
        ("WEIGHT", "TOO_SLOW", MEDIUM),
        ("WEIGHT", "TOO_FAST", HIGH),
        ("WEIGHT", "AT_GOAL", LOW),
        ("WEIGHT", "FIRST_LOG", LOW),
        ("FLEX", "DRAMATIC_DROP", HIGH),
        ("FLEX", "PLATEAU", MEDIUM),
        ("MEDICATION", "MISSED_DOSE_HIGH", HIGH),
    ],
)
def test_the_vendors_table(alert_type: str, subtype: str, severity: Severity) -> None:
    told = translated(alertType=alert_type, alertSubtype=subtype, severity=severity.name)
    untold = translated(alertType=alert_type, alertSubtype=subtype, severity=None)

    for one in (told, untold):
        assert one.alert_type == alert_type.lower()
        assert one.subtype == subtype.lower()
        assert one.severity is severity
        assert one.state is AlertState.ACTIVE
        assert one.source == "lumen"
        assert "severity" not in one.details
        assert "alert_type" not in one.details


@pytest.mark.parametrize(
    ("changes", "severity", "kept"),
    [
        # What Lumen says counts, not what its table said.
        ({"severity": "LOW"}, LOW, {}),
        ({"alertSubtype": "NEW", "severity": "HIGH"}, HIGH, {}),
        # The vendor: show an unknown subtype as LOW.
        ({"alertSubtype": "NEW", "severity": None}, LOW, {}),
        # A severity nobody knows is kept as it came, and not made light of.
        ({"severity": "CRITICAL"}, HIGH, {"severity": "CRITICAL"}),
        ({"alertSubtype": "NEW", "severity": "CRITICAL"}, MEDIUM, {"severity": "CRITICAL"}),
        ({"alertSubtype": "NEW", "severity": 3}, MEDIUM, {"severity": 3}),
        # But what no journal could hold is not.
        ({"severity": _deep()}, HIGH, {}),
        # However it is written.
        ({"alertSubtype": "IN_RANGE", "severity": "high"}, HIGH, {}),
    ],
)
def test_severities_and_subtypes_nobody_knows(
    changes: dict[str, Any], severity: Severity, kept: dict[str, Any]
) -> None:
    one = translated(**changes)

    assert one.severity is severity
    assert one.subtype == changes.get("alertSubtype", "TOO_FAST").lower()
    assert {key: value for key, value in one.details.items() if key == "severity"} == kept


def test_an_unknown_type_is_other_and_says_what_it_was() -> None:
    one = translated(alertType="SLEEP", alertSubtype="SHORT", severity="MEDIUM")

    assert one.alert_type == "other"
    assert one.subtype == "short"
    assert one.details["alert_type"] == "SLEEP"


def test_a_subtype_is_cut_where_it_is_no_word_any_more() -> None:
    longest = "X" * LONGEST_SUBTYPE

    assert translated(alertSubtype=longest, severity="LOW").subtype == longest.lower()
    assert translated(alertSubtype=f"{longest}Y", severity="LOW").subtype == longest.lower()


@pytest.mark.parametrize("details", [None, [], "text", 7, {"deep": _deep()}])
def test_details_of_a_wrong_shape_lose_no_alert(details: Any) -> None:
    assert translated(details=details).details == {"date": "2026-05-04"}


def test_details_are_the_vendors_own_in_snake_case() -> None:
    one = translated(details={"missedDoses7d": 5, "lastLoggedDoseAt": None, "new": {"asIs": 1}})

    assert one.details == {
        "date": "2026-05-04",
        "missed_doses_7d": 5,
        "last_logged_dose_at": None,
        "new": {"asIs": 1},
    }
    assert day_of(one) == FIRST


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("currentWeightKg", "current_weight_kg"),
        ("weeklyPctChange", "weekly_pct_change"),
        ("logsUsed", "logs_used"),
        ("lastLogDate", "last_log_date"),
        ("stage", "stage"),
        ("ratePctPerWeek", "rate_pct_per_week"),
        ("scheduledDoses7d", "scheduled_doses_7d"),
        ("adherencePct7d", "adherence_pct_7d"),
        ("lastLoggedDoseAt", "last_logged_dose_at"),
        ("consecutiveMisses", "consecutive_misses"),
        ("already_snake", "already_snake"),
    ],
)
def test_snake_case(theirs: str, ours: str) -> None:
    assert snake_case(theirs) == ours


@pytest.mark.parametrize("details", [{}, {"date": None}, {"date": "soon"}, {"date": 5}])
def test_a_damaged_line_has_some_day_all_the_same(details: dict[str, Any]) -> None:
    damaged = replace(translated(), details=details)

    assert day_of(damaged) == day(1)


def test_a_clock_ahead_makes_no_alert_of_the_future() -> None:
    received = at(1, "06:10")
    one = alert_of(record(generatedAt="2030-01-01T00:00:00Z"), FIRST, received)

    assert one.observed_at == received


def test_a_detail_cannot_move_an_alert_to_another_day() -> None:
    one = translated(details={"date": "1999-01-01"})

    assert day_of(one) == FIRST


def test_the_same_alert_has_the_same_id_however_often_and_late_it_comes() -> None:
    ids = {
        alert_of(record(severity=severity, details=details), FIRST, received).alert_id
        for severity in ("HIGH", "LOW")
        for details in ({}, {"new": 1})
        for received in (at(1, "06:10"), at(9, "12:00"))
    }
    # The same instant, written otherwise.
    ids.add(translated(generatedAt="2026-05-05T05:14:22+02:00").alert_id)

    assert len(ids) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"sharedUserId": "somebody else"},
        {"alertType": "FLEX"},
        {"alertSubtype": "TOO_SLOW"},
        {"generatedAt": "2026-05-05T03:14:23Z"},
    ],
)
def test_another_alert_has_another_id(change: dict[str, str]) -> None:
    assert translated(**change).alert_id != translated().alert_id


@pytest.mark.parametrize(
    ("received", "late"),
    [
        (at(1, "03:15"), False),
        (at(1, "06:05"), False),
        (at(1, "07:10"), False),
        (at(1, "07:31"), True),
        (at(2, "06:05"), True),
        (at(8, "12:00"), True),
    ],
)
def test_late_is_what_came_after_the_usual_delay(received: datetime, late: bool) -> None:
    assert alert_of(record(), FIRST, received).late is late


@pytest.mark.parametrize(
    ("generated", "waits_for_six"),
    [
        ("00:00", True),
        ("05:59:59", True),
        ("06:00", True),
        # More than half a day before the next analysis is done, it is no part of that one.
        ("06:00:01", False),
        ("12:00", False),
        ("18:00", False),
        ("18:00:01", True),
        ("23:59", True),
    ],
)
def test_an_alert_is_expected_with_the_rest_of_its_night_s_analysis(
    generated: str, waits_for_six: bool
) -> None:
    made = at(1, generated)
    expected = next_analysis(made - timedelta(microseconds=1)) if waits_for_six else made
    last = expected + timedelta(minutes=90)

    for received, late in ((last, False), (last + timedelta(seconds=1), True)):
        one = alert_of(record(generatedAt=made.isoformat()), FIRST, received)
        assert one.late is late
    # Whoever is followed since then could have had it.
    assert came_at(made, expected) == expected
    assert came_at(made, expected + timedelta(days=3)) == expected


def test_an_alert_that_is_there_before_its_analysis_is_over_came_when_it_was_made() -> None:
    made = at(1, "03:14")

    assert came_at(made, at(1, "05:59:59")) == made
    assert came_at(made, made) == made
    # A clock that is ahead.
    assert came_at(made, at(1, "03:00")) == at(1, "03:00")


@pytest.mark.parametrize(
    ("now", "analysis"),
    [
        (at(0, "00:00"), at(0, "06:00")),
        (at(0, "05:59:59"), at(0, "06:00")),
        (at(0, "06:00"), at(1, "06:00")),
        (at(0, "23:00"), at(1, "06:00")),
    ],
)
def test_the_next_analysis(now: datetime, analysis: datetime) -> None:
    assert next_analysis(now) == analysis


# The calendar.


def heard(
    number: int,
    *read: datetime,
    generated: datetime | None = None,
) -> DayHeard:
    """A day read at these times; `generated` None: it had no alerts."""
    return DayHeard(
        day=day(number), first_read=min(read), last_read=max(read), generated_at=generated
    )


def calendar(*days: DayHeard) -> Calendar:
    """A calendar of these days."""
    return Calendar({one.day: one for one in days})


def test_from_when_lumen_was_asked_about_somebody() -> None:
    known = calendar(
        heard(0, at(1, "12:00")),
        heard(1, at(2, "12:00"), generated=at(2, "03:14")),
        heard(2, at(3, "12:00")),
    )
    # The analysis of a day is of the night after it, done at 06:00.
    assert known.looked_from(at(1, "12:00")) == at(0, "06:00")
    assert known.looked_from(at(1, "12:01")) == at(1, "06:00")
    assert known.looked_from(at(3, "12:01")) is None
    assert calendar().looked_from(at(0, "12:00")) is None


def test_a_day_read_twice_remembers_first_last_and_newest() -> None:
    morning = heard(0, at(1, "04:00"), generated=at(1, "03:14"))
    noon = heard(0, at(1, "12:00"), generated=at(1, "05:30"))
    expected = heard(0, at(1, "04:00"), at(1, "12:00"), generated=at(1, "05:30"))

    assert morning.read_again(noon) == expected
    assert noon.read_again(morning) == expected


def test_an_alert_that_disappears_takes_no_time_back() -> None:
    with_alert = heard(0, at(1, "04:00"), generated=at(1, "03:14"))
    without = heard(0, at(1, "12:00"))

    assert with_alert.read_again(without).generated_at == at(1, "03:14")


def test_a_calendar_of_nothing_says_nothing() -> None:
    empty = calendar()

    assert empty.newest is None
    assert empty.data_freshness() is None
    assert empty.complete() == []
    assert empty.known() == set()
    assert empty.to_ask_for([], at(0, "12:00")) == []
    assert not empty.is_out_of_reach(day(-100))


def test_days_that_follow_each_other_are_a_run() -> None:
    numbers: list[list[int]] = [[], [4], [4, 3], [9, 1, 3, 2, 7, 6]]
    runs = [runs_of_days(map(day, some)) for some in numbers]

    assert runs == [
        [list(map(day, run)) for run in some]
        for some in ([], [[4]], [[3, 4]], [[1, 2, 3], [6, 7], [9]])
    ]


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        (at(3, "06:10"), at(3, "23:00"), [2]),
        (at(3, "23:59"), at(5, "00:00"), [2, 3, 4]),
        (at(5, "12:00"), at(3, "12:00"), []),
    ],
)
def test_the_days_analysed_between_two_times(
    start: datetime, end: datetime, days: list[int]
) -> None:
    assert calendar().days_between(start, end) == list(map(day, days))
    # Where a day is analysed in its own night, those of the times themselves.
    same_night = calendar(heard(0, at(0, "06:10"), generated=at(0, "03:14")))
    assert same_night.days_between(start, end) == [day(number + 1) for number in days]


def test_a_day_is_known_if_it_was_read_whole_for_everybody() -> None:
    whole, unfinished = read(0), read(1, "05:30")
    garbled = replace(read(2), garbled=["somebody"])

    assert calendar(whole, unfinished, garbled).known() == {day(0)}


def test_days_before_any_that_lumen_keeps_are_out_of_reach() -> None:
    known = calendar(read(18), read(20))

    assert [number for number in range(21) if known.is_out_of_reach(day(number))] == [*range(6)]
    # Those that are not are asked for.
    assert day(6) in known.to_ask_for([])
    assert day(5) not in known.to_ask_for([])


@pytest.mark.parametrize(
    ("lag", "generated", "complete_at"),
    [
        # Analysed the night after; analysed in the day's own night.
        (1, at(1, "03:14"), at(1, "06:00")),
        (0, at(0, "03:14"), at(0, "06:00")),
    ],
)
def test_a_day_without_alerts_is_complete_when_its_like_were(
    lag: int, generated: datetime, complete_at: datetime
) -> None:
    with_alerts = heard(0, at(3, "12:00"), generated=generated)
    empty = heard(1, at(3, "12:00"))
    known = calendar(with_alerts, empty)

    assert known.complete_at(with_alerts) == complete_at
    assert known.complete_at(empty) == complete_at + timedelta(days=1)


def test_without_any_alerts_a_day_is_taken_to_be_analysed_on_the_next() -> None:
    assert calendar().complete_at(heard(0, at(0, "12:00"))) == at(1, "06:00")


def test_one_analysis_that_was_late_does_not_make_the_days_before_incomplete() -> None:
    """The vendor: "completes by 06:00 UTC"; that one came later says nothing of the others."""
    empty = heard(0, at(1, "12:00"))
    late = heard(1, at(2, "12:00"), generated=at(2, "06:30"))

    assert calendar(empty, late).complete() == [empty]


def test_the_end_of_an_analysis_at_six_sharp_is_the_same_six() -> None:
    assert calendar().complete_at(heard(0, at(1, "12:00"), generated=at(1, "06:00"))) == at(
        1, "06:00"
    )


@pytest.mark.parametrize(
    ("read", "complete"),
    [([at(1, "03:30")], False), ([at(1, "05:59")], False), ([at(1, "06:00")], True)],
)
def test_a_day_is_complete_once_it_was_read_after_six(read: list[datetime], complete: bool) -> None:
    known = calendar(heard(0, *read, generated=at(1, "03:14")))

    assert [one.day for one in known.complete()] == ([day(0)] if complete else [])


def test_days_to_ask_for_are_those_lumen_keeps_and_we_lack_newest_first() -> None:
    since = at(0, "00:00")
    newest = heard(20, at(21, "12:00"))
    known = calendar(
        newest,
        heard(18, at(19, "05:00"), generated=at(19, "03:14")),  # read before it was complete
        heard(17, at(18, "12:00"), generated=at(18, "03:14")),
    )

    asked = known.to_ask_for([day(15)], since)

    assert asked == [day(n) for n in (19, 18, 16, 14, 13, 12, 11, 10, 9, 8, 7, 6)]


def test_complete_days_are_asked_for_again_for_people_chosen_since() -> None:
    known = calendar(
        heard(2, at(3, "12:00"), generated=at(3, "03:14")),
        heard(1, at(2, "12:00"), generated=at(2, "03:14")),
        heard(0, at(1, "12:00"), generated=at(1, "03:14")),
    )

    # A day that was read just then has been read since.
    assert day(1) not in known.to_ask_for([], at(2, "12:00"))
    assert day(0) in known.to_ask_for([], at(2, "12:00"))
    assert day(2) not in known.to_ask_for([], at(4, "00:00"))


@pytest.mark.parametrize(
    ("newest", "data_through"),
    [
        (heard(0, at(1, "06:10"), at(1, "23:00"), generated=at(1, "03:14")), at(1, "03:14")),
        (heard(0, at(1, "06:10"), at(1, "23:00")), at(1, "06:00")),
        # Read before it was complete, it reaches to then.
        (heard(0, at(1, "04:00"), at(1, "23:00")), at(1, "04:00")),
    ],
)
def test_the_word_of_the_newest_day(newest: DayHeard, data_through: datetime) -> None:
    usual = timedelta(hours=3)
    data_freshness = calendar(
        heard(-1, at(1, "12:00"), generated=at(0, "03:14")), newest
    ).data_freshness(usual)

    assert data_freshness is not None
    assert data_freshness.data_through == data_through
    assert data_freshness.next_due == at(2, "08:00")
    assert data_freshness.valid_until == at(3, "06:00")
    assert data_freshness.delay == usual


# A person.


MARIA = Person("person", "Maria")


def weight(
    number: int, subtype: str = "TOO_FAST", clock: str = "03:14:22", **changes: Any
) -> Alert:
    """An alert about a day, generated the night after."""
    severity = {"IN_RANGE": "LOW", "TOO_SLOW": "MEDIUM", "TOO_FAST": "HIGH"}[subtype]
    generated = at(number + 1, clock)
    return alert_of(
        record(
            alertSubtype=subtype,
            severity=severity,
            generatedAt=generated.isoformat(),
            **changes,
        ),
        day(number),
        generated,
    )


def read(number: int, clock: str = "12:00", *, empty: bool = False) -> DayHeard:
    """A day read the day after."""
    return heard(
        number, at(number + 1, clock), generated=None if empty else at(number + 1, "03:14:22")
    )


def snapshot(
    alerts: Iterable[Alert], *days: DayHeard, on_from: Severity = MEDIUM
) -> PersonSnapshot:
    """Maria, as these alerts and days tell of her."""
    return snapshot_of(MARIA, sorted(alerts, key=in_order), calendar(*days), on_from=on_from)


def weight_of(alerts: Iterable[Alert], *days: DayHeard, on_from: Severity = MEDIUM) -> AlertStatus:
    """The condition of Maria's weight."""
    return snapshot(alerts, *days, on_from=on_from).conditions["weight"]


def test_somebody_never_heard_of_is_unknown() -> None:
    nobody = snapshot([], read(0))

    assert not nobody.is_heard_of
    assert {kind: one.is_on for kind, one in nobody.conditions.items()} == {
        "weight": None,
        "flex": None,
        "medication": None,
        "other": None,
    }
    assert nobody.last_alert is None


def test_an_alert_of_the_newest_day_stands() -> None:
    one = weight(0)
    person = snapshot([one], read(0))
    condition = person.conditions["weight"]

    assert condition.is_on
    assert condition.current_alert == one
    assert condition.episode is not None
    assert condition.episode.is_open
    assert person.last_alert == one
    # The other types: heard of, and nothing there.
    assert person.conditions["flex"].is_on is False
    assert person.conditions["flex"].current_alert is None


def test_a_newer_complete_day_without_it_ends_it() -> None:
    condition = weight_of([weight(0)], read(0), read(1, empty=True))

    assert condition.is_on is False
    assert condition.current_alert is None
    assert condition.episode is not None
    assert condition.episode.ended_at == at(2, "06:00")
    assert condition.episode.end_reason is EndReason.NEWER_DAY


def test_a_newer_day_half_analysed_ends_nothing() -> None:
    condition = weight_of([weight(0)], read(0), read(1, "05:30"))

    assert condition.is_on
    assert condition.current_alert == weight(0)
    assert condition.episode is not None
    assert condition.episode.is_open


def test_an_alert_of_a_day_half_analysed_counts_at_once() -> None:
    condition = weight_of([weight(0, "IN_RANGE"), weight(1)], read(0), read(1, "05:30"))

    assert condition.is_on
    assert condition.current_alert == weight(1)


def test_days_with_alerts_in_a_row_are_one_episode() -> None:
    alerts = [weight(0), weight(1, "TOO_SLOW"), weight(2)]
    condition = weight_of(alerts, read(0), read(1), read(2))

    assert condition.episode is not None
    assert condition.episode.opened == alerts[0]
    assert condition.episode.last_seen == alerts[2]
    assert condition.episode.is_open


def test_a_day_not_read_does_not_break_an_episode_but_one_without_alert_does() -> None:
    first, third = weight(0), weight(2)
    unread = weight_of([first, third], read(0), read(2)).episode
    between = weight_of([first, third], read(0), read(1, empty=True), read(2)).episode

    assert unread is not None
    assert unread.opened == first
    assert between is not None
    assert between.opened == third


def test_good_news_ends_an_episode_and_stands_as_good_news() -> None:
    good = weight(1, "IN_RANGE")
    condition = weight_of([weight(0), good], read(0), read(1))

    assert condition.is_on is False
    assert condition.current_alert == good
    assert condition.episode is not None
    assert condition.episode.ended_at == good.observed_at
    assert condition.episode.end_reason is EndReason.SOURCE


def test_good_news_alone_is_no_episode() -> None:
    condition = weight_of([weight(0, "IN_RANGE")], read(0))

    assert condition.is_on is False
    assert condition.episode is None


def test_an_option_makes_good_news_count() -> None:
    condition = weight_of([weight(0, "IN_RANGE")], read(0), on_from=LOW)

    assert condition.is_on
    assert condition.episode is not None


@pytest.mark.parametrize(
    ("first", "then", "is_on"),
    [("TOO_FAST", "IN_RANGE", False), ("IN_RANGE", "TOO_FAST", True)],
)
def test_an_alert_replaced_within_its_day_gives_way_to_the_newer(
    first: str, then: str, is_on: bool
) -> None:
    newer = weight(0, then, "04:30:00")
    condition = weight_of([weight(0, first), newer], read(0))

    assert condition.is_on is is_on
    assert condition.current_alert == newer
    assert (condition.episode is not None) is is_on


@pytest.mark.parametrize("whose", ["person", "*"])
def test_a_day_that_could_not_be_read_for_somebody_ends_nothing_of_theirs(whose: str) -> None:
    garbled = replace(read(1), garbled=[whose])
    condition = weight_of([weight(0)], read(0), garbled)

    assert condition.is_on
    assert condition.current_alert == weight(0)
    assert condition.episode is not None
    assert condition.episode.is_open


def test_a_day_garbled_for_somebody_else_counts() -> None:
    assert weight_of([weight(0)], read(0), replace(read(1), garbled=["other"])).is_on is False


def test_a_day_read_again_is_as_garbled_as_at_the_last_reading() -> None:
    bad, good = replace(read(0, "06:10"), garbled=["*"]), read(0, "12:00")

    assert bad.read_again(good).garbled == good.read_again(bad).garbled == []
    assert replace(bad, garbled=[]).read_again(replace(good, garbled=["*"])).garbled == ["*"]


def test_back_filled_days_in_any_order_give_the_same_picture() -> None:
    alerts = [weight(0), weight(1, "IN_RANGE"), weight(3), weight(4)]
    days = [read(0), read(1), read(2, empty=True), read(3), read(4)]
    straight = snapshot(alerts, *days)

    assert snapshot(reversed(alerts), *reversed(days)) == straight
    episode = straight.conditions["weight"].episode
    assert episode is not None
    assert episode.opened == alerts[2]


def test_an_old_day_back_filled_does_not_end_what_stands_today() -> None:
    condition = weight_of([weight(5)], read(5), read(2, empty=True))

    assert condition.is_on
    assert condition.episode is not None
    assert condition.episode.is_open


def test_an_alert_back_filled_into_the_past_does_not_stand() -> None:
    condition = weight_of([weight(2)], read(5, empty=True), read(2))

    assert condition.is_on is False
    assert condition.current_alert is None


@pytest.mark.parametrize(("newest", "is_on"), [(13, False), (14, None), (30, None)])
def test_somebody_not_heard_of_for_14_days_is_unknown_not_well(
    newest: int, is_on: bool | None
) -> None:
    alerts = [weight(0)]
    days = [read(0), *(read(number, empty=True) for number in range(1, newest + 1))]
    person = snapshot(alerts, *days)

    assert person.conditions["weight"].is_on is is_on
    assert person.conditions["flex"].is_on is is_on
    assert person.last_alert == alerts[0]


def test_an_alert_of_an_unknown_type_counts() -> None:
    other = weight(0, alertType="SLEEP")
    person = snapshot([other], read(0))

    assert person.last_alert == other
    assert person.is_heard_of
    assert {kind for kind, one in person.conditions.items() if one.is_on} == {"other"}
    # No sensor of its own, but it counts.
    assert person.highest_severity is Severity.HIGH


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_unknown_types_of_a_day_the_worst_stands(order: int) -> None:
    subtypes = ["IN_RANGE", "TOO_FAST", "TOO_SLOW"][::order]
    alerts = [weight(0, one, alertType=f"NEW_{one}") for one in subtypes]
    person = snapshot(alerts, read(0))

    assert person.conditions["other"].current_alert == alerts[1]
    assert person.highest_severity is Severity.HIGH


def test_a_day_analysed_in_its_own_night_ends_the_day_before() -> None:
    """Where a day is analysed on the day itself, "no alerts" counts from 06:00 UTC of that day on."""
    generated = at(0, "03:14:22")
    one = alert_of(record(generatedAt=generated.isoformat()), day(0), generated)
    before = heard(0, at(0, "06:10"), generated=generated)

    early = snapshot([one], before, heard(1, at(1, "05:30")))
    done = snapshot([one], before, heard(1, at(1, "06:10")))

    assert early.conditions["weight"].is_on
    assert done.conditions["weight"].is_on is False


def test_alerts_without_any_day_read_say_nothing() -> None:
    """As after a ledger was kept and what was read of the days was lost."""
    person = snapshot([weight(0)])

    assert {one.is_on for one in person.conditions.values()} == {None}
    assert person.last_alert == weight(0)


def test_an_alert_of_no_type_of_ours_hides_none_that_comes_after() -> None:
    """Lines of a damaged ledger."""
    strange, last = replace(weight(0), alert_type="sleep"), weight(0, "TOO_SLOW", "04:30:00")
    person = snapshot([strange, last], read(0))

    assert person.conditions["weight"].current_alert == person.last_alert == last
    assert snapshot([last, replace(strange, observed_at=at(1, "05:00"))], read(0)).last_alert == (
        replace(strange, observed_at=at(1, "05:00"))
    )


def test_what_a_day_held_of_one_type_says_nothing_of_another() -> None:
    flex = weight(1, alertType="FLEX")
    person = snapshot([weight(0), flex], read(0), read(1))

    assert person.conditions["weight"].is_on is False
    assert person.conditions["flex"].current_alert == flex
    assert person.conditions["medication"].episode is None


def test_the_episodes_before_are_kept_oldest_first() -> None:
    alerts = [weight(0), weight(2), weight(4)]
    days = [read(0), read(1, empty=True), read(2), read(3, empty=True), read(4)]
    condition = weight_of(alerts, *days)

    assert [span.opened for span in condition.earlier] == alerts[:2]
    assert [span.ended_at for span in condition.earlier] == [at(2, "06:00"), at(4, "06:00")]
    assert condition.episode is not None
    assert condition.episode.opened == alerts[2]
