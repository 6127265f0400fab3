"""Screens: when a phone that refuses is asked again, and that what is on it is known over a restart."""

from datetime import timedelta
from itertools import pairwise

from custom_components.care_alerts.responses.message import SUMMARY_TAG
from custom_components.care_alerts.responses.plan import Text
from custom_components.care_alerts.responses.screens import (
    TRIED_AGAIN_WITHIN,
    TRIED_FOR,
    Screen,
    Screens,
    Shown,
)

from .build import minute

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
