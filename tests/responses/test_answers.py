"""What a voice answers, as sentences: the worst first, each with its time, and never that all is well."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st
import pytest

from custom_components.care_alerts.alerts.acknowledgement import Actor, Via
from custom_components.care_alerts.alerts.alert import AlertKey, Severity
from custom_components.care_alerts.alerts.episode import EndReason, EpisodeSpan
from custom_components.care_alerts.alerts.nights import NIGHT_BEGINS, NIGHT_ENDS, night_of
from custom_components.care_alerts.alerts.response_log import ResponseLog
from custom_components.care_alerts.responses.answers import (
    Known,
    acknowledged_text,
    active_text,
    night_text,
)
from custom_components.care_alerts.responses.message import Notice
from custom_components.care_alerts.responses.wording import Wording

from ..alerts.build import alert, hour

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("now", "begins", "ends"),
    [
        # In the night: until now.
        ("2026-05-04T02:30", "2026-05-03T22:00", "2026-05-04T02:30"),
        ("2026-05-04T07:59", "2026-05-03T22:00", "2026-05-04T07:59"),
        # After it, also in the evening: the one that is over.
        ("2026-05-04T09:00", "2026-05-03T22:00", "2026-05-04T08:00"),
        ("2026-05-04T23:30", "2026-05-03T22:00", "2026-05-04T08:00"),
        # The clock goes forward, and back.
        ("2026-03-29T09:00", "2026-03-28T22:00", "2026-03-29T08:00"),
        ("2026-10-25T09:00", "2026-10-24T22:00", "2026-10-25T08:00"),
    ],
)
def test_which_night_is_meant(now: str, begins: str, ends: str) -> None:
    found = night_of(_local(now), AMSTERDAM)
    assert found == (_local(begins), _local(ends))


def _local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM).astimezone(UTC)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 # they get a zone
def test_a_night_is_before_now_and_not_longer_than_a_night(now: datetime) -> None:
    begins, ends = night_of(now, AMSTERDAM)
    assert begins < ends <= now < ends + DAY
    assert begins.astimezone(AMSTERDAM).time() == NIGHT_BEGINS
    assert ends == now or ends.astimezone(AMSTERDAM).time() == NIGHT_ENDS
    assert ends - begins <= timedelta(hours=11)


def test_of_nobody_nothing_is_said_to_be_well() -> None:
    assert active_text([], _wording()) == "answer_nobody_exposed"


def test_without_data_nothing_is_known() -> None:
    known = Known(person="Mila", source="Dexcom", trouble="Unreachable")
    assert active_text([known], _wording()) == (
        "answer_none_active Mila source_trouble_people Mila Unreachable answer_no_reach Mila Dexcom"
    )


def _keys(key: str, /, **placeholders: str) -> str:
    """A key instead of its sentence."""
    return " ".join([key, *placeholders.values()])


def _wording() -> Wording:
    return Wording(
        localize=_keys,
        now=datetime(2026, 5, 4, tzinfo=UTC),
        zone=AMSTERDAM,
    )


def test_a_night_without_anything_says_since_when_and_how_far_it_is_known() -> None:
    known = Known(person="Mila", source="Dexcom", trouble="Unreachable")
    said = night_text([known], _wording(), datetime(2026, 5, 3, 20, tzinfo=UTC))
    assert said.startswith("answer_none_since Mila 22:00 ")
    assert "source_trouble_people Mila Unreachable" in said


KEY = AlertKey("mila", "low")


def _notice(
    name: str,
    opened: float = 1,
    last: float | None = None,
    *,
    ended: float | None = None,
    reason: EndReason = EndReason.SOURCE,
    severity: Severity = Severity.MEDIUM,
    drill: bool = False,
    had_by: Sequence[str | None] = (),
) -> Notice:
    """An alert of that name from an hour to another, over at a third; and who had it two minutes after it began."""
    key, log = replace(KEY, drill=drill), ResponseLog()
    first, newest = (
        alert(f"{name}{at}", at, alert_type="low", drill=drill, severity=severity)
        for at in (opened, opened if last is None else last)
    )
    span = EpisodeSpan(
        opened=first,
        last_seen=newest,
        severity=severity,
        ended_at=None if ended is None else hour(ended),
        end_reason=None if ended is None else reason,
    )
    for who in had_by:
        at = hour(opened) + timedelta(minutes=2)
        log.acknowledge(key, span, by=Actor(who, Via.USER), at=at)
    episode = log.episode(key, span, (), hour(9))
    return Notice(episode=episode, person="Mila", alert=name, tag=name)


def _known(*notices: Notice, is_also: bool = False) -> Known:
    return Known(person="Mila", source="Dexcom", notices=notices, is_also=is_also)


NONE_ACTIVE, NONE_SINCE = "answer_none_active", "answer_none_since"
SINCE = datetime(2026, 4, 30, 20, tzinfo=UTC)


def test_somebody_of_whom_nothing_goes_on_is_said_so_once_for_all_their_sources() -> None:
    goes_on, over = _notice("goes on"), _notice("over", ended=2)
    assert NONE_ACTIVE not in active_text([_known(goes_on, over)], _wording())
    assert NONE_ACTIVE in active_text([_known(over)], _wording())
    said = active_text([_known(), _known(is_also=True)], _wording())
    assert said.count(NONE_ACTIVE) == 1
    assert said.count("answer_no_reach") == 2
    assert NONE_ACTIVE not in active_text([_known(goes_on), _known(is_also=True)], _wording())


def test_what_goes_on_is_said_the_worst_first_and_nothing_that_is_over() -> None:
    mild, severe = _notice("mild"), _notice("severe", severity=Severity.HIGH)
    said = active_text([_known(mild, _notice("over", ended=2)), _known(severe)], _wording())
    assert said.index("severe") < said.index("mild")
    assert "over" not in said


def test_of_a_night_without_anything_it_is_said_once_for_all_sources_of_somebody() -> None:
    said = night_text([_known(), _known(is_also=True)], _wording(), SINCE)
    assert said.count(NONE_SINCE) == 1
    for people in ([_known(_notice("a"))], [_known(_notice("a")), _known(is_also=True)]):
        assert NONE_SINCE not in night_text(people, _wording(), SINCE)


def test_of_a_night_what_was_real_and_worst_is_said_first_whether_it_is_over_or_not() -> None:
    notices = [
        _notice("drill", drill=True, severity=Severity.HIGH),
        _notice("mild"),
        _notice("severe", severity=Severity.HIGH, ended=2),
    ]
    said = night_text([_known(*notices)], _wording(), SINCE)
    assert said.index("severe") < said.index("mild") < said.index("drill")


@pytest.mark.parametrize(
    ("notice", "said"),
    [
        (_notice("a"), []),
        (_notice("a", 1, 2), ["answer_began 03:00"]),
        (_notice("a", ended=2), ["answer_over 04:00 answer_nobody_had_it"]),
        (
            _notice("a", ended=2, reason=EndReason.EXPIRED),
            ["notification_lost 04:00 answer_nobody_had_it"],
        ),
        (
            _notice("a", ended=2, reason=EndReason.NEWER_DAY),
            ["answer_not_in_newer 04:00 answer_nobody_had_it"],
        ),
        (_notice("a", ended=2, had_by=["Anna"]), ["answer_over 04:00 answer_had_it Anna 03:02"]),
        (_notice("a", ended=2, had_by=[None]), ["answer_over 04:00 answer_had_it somebody 03:02"]),
        (
            _notice("a", 1, 1.5, ended=2),
            ["answer_began 03:00", "answer_over 04:00 answer_nobody_had_it"],
        ),
    ],
)
def test_how_something_of_a_night_was(notice: Notice, said: list[str]) -> None:
    text = night_text([_known(notice)], _wording(), SINCE)
    assert all(one in text for one in said)
    for word in ("answer_began", "answer_over", "answer_had_it", "answer_nobody_had_it"):
        assert (word in text) is any(word in one for one in said)


def test_what_somebody_has_just_acknowledged() -> None:
    nothing = "answer_nothing_to_acknowledge"
    mild, severe = _notice("mild"), _notice("severe", severity=Severity.HIGH)
    said = acknowledged_text([mild, severe], [_known()], _wording())
    assert said.index("severe") < said.index("mild")
    assert nothing not in said
    # Without anything: how far that is known.
    said = acknowledged_text([], [_known()], _wording())
    assert said == f"{nothing} answer_no_reach Mila Dexcom"
    assert acknowledged_text([], [], _wording()) == "answer_nobody_exposed"
