"""Episodes: timelines drawn by hand, and that the order of arrival does not matter."""

from dataclasses import dataclass
from itertools import pairwise
from random import Random

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.care_alerts.alerts.alert import Alert, AlertState, Severity
from custom_components.care_alerts.alerts.episode import (
    DeviceWord,
    Ending,
    EndReason,
    EpisodeSpan,
    TimeSpan,
    derive_episodes,
    handled_at,
    span_of,
)

from .build import alert, hour


def is_active(one: Alert) -> bool | None:
    """Bad from MEDIUM on, good below; a state nobody knows says nothing."""
    if one.state is AlertState.UNKNOWN:
        return None
    return one.severity.rank >= Severity.MEDIUM.rank


def timeline(drawing: str) -> tuple[list[Alert], list[Ending]]:
    """Alerts and endings from a drawing, an hour a word.

    `bad` and `good` alerts, `odd` ones that say nothing, `ends` for an ending, `-` for nothing; `+` joins
    what happens at the same instant.
    """
    alerts: list[Alert] = []
    endings: list[Ending] = []
    for number, words in enumerate(drawing.split()):
        for word in words.split("+"):
            name = f"{word}{number}"
            match word:
                case "bad":
                    alerts.append(alert(name, number))
                case "good":
                    alerts.append(alert(name, number, severity=Severity.LOW))
                case "odd":
                    alerts.append(alert(name, number, state=AlertState.UNKNOWN))
                case "ends":
                    endings.append(Ending(hour(number), EndReason.NEWER_DAY))
    return alerts, endings


@dataclass(frozen=True)
class Expected:
    """An episode: the hours it was opened, last seen and ended at, and why."""

    opened: int
    last_seen: int
    ended: int | None = None
    reason: EndReason | None = None


NEWER_DAY, SOURCE = EndReason.NEWER_DAY, EndReason.SOURCE


@pytest.mark.parametrize(
    ("drawing", "expected"),
    [
        ("", []),
        ("- good -", []),
        ("ends good ends", []),
        ("odd", []),
        ("bad", [Expected(0, 0)]),
        ("bad bad bad", [Expected(0, 2)]),
        ("bad - - bad", [Expected(0, 3)]),
        ("bad ends", [Expected(0, 0, 1, NEWER_DAY)]),
        ("bad good", [Expected(0, 0, 1, SOURCE)]),
        ("bad odd bad", [Expected(0, 2)]),
        ("bad odd ends", [Expected(0, 0, 2, NEWER_DAY)]),
        ("bad bad ends bad", [Expected(0, 1, 2, NEWER_DAY), Expected(3, 3)]),
        (
            "bad good bad ends",
            [Expected(0, 0, 1, SOURCE), Expected(2, 2, 3, NEWER_DAY)],
        ),
        # Only the first ending ends; the others find nothing open.
        ("bad ends ends good ends", [Expected(0, 0, 1, NEWER_DAY)]),
        ("ends bad", [Expected(1, 1)]),
        # At the same instant the alert comes first, so the ending closes it.
        ("bad+ends", [Expected(0, 0, 0, NEWER_DAY)]),
        ("ends+bad", [Expected(0, 0, 0, NEWER_DAY)]),
        # Alerts of the same instant go by their ids: "bad1" before "good1".
        ("- bad+good", [Expected(1, 1, 1, SOURCE)]),
    ],
)
def test_episodes_of_a_timeline(drawing: str, expected: list[Expected]) -> None:
    alerts, endings = timeline(drawing)

    found = derive_episodes(alerts, endings, is_active=is_active)

    assert [
        (one.opened.observed_at, one.last_seen.observed_at, one.ended_at, one.end_reason)
        for one in found
    ] == [
        (
            hour(one.opened),
            hour(one.last_seen),
            None if one.ended is None else hour(one.ended),
            one.reason,
        )
        for one in expected
    ]
    assert [one.is_open for one in found] == [one.ended is None for one in expected]


@settings(max_examples=100, deadline=None)
@given(
    words=st.lists(st.sampled_from(["bad", "good", "odd", "ends", "bad+ends", "-"]), max_size=12),
    shuffle=st.randoms(use_true_random=False),
)
def test_the_order_of_arrival_does_not_matter_and_episodes_never_overlap(
    words: list[str], shuffle: Random
) -> None:
    alerts, endings = timeline(" ".join(words))
    in_order = derive_episodes(alerts, endings, is_active=is_active)
    shuffle.shuffle(alerts)
    shuffle.shuffle(endings)

    assert derive_episodes(alerts, endings, is_active=is_active) == in_order

    for one in in_order:
        assert one.opened.observed_at <= one.last_seen.observed_at
        assert one.ended_at is None or one.last_seen.observed_at <= one.ended_at
    for earlier, later in pairwise(in_order):
        assert earlier.ended_at is not None
        assert earlier.ended_at <= later.opened.observed_at


@settings(max_examples=100, deadline=None)
@given(words=st.lists(st.sampled_from(["bad", "bad+odd", "good", "ends", "-"]), max_size=12))
def test_an_episodes_own_alerts_are_those_that_it_holds(words: list[str]) -> None:
    alerts, endings = timeline(" ".join(words))
    for one in derive_episodes(alerts, endings, is_active=is_active):
        assert [*one.its_own(alerts)] == [each for each in alerts if one.holds(each)]


@pytest.mark.parametrize(
    ("words", "since"),
    [
        ([], None),
        ([(1, False)], None),
        ([(1, True)], 1),
        ([(1, False), (2, True)], 2),
        # Once more is no other time.
        ([(1, False), (2, True), (4, True)], 2),
        # It alarmed again, and was answered again.
        ([(1, False), (2, True), (3, False)], None),
        ([(1, False), (2, True), (3, False), (4, True)], 4),
        # In the same instant, the answer is to the alarm.
        ([(2, False), (2, True)], 2),
    ],
)
def test_what_was_answered_on_the_device_counts_until_it_alarms_there_again(
    words: list[tuple[int, bool]], since: int | None
) -> None:
    said = [DeviceWord(hour(at), is_answer) for at, is_answer in words]
    expected = None if since is None else hour(since)
    assert handled_at(said) == handled_at(reversed(said)) == expected


PHONE, RECEIVER = ("phone",), ("receiver",)


def on(device: tuple[str, ...], at: float, *, good: bool = False) -> Alert:
    """An alert of a device; or that it is over there."""
    severity = Severity.LOW if good else Severity.HIGH
    return alert(f"{device}{at}", at, device=device, severity=severity)


@pytest.mark.parametrize(
    ("alerts", "endings", "ended"),
    [
        ([on(PHONE, 0), on(PHONE, 3, good=True)], [], 3),
        # Over on one of two, and then on the other.
        ([on(PHONE, 0), on(RECEIVER, 1), on(PHONE, 3, good=True)], [], None),
        (
            [on(PHONE, 0), on(RECEIVER, 1), on(PHONE, 3, good=True), on(RECEIVER, 4, good=True)],
            [],
            4,
        ),
        # It was never there.
        ([on(PHONE, 0), on(RECEIVER, 3, good=True)], [], None),
        ([on(PHONE, 0), on(RECEIVER, 1)], [Ending(hour(3), EndReason.EXPIRED, PHONE)], None),
        (
            [on(PHONE, 0), on(RECEIVER, 1)],
            [Ending(hour(at), EndReason.EXPIRED, at_) for at, at_ in ((3, PHONE), (4, RECEIVER))],
            4,
        ),
        # On all of them.
        ([on(PHONE, 0), on(RECEIVER, 1)], [Ending(hour(3), EndReason.NEWER_DAY)], 3),
    ],
)
def test_an_episode_is_over_when_it_is_over_on_all_devices(
    alerts: list[Alert], endings: list[Ending], ended: float | None
) -> None:
    [found] = derive_episodes(alerts, endings, is_active=is_active, device=lambda one: one.device)
    assert found.ended_at == (None if ended is None else hour(ended))


def test_an_episode_is_as_severe_as_the_worst_of_it() -> None:
    alerts = [
        alert(str(at), at, severity=severity)
        for at, severity in enumerate((Severity.MEDIUM, Severity.HIGH, Severity.MEDIUM))
    ]
    for count, worst in ((1, Severity.MEDIUM), (2, Severity.HIGH), (3, Severity.HIGH)):
        [found] = derive_episodes(alerts[:count], is_active=is_active)
        assert found.severity is worst


@pytest.mark.parametrize(
    ("observed", "state", "number"),
    [
        (-1, AlertState.ACTIVE, None),
        (-1, AlertState.ENDED, None),
        (0, AlertState.ACTIVE, 0),
        (1, AlertState.ACTIVE, 0),
        # After the newest, but before it was over.
        (3, AlertState.ACTIVE, 0),
        (4, AlertState.ACTIVE, 0),
        (4.01, AlertState.ACTIVE, None),
        # What says that it is over, also when it was by itself.
        (4.01, AlertState.ENDED, 0),
        (8, AlertState.ACTIVE, 1),
        (20, AlertState.ACTIVE, 1),
    ],
)
def test_which_episode_an_alert_is_of(
    observed: float, state: AlertState, number: int | None
) -> None:
    spans = [
        EpisodeSpan(
            opened=alert("a", 0),
            last_seen=alert("b", 2),
            severity=Severity.HIGH,
            ended_at=hour(4),
            end_reason=SOURCE,
        ),
        EpisodeSpan(opened=alert("c", 8), last_seen=alert("d", 9), severity=Severity.HIGH),
    ]
    found = span_of(alert("x", observed, state=state), spans)
    assert found is (None if number is None else spans[number])


def test_test_alerts_of_one_instant_are_episodes_of_their_own() -> None:
    drills = [alert(name, 1, drill=True) for name in "ab"]
    spans = [EpisodeSpan(opened=one, last_seen=one, severity=Severity.HIGH) for one in drills]
    assert [span_of(one, spans) for one in drills] == spans
    assert span_of(alert("c", 1, drill=True), spans) is None


@pytest.mark.parametrize(
    ("one", "other", "touch"),
    [((1, 3), (3, 5), True), ((1, 3), (2, 2), True), ((1, 3), (3.01, 5), False)],
)
def test_what_has_a_moment_in_common_touches(
    one: tuple[float, float], other: tuple[float, float], touch: bool
) -> None:
    first, second = (TimeSpan(*map(hour, each)) for each in (one, other))
    assert first.touches(second) is second.touches(first) is touch
