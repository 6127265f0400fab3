"""Who is on duty and why: never nobody."""

from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.care_alerts.responses.duty import (
    Duty,
    Reason,
    Rota,
    Takeover,
    Trouble,
    TroubleKind,
    Why,
    is_named,
    on_duty,
)
from custom_components.care_alerts.responses.plan import Caregiver

from .build import minute

SHIFT, ROTA = "schedule.shift", "calendar.rota"
NOW = minute(0)


def who(**duties: str) -> list[Caregiver]:
    """Caregivers, by what says when they are on duty."""
    return [
        Caregiver(caregiver_id=name, name=name.title(), duty=duty) for name, duty in duties.items()
    ]


def now(caregivers: list[Caregiver], rota: Rota, takeover: Takeover | None = None) -> Duty:
    """Who is on duty now."""
    return on_duty(caregivers, rota, takeover, NOW)


def whys(duty: Duty) -> dict[str, Why]:
    """Just why."""
    return {one: reason.why for one, reason in duty.on_duty.items()}


ON_CALENDAR = Why.CALENDAR
EVERYBODY = Why.EVERYBODY


@pytest.mark.parametrize(
    ("rota", "expected", "troubles"),
    [
        # Anna by the schedule, Ben and Carl by the calendar.
        (Rota({SHIFT: True}, {ROTA: []}), {"anna": Why.SCHEDULE}, []),
        (Rota({SHIFT: False}, {ROTA: ["Night: ben"]}), {"ben": ON_CALENDAR}, []),
        (
            Rota({SHIFT: True}, {ROTA: ["Dentist", "Carl and Ben"]}),
            {"anna": Why.SCHEDULE, "ben": ON_CALENDAR, "carl": ON_CALENDAR},
            [],
        ),
        (Rota({SHIFT: True}, {ROTA: ["Bne"]}), {"anna": Why.SCHEDULE}, []),
        (
            Rota({SHIFT: False}, {ROTA: []}),
            dict.fromkeys(("anna", "ben", "carl"), EVERYBODY),
            [TroubleKind.NOBODY],
        ),
        (
            Rota({SHIFT: False}, {ROTA: ["Bne"]}),
            dict.fromkeys(("anna", "ben", "carl"), EVERYBODY),
            [TroubleKind.UNKNOWN_NAME],
        ),
        (
            Rota({SHIFT: True}, {ROTA: None}),
            {"anna": Why.SCHEDULE, "ben": EVERYBODY, "carl": EVERYBODY},
            [TroubleKind.UNAVAILABLE],
        ),
        (
            Rota({}, {}),
            dict.fromkeys(("anna", "ben", "carl"), EVERYBODY),
            [TroubleKind.UNAVAILABLE, TroubleKind.UNAVAILABLE],
        ),
    ],
)
def test_who_is_on_duty(rota: Rota, expected: dict[str, Why], troubles: list[TroubleKind]) -> None:
    found = now(who(anna=SHIFT, ben=ROTA, carl=ROTA), rota)
    assert whys(found) == expected
    assert [one.kind for one in found.troubles] == troubles


def test_the_reason_says_which() -> None:
    found = now(who(anna="always", ben=ROTA, carl=SHIFT), Rota({SHIFT: True}, {ROTA: ["Ben"]}))
    assert found.on_duty == {
        "anna": Reason(Why.ALWAYS),
        "ben": Reason(Why.CALENDAR, {"entity": ROTA, "summary": "Ben"}),
        "carl": Reason(Why.SCHEDULE, {"entity": SHIFT}),
    }
    found = now(who(ben=ROTA, carl=ROTA), Rota({}, {ROTA: ["Bne"]}))
    assert found.troubles == [
        Trouble(TroubleKind.UNKNOWN_NAME, {"entity": ROTA, "summary": "Bne", "names": "Ben, Carl"})
    ]
    assert now(who(ben=ROTA), Rota()).troubles == [
        Trouble(TroubleKind.UNAVAILABLE, {"entity": ROTA})
    ]


def test_nobody_to_be_on_duty() -> None:
    assert now([], Rota()) == Duty({}, [Trouble(TroubleKind.NO_CAREGIVERS)])


def test_taking_over() -> None:
    caregivers = who(anna="always", ben=ROTA)
    rota = Rota({}, {ROTA: None})
    bens = Takeover(caregiver_id="ben", since=minute(-10), until=minute(1))
    found = now(caregivers, rota, bens)
    assert found.on_duty == {"ben": Reason(Why.TOOK_OVER, {"until": minute(1).isoformat()})}
    assert [one.kind for one in found.troubles] == [TroubleKind.UNAVAILABLE]
    # Until, not through; and not by somebody who is gone.
    assert list(on_duty(caregivers, rota, bens, minute(1)).on_duty) == ["anna", "ben"]
    gone = Takeover(caregiver_id="carl", since=minute(-10), until=minute(10))
    assert list(now(caregivers, rota, gone).on_duty) == ["anna", "ben"]


@pytest.mark.parametrize(
    ("name", "summary", "is_it"),
    [
        ("Ann", "Anna", False),
        ("Anna", "Joanna", False),
        ("Anna", "anna", True),
        ("Anna", "Night (Anna)", True),
        ("Anna", "Anna/Ben", True),
        ("Mum & Dad", "mum & dad on call", True),
        ("J. (night)", "J. (night)", True),
        ("Zoë", "ZOË", True),
        ("Anna", "", False),
    ],
)
def test_a_name_is_found_as_a_whole(name: str, summary: str, is_it: bool) -> None:
    assert is_named(name, summary) is is_it


@given(
    duties=st.dictionaries(
        st.sampled_from(("anna", "ben", "carl")),
        st.sampled_from(("always", SHIFT, ROTA, "calendar.other")),
        min_size=1,
    ),
    schedules=st.dictionaries(st.sampled_from((SHIFT,)), st.none() | st.booleans()),
    calendars=st.dictionaries(
        st.sampled_from((ROTA, "calendar.other")),
        st.none() | st.lists(st.sampled_from(("Anna", "ben, carl", "Bne", ""))),
    ),
    by=st.none() | st.sampled_from(("anna", "dora")),
    left=st.integers(-10, 10),
)
@settings(max_examples=300)
def test_duty_is_never_empty_and_always_says_why(
    duties: dict[str, str],
    schedules: dict[str, Any],
    calendars: dict[str, Any],
    by: str | None,
    left: int,
) -> None:
    takeover = by and Takeover(caregiver_id=by, since=minute(-60), until=minute(left))
    found = now(who(**duties), Rota(schedules, calendars), takeover or None)
    assert found.on_duty
    assert set(found.on_duty) <= set(duties)
    if EVERYBODY in whys(found).values():
        assert found.troubles, "a repair says why"
        assert set(found.on_duty) == set(duties)
