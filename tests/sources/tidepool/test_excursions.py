"""Excursions by themselves: where one begins and ends, what silence parts, and what two devices show together."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pytest

from custom_components.care_alerts.sources.tidepool.excursions import (
    JUST_AFTER,
    OVER_AFTER,
    SILENCE,
    Excursion,
    Scan,
    excursions_of,
)
from custom_components.care_alerts.sources.tidepool.readings import Device, Observed, Readings

from .test_evaluator import at, data, reading

LOW, FINE = 50, 120


def found(
    devices: Mapping[str, Sequence[tuple[float, int]]],
    now: float,
    *,
    covered_from: float = -1440,
    believed_for: timedelta = SILENCE,
) -> list[Excursion]:
    """The lows in the readings (minute, mg/dL) of each device."""
    readings = Readings(covered_from=at(covered_from), heard_at=at(covered_from))
    all_of_them = [
        reading(minute, value, device=device)
        for device, values in devices.items()
        for minute, value in values
    ]
    readings.add(data(*all_of_them), at(now))
    return excursions_of(readings, at(now), lambda one: one.reading.mg_dl < 70, believed_for)


def one_of(
    values: Sequence[tuple[float, int]], now: float, *, covered_from: float = -1440
) -> Excursion:
    """The only low in the readings of a sensor."""
    [only] = found({"sensor": values}, now, covered_from=covered_from)
    return only


def times(one: Excursion) -> tuple[datetime, datetime, datetime]:
    """When it began, was last seen, and was over."""
    return one.first, one.last, one.over_at


def test_without_readings_there_is_none() -> None:
    assert found({}, 0) == []
    assert found({"sensor": [(0, FINE), (5, FINE)]}, 5) == []


def test_a_reading_in_range_breaks_it() -> None:
    one = one_of([(0, FINE), (5, LOW), (10, LOW), (15, FINE), (20, FINE)], 20)
    assert times(one) == (at(5), at(10), at(15))
    assert (one.broken, one.open, one.lasting_since) == (True, False, at(5))


def test_until_then_it_goes_on() -> None:
    one = one_of([(0, FINE), (5, LOW), (10, LOW)], 10)
    assert times(one) == (at(5), at(10), at(10) + OVER_AFTER)
    assert (one.broken, one.open) == (False, True)


@pytest.mark.parametrize(
    ("now", "believed_for", "is_open"),
    [
        (0, 60, True),
        (59.9, 60, True),
        (60, 60, False),
        # Who uploads more rarely is believed for longer.
        (60, 90, True),
        (89.9, 90, True),
        (90, 90, False),
    ],
)
def test_the_newest_reading_is_believed_for_a_while(
    now: float, believed_for: float, is_open: bool
) -> None:
    [one] = found({"sensor": [(0, LOW)]}, now, believed_for=timedelta(minutes=believed_for))
    assert one.open is is_open


@pytest.mark.parametrize(("other_at", "is_open"), [(10, True), (20, True), (20.1, False)])
def test_it_is_over_when_another_device_has_gone_on_without_it(
    other_at: float, is_open: bool
) -> None:
    [one] = found({"sensor": [(5, LOW)], "other": [(other_at, FINE)]}, 21)
    assert one.open is is_open


def test_an_hour_without_a_reading_parts_it_and_it_lasts_since_the_first() -> None:
    lows = [(0, LOW), (60, LOW), (119.9, LOW), (180, LOW)]
    excursions = found({"sensor": lows}, 180)
    assert [times(one) for one in excursions] == [
        (at(0), at(0), at(15) + JUST_AFTER),
        (at(60), at(119.9), at(134.9) + JUST_AFTER),
        (at(180), at(180), at(195) + JUST_AFTER),
    ]
    assert [one.lasting_since for one in excursions] == [at(0)] * 3
    assert [(one.open, one.broken) for one in excursions] == [(False, False)] * 2 + [(True, False)]


def test_what_was_in_range_in_between_has_it_begin_anew() -> None:
    for values in (
        [(0, LOW), (60, LOW), (65, FINE), (70, LOW)],
        [(0, LOW), (60, FINE), (70, LOW)],
        [(0, LOW), (5, FINE), (70, LOW)],
    ):
        assert found({"sensor": values}, 70)[-1].lasting_since == at(70)


@pytest.mark.parametrize(
    ("values", "cut"),
    [
        # It may have begun before all that is held: for an hour, nobody knows.
        ([(0, LOW)], True),
        ([(59.9, LOW), (65, FINE)], True),
        ([(60, LOW)], False),
        ([(0, FINE), (5, LOW)], False),
        ([(59, FINE), (61, LOW)], False),
    ],
)
def test_what_begins_with_the_oldest_reading_may_have_begun_before(
    values: list[tuple[float, int]], cut: bool
) -> None:
    assert one_of(values, 65, covered_from=0).cut is cut


def test_what_two_devices_show_at_one_time_is_one() -> None:
    sensor = [(0, LOW), (10, LOW), (20, FINE)]
    for begins, others, ends in ((19, 25, 30), (5, 10, 15)):
        other = [(begins - 5, FINE), (begins, LOW), (others, LOW), (ends, FINE)]
        [one] = found({"sensor": sensor, "other": other}, 30)
        assert times(one) == (at(0), at(max(10, others)), at(max(20, ends)))
        assert [each.observed_at for each in one.readings] == sorted(
            at(minute) for minute in (0, 10, begins, others)
        )
        assert (one.broken, one.open) == (True, False)
    # What begins as the other is over is another.
    other = [(15, FINE), (20, LOW), (25, FINE)]
    assert [one.first for one in found({"sensor": sensor, "other": other}, 30)] == [at(0), at(20)]


@pytest.mark.parametrize("first_is_open", [True, False])
def test_one_of_two_that_goes_on_has_both_go_on(first_is_open: bool) -> None:
    goes_on = [(0 if first_is_open else 5, LOW), (20, LOW)]
    over = [(5 if first_is_open else 0, LOW), (10, LOW), (15, FINE)]
    [one] = found({"sensor": goes_on, "other": over}, 20)
    assert (one.first, one.last) == (at(0), at(20))
    assert (one.open, one.broken) == (True, False)


@pytest.mark.parametrize("longer", ["sensor", "other"])
def test_two_last_since_the_longer_has(longer: str) -> None:
    """Silence parts only the one of them from what was before."""
    devices = {"sensor": [(0, LOW), (5, LOW)], "other": [(1, LOW), (6, LOW)]}
    devices[longer].insert(0, (-90, LOW))
    before, one = found(devices, 6)
    assert (before.first, one.first, one.lasting_since) == (at(-90), at(0), at(-90))


@pytest.mark.parametrize("cut", [True, False])
def test_two_may_have_begun_before_if_the_first_may(cut: bool) -> None:
    first, second = (40, LOW), (45, LOW)
    before = (35, FINE)
    devices = {
        "sensor": [first] if cut else [before, first],
        "other": [before, second] if cut else [second],
    }
    [one] = found(devices, 50, covered_from=0)
    assert one.cut is cut


def test_each_reading_is_looked_at_once_and_all_anew_if_what_is_before_has_changed() -> None:
    readings = Readings(covered_from=at(-1440), heard_at=at(-1440))
    scans: dict[Device, Scan] = {}
    looked_at: list[datetime] = []

    def is_low(one: Observed) -> bool:
        looked_at.append(one.observed_at)
        return one.reading.mg_dl < 70

    answers: list[tuple[float, float, list[tuple[float, int]], list[float]]] = [
        (10, -1440, [(0, LOW), (10, LOW)], [0, 10]),
        (11, -1440, [], []),
        (20, -1440, [(20, LOW)], [20]),
        # One comes late; and it may have begun before.
        (21, -1440, [(5, FINE)], [0, 5, 10, 20]),
        (22, 0, [], [0, 5, 10, 20]),
    ]
    for minute, covered_from, came, looks in answers:
        readings.add(data(*(reading(*one) for one in came)), at(minute))
        readings.covered_from = at(covered_from)
        looked_at.clear()
        so_far = excursions_of(readings, at(minute), is_low, scans=scans)
        assert looked_at == [at(one) for one in looks]
        assert so_far == excursions_of(readings, at(minute), is_low)
