"""Screens: when a phone that refuses is asked again, and that what is on it is known over a restart."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from custom_components.care_alerts.alerts.episode import EndReason
from custom_components.care_alerts.responses.log import StepKey
from custom_components.care_alerts.responses.message import SUMMARY_TAG
from custom_components.care_alerts.responses.plan import Text
from custom_components.care_alerts.responses.screens import (
    CONFIRMED_WITHIN,
    TRIED_AGAIN_WITHIN,
    TRIED_FOR,
    Push,
    Screen,
    Screens,
    Shown,
    fingerprint,
)

from .build import LOW, House, minute

SECOND = timedelta(seconds=1)
KEY = StepKey("a", "plan", "1", 0)
SHOWN = Shown(episode_id="a", entry_id="entry", tells="", text=Text.FULL)


def test_one_that_refuses_is_asked_again_later_and_later_and_given_up_after_a_day() -> None:
    screen = Screen(shown={"tag": SHOWN}, on_it={"tag"})
    now, asked = minute(0), []
    while screen.shown:
        assert screen.may_be_asked(now)
        screen.refused(now)
        asked.append(now)
        now = screen.try_again_at or now
    waits = [later - earlier for earlier, later in pairwise(asked)]
    assert waits[:5] == [timedelta(minutes=one) for one in (1, 2, 4, 8, 15)]
    assert set(waits[5:]) == {TRIED_AGAIN_WITHIN}
    assert asked[-1] - asked[0] >= TRIED_FOR
    assert screen.on_it == set()


def test_a_ring_that_is_refused_every_minute_puts_nothing_off_for_long() -> None:
    screen = Screen(shown={"tag": SHOWN}, on_it={"tag"})
    for number in range(300):
        screen.refused(minute(number))
    assert screen.try_again_at is not None
    assert screen.try_again_at - minute(299) <= TRIED_AGAIN_WITHIN
    screen.taken()
    assert screen.may_be_asked(minute(300))


def test_a_clock_that_was_ahead_puts_nothing_off() -> None:
    screen = Screen(shown={"tag": SHOWN})
    screen.refused(minute(10_000))
    assert screen.may_be_asked(minute(0))
    screen.refused(minute(0))
    assert screen.refused_since == minute(0)


def test_what_belongs_on_it() -> None:
    summed_up = Shown(episode_id="b", entry_id="entry", tells="", text=Text.FULL, is_summed_up=True)
    live = Shown(episode_id="c", entry_id="entry", tells="", text=Text.FULL, is_live=True)
    assert Screen(shown={"a": SHOWN, "c": live}).belong() == {"a", "c", "c_live"}
    assert Screen(shown={"b": summed_up}).belong() == {SUMMARY_TAG}
    assert Screen().belong() == set()


def test_it_is_known_over_a_restart_and_what_was_about_to_be_shown_may_be_there() -> None:
    screens = Screens()
    screen = screens.of("phone")
    screen.shown = {
        "old": SHOWN,
        "new": Shown(episode_id="b", entry_id="entry", tells="", text=Text.FULL, is_new=True),
        "live": Shown(
            episode_id="c", entry_id="entry", tells="", text=Text.FULL, is_new=True, is_live=True
        ),
    }
    screen.on_it = {"old", SUMMARY_TAG}
    again = Screens.from_dict(screens.to_dict()).of("phone")
    assert again.on_it == {"old", "new", "live", "live_live", SUMMARY_TAG}
    assert not any(shown.is_new for shown in again.shown.values())
    broken = Screens.from_dict({"phone": {"shown": {"tag": {"episode_id": 7}}, "on_it": "all"}})
    assert broken.unreadable == 1
    assert broken.of("phone").on_it == set()


@pytest.mark.parametrize(("later", "is_given_up"), [(TRIED_FOR - SECOND, False), (TRIED_FOR, True)])
def test_it_is_given_up_after_a_day_and_not_before(later: timedelta, is_given_up: bool) -> None:
    screen = Screen(shown={"tag": SHOWN}, on_it={"tag"})
    screen.refused(minute(0))
    screen.refused(minute(0) + later)
    assert (not screen.shown, not screen.on_it, not screen.tries) == (is_given_up,) * 3


@pytest.mark.parametrize(
    ("at", "may_be"),
    [
        (None, True),
        (timedelta(), True),
        (SECOND, False),
        (TRIED_AGAIN_WITHIN, False),
        # By a clock that was ahead.
        (TRIED_AGAIN_WITHIN + SECOND, True),
    ],
)
def test_when_it_may_be_asked(at: timedelta | None, may_be: bool) -> None:
    screen = Screen(try_again_at=None if at is None else minute(0) + at)
    assert screen.may_be_asked(minute(0)) is may_be


def test_when_the_next_is_asked_again() -> None:
    screens = Screens()
    assert screens.next_try(minute(0)) is None
    for phone, at in {"later": 9, "next": 5, "now": 2, "before": 1}.items():
        screens.of(phone).try_again_at = minute(at)
    screens.of("took it").taken()
    assert screens.next_try(minute(2)) == minute(5)
    assert screens.next_try(minute(9)) is None


def test_what_is_told_under_a_tag() -> None:
    screen = Screen(shown={"tag": replace(SHOWN, tells="high|1")})
    assert screen.tells("tag") == "high|1"
    assert screen.tells("another") is None


def test_what_may_still_be_confirmed() -> None:
    def sent(before: timedelta) -> Push:
        return Push(keys=(KEY,), sent_at=minute(0) - before)

    pushes = {"newest": sent(CONFIRMED_WITHIN - SECOND), "old": sent(CONFIRMED_WITHIN)}
    screen = Screen(pushes=pushes)
    screen.prune(minute(0))
    assert [*screen.pushes] == ["newest"]


@pytest.mark.parametrize(
    ("screen", "is_kept"),
    [
        (Screen(), False),
        (Screen(tries=1), False),
        (Screen(shown={"tag": SHOWN}), True),
        (Screen(on_it={"tag"}), True),
        (Screen(pushes={"receipt": Push(keys=(KEY,), sent_at=minute(0))}), True),
    ],
)
def test_of_which_phones_anything_is_kept(screen: Screen, is_kept: bool) -> None:
    stored = Screens(by_phone={"phone": screen}).to_dict()
    assert [*stored] == ["phone"] * is_kept
    again = Screens.from_dict(stored)
    assert again.unreadable == 0
    assert again.by_phone == ({"phone": screen} if is_kept else {})


def test_all_that_cannot_be_read_is_counted() -> None:
    stored = {
        "phone": {"shown": {"a": 7, "b": SHOWN.to_dict()}, "pushes": {"c": {}, "d": None}},
        "other": {"shown": [], "pushes": {"e": 1}, "on_it": [1, "tag"]},
        "third": 7,
    }
    screens = Screens.from_dict(stored)
    assert screens.unreadable == 4
    assert [*screens.episodes()] == [("phone", "b", SHOWN)]
    assert screens.of("other").on_it == {"1", "tag"}
    assert Screens.from_dict([stored]) == Screens()


def test_what_a_notification_tells_of_an_episode() -> None:
    house = House()
    house.alert(0)
    episode = house.episode(minute(1))
    told = fingerprint(episode)
    # What was noted of one before it had several witnesses, or was handled, still holds.
    assert told == f"high|{episode.last_seen.alert_id}|None|None|None|None"
    for changed in (
        replace(episode, also_known_as=frozenset({"b"})),
        replace(episode, snoozed_until=minute(9)),
        replace(episode, span=replace(episode.span, handled_at=minute(1))),
        replace(episode, span=replace(episode.span, severity=LOW)),
        replace(episode, span=replace(episode.span, ended_at=minute(1))),
        replace(episode, span=replace(episode.span, end_reason=EndReason.EXPIRED)),
    ):
        assert fingerprint(changed) != told
    house.acknowledge(2)
    assert fingerprint(house.episode(minute(2))).split("|")[2] == str(("Anna", minute(2)))
