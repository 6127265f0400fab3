"""Thresholds tried on the past: what is told by a replay is what was told, had the thresholds been these."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
import math
from random import Random
import time
from typing import Any, override
from unittest.mock import patch

from homeassistant.exceptions import ServiceValidationError
from hypothesis import given, settings as hypothesis_settings, strategies as st
import pytest

from custom_components.care_alerts.alerts.alert import Alert
from custom_components.care_alerts.alerts.glucose import OutOfRange
from custom_components.care_alerts.alerts.readings import GlucoseLog, KeptReading
from custom_components.care_alerts.sources.tidepool import replay as replaying
from custom_components.care_alerts.sources.tidepool.excursions import Scan
from custom_components.care_alerts.sources.tidepool.people import SAMPLES
from custom_components.care_alerts.sources.tidepool.readings import Device, Readings
from custom_components.care_alerts.sources.tidepool.records import Reading, Sender
from custom_components.care_alerts.sources.tidepool.replay import replay
from custom_components.care_alerts.sources.tidepool.settings import Settings

from .conftest import Follower, threshold
from .uploads import HOUR, JILL, MINUTE, SECOND, START, Uploader, Watched

DAY = timedelta(days=1)

LIVE = Uploader(every=5 * MINUTE, lag=12 * SECOND, jitter=(0, 3, 11, 1, 24, 5, 2))
SETTINGS_OF_JILL = Settings(
    {
        "urgentLow": {"enabled": True, "threshold": threshold(55)},
        "low": {"enabled": True, "delay": 10, "repeat": 30, "threshold": threshold(70)},
        "high": {"enabled": True, "delay": 60, "repeat": 120, "threshold": threshold(180)},
    }
)


def wandering(days: float, every: timedelta, seed: int) -> list[float]:
    """Glucose that wanders in and out of range, of somebody in whom it does so often."""
    random = Random(seed)  # noqa: S311 # the same each time
    wander, values = 0.0, []
    for number in range(int(days * DAY / every)):
        wander += random.gauss(0, 5) - 0.03 * wander
        value = 122 + 75 * math.sin(number * every / HOUR * 1.1) + wander
        values.append(float(min(400, max(39, round(value)))))
    return values


class Kept(Watched):
    """A house that keeps what it reads, and learns how late that is."""

    def __post_init__(self) -> None:
        """Keep nothing yet."""
        super().__post_init__()
        self.log = GlucoseLog()

    @override
    def _ask(self, now: datetime) -> datetime:
        before = self._readings.heard_to
        due = super()._ask(now)
        newest = self._readings.heard_to
        if before and newest and newest > before:
            self.jill.delays = [*self.jill.delays, (now - newest).total_seconds()][-SAMPLES:]
        self.log.add(self._readings.kept_since(START), now)
        return due

    @override
    def _judge(self, now: datetime) -> None:
        self._judged = self.jill.watch.evaluate(
            self.settings, self._readings, now, self.jill.delay, self.jill.cadence
        )
        self.alerts += self._judged.alerts


def followed(
    uploads: Sequence[tuple[datetime, Reading]], settings: Settings, days: float
) -> tuple[list[Alert], list[KeptReading]]:
    """What was told of somebody in so many days, and the readings that are kept of them, as they are read from the disk."""
    house, end = Kept(settings, list(uploads), START), START + days * DAY
    house.until(end)
    kept = GlucoseLog.from_dict(house.log.to_dict(), end).between(START - DAY, end)
    assert kept == house.log.between(START - DAY, end)
    return house.alerts, kept


def what(alerts: Sequence[Alert]) -> list[tuple[str, Any, Any, datetime, bool]]:
    """What somebody was told."""
    return [
        (
            one.alert_type,
            one.details["started"],
            one.details["repetition"],
            one.observed_at,
            one.late,
        )
        for one in alerts
    ]


def nights(uploads: Iterator[tuple[datetime, Reading]]) -> list[tuple[datetime, Reading]]:
    """What is uploaded of a sensor that is worn from 22:00 to 04:00 only: half an hour's gaps among it."""
    return [
        one
        for one in uploads
        if (one[1].time.hour >= 22 or one[1].time.hour < 4)
        and not (one[1].time.hour == 1 and one[1].time.minute < 35)
    ]


def test_a_replay_of_14_nights_tells_what_was_told_in_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    uploads = nights(iter(LIVE.uploads(wandering(14, LIVE.every, 3), START)))
    told, kept = followed(uploads, SETTINGS_OF_JILL, 14)
    began = time.perf_counter()
    replayed = replay(JILL, SETTINGS_OF_JILL, kept, until=START + 14 * DAY)
    took = time.perf_counter() - began
    assert what(replayed) == what(told)
    by_type = {one.alert_type: 0 for one in told}
    for one in told:
        by_type[one.alert_type] += 1
    assert set(by_type) == {"urgent_low", "low", "high"}
    with capsys.disabled():
        print(f"\n14 nights: {len(told)} alerts {by_type}, {len(kept)} readings, {took:.2f} s")  # noqa: T201 - a figure


def batches() -> list[tuple[datetime, Reading]]:
    """Every 20 minutes, none younger than 15, as xDrip+ does."""
    uploader = Uploader(every=5 * MINUTE, batch=20 * MINUTE, youngest=15 * MINUTE)
    return uploader.uploads(wandering(2, uploader.every, 5), START)


def late() -> list[tuple[datetime, Reading]]:
    """Three hours late, all of it."""
    uploader = Uploader(every=5 * MINUTE, batch=HOUR, youngest=3 * HOUR)
    return uploader.uploads(wandering(2, uploader.every, 6), START)


def two_sensors() -> list[tuple[datetime, Reading]]:
    """One of which is high while the other one is well, and a finger is pricked in a low now and then."""
    one = LIVE.uploads(wandering(2, LIVE.every, 7), START)
    other = [
        (at, Reading(time=reading.time, kind="cbg", device="other", value=110.0, unit="mg/dL"))
        for at, reading in LIVE.uploads([110.0] * 120, START + 97 * SECOND)
    ]
    fingers = [
        (
            START + hour * HOUR + 20 * SECOND,
            Reading(
                time=START + hour * HOUR + 7 * SECOND,
                kind="smbg",
                device="",
                value=150.0,
                unit="mg/dL",
                origin="meter",
            ),
        )
        for hour in range(1, 48)
    ]
    return sorted([*one, *other, *fingers], key=lambda upload: upload[1].time)


def new_data_sets() -> list[tuple[datetime, Reading]]:
    """Nothing names the device, and each upload has a data set of its own, as AAPS does."""
    return [
        (
            at,
            Reading(
                time=one.time,
                kind="cbg",
                device="",
                value=one.value,
                unit=one.unit,
                origin="aaps",
                data_set=f"{at}",
                out_of_range=OutOfRange.LOW if one.value <= 40 else None,
            ),
        )
        for at, one in batches()
    ]


def gaps() -> list[tuple[datetime, Reading]]:
    """Of some hours, of one reading, and of a quarter of an hour."""
    random = Random(8)  # noqa: S311 # the same each time
    uploads = LIVE.uploads(wandering(3, LIVE.every, 8), START)
    return [
        one
        for one in uploads
        if not 7 <= one[1].time.hour < 12
        and random.random() > 0.1
        and not one[1].time.minute < 3 * one[1].time.hour
    ]


@pytest.mark.parametrize(
    "uploads", [batches, late, two_sensors, new_data_sets, gaps], ids=lambda one: one.__name__
)
def test_a_replay_tells_what_was_told_however_readings_came(uploads: Any) -> None:
    told, kept = followed(uploads(), SETTINGS_OF_JILL, 2)
    assert len(told) >= 4
    assert what(replay(JILL, SETTINGS_OF_JILL, kept, until=START + 2 * DAY)) == what(told)


class Anew(Readings):
    """Readings that are all put in order, and all looked at, each time."""

    @override
    def _bring_in_order(self) -> None:
        self._ordered.clear()
        super()._bring_in_order()

    @override
    def scans_by(self, kind: str, threshold: float, unit: str) -> dict[Device, Scan]:
        return {}


SOME = st.lists(
    st.tuples(
        # From one reading to the next, and from it to us, in minutes: None of what came before they were followed.
        st.sampled_from([-7, 0, 1, 1, 1, 5, 5, 5, 14, 20, 61, 400]),
        st.sampled_from([None, 0.2, 0.3, 2, 35, 200]),
        st.sampled_from([39, 50, 55, 60, 68, 70, 72, 110, 178, 180, 181, 250]),
        st.sampled_from(["one", "one", "one", "two", ""]),
    ),
    max_size=60,
)


@hypothesis_settings(max_examples=60, deadline=None)
@given(SOME, st.integers(0, 4))
def test_what_goes_on_is_told_as_if_all_was_looked_at_anew(some: Any, times: int) -> None:
    at, readings = START, []
    for wait, late, value, device in some * (1 + times):
        at += wait * MINUTE
        observed = int(at.timestamp())
        received = None if late is None else observed + int(60 * late)
        readings.append(
            KeptReading(observed, received, value, None, Sender("cbg", device, "app").kept_as)
        )
    end = at + HOUR
    fast = replay(JILL, SETTINGS_OF_JILL, readings, until=end)
    with patch.object(replaying, "Readings", Anew):
        assert replay(JILL, SETTINGS_OF_JILL, readings, until=end) == fast


def kept(*values: float, start: datetime = START) -> list[KeptReading]:
    """Readings every five minutes, each received 15 seconds later."""
    begin = int(start.timestamp())
    return [
        KeptReading(begin + 300 * n, begin + 300 * n + 15, value) for n, value in enumerate(values)
    ]


def test_other_thresholds_tell_other_things() -> None:
    values = [100.0, 72, 71, 72, 100, 100, 54, 100]
    end = START + HOUR
    low = {"enabled": True, "threshold": threshold(75), "delay": 0}

    def told(**document: Any) -> list[str]:
        return [
            one.alert_type for one in replay(JILL, Settings(document), kept(*values), until=end)
        ]

    assert told() == []
    assert told(low=low) == ["low", "low"]
    assert told(low=low, urgentLow={"enabled": True, "threshold": threshold(54)}) == [
        "low",
        "urgent_low",
        "low",
    ]
    assert told(low={**low, "delay": 20}) == []
    assert told(low={**low, "enabled": False}) == []
    # Only silence would tell of these, and what makes no sense is not judged.
    assert told(noCommunication={"enabled": True, "delay": 5}) == []
    assert told(low={**low, "threshold": {"units": "mg/dL"}}, urgentLow={"enabled": "yes"}) == []
    assert replay(JILL, Settings({"low": low}), [], until=end) == []


def test_what_time_alone_tells_is_told_until_the_end() -> None:
    low = {"enabled": True, "threshold": threshold(70), "delay": 12}
    some = kept(100, 65, 65)
    told_at = START + 17 * MINUTE + 15 * SECOND
    assert replay(JILL, Settings({"low": low}), some, until=told_at) == []
    [told] = replay(JILL, Settings({"low": low}), some, until=told_at + 2 * MINUTE)
    assert told.observed_at == START + 10 * MINUTE


def test_of_what_came_before_they_were_followed_nobody_knows_when_it_did() -> None:
    some = [one._replace(received=None) for one in kept(100, 50, 100)]
    urgent = Settings({"urgentLow": {"enabled": True, "threshold": threshold(55)}})
    for delay in (None, 3 * HOUR):
        [told] = replay(JILL, urgent, some, until=START + DAY, delay=delay)
        assert told.received_at == START + 5 * MINUTE + (delay or timedelta())
        assert told.late is (delay is not None)


@pytest.mark.parametrize(
    ("sender", "other", "same"),
    [
        (Sender("cbg", "one"), Sender("cbg", "one"), True),
        (Sender("cbg", "one"), Sender("cbg", "two"), False),
        (Sender("cbg", "one"), Sender("smbg", "one"), False),
        (Sender("cbg", "one", "app"), Sender("cbg", "one", "other"), False),
        (Sender("cbg", "", "app", "1", "a"), Sender("cbg", "", "app", "1", "b"), False),
        (Sender("cbg", "", "app", "1", "a"), Sender("cbg", "", "app", "2", "a"), False),
    ],
)
def test_senders_are_told_apart_as_they_are_kept(sender: Sender, other: Sender, same: bool) -> None:
    assert (sender.kept_as == other.kept_as) is same
    back, other_back = Sender.of_kept(sender.kept_as), Sender.of_kept(other.kept_as)
    assert (back == other_back) is same
    assert back.kind == sender.kind
    # As they name a device: an app's data sets are one until two of them read at once.
    assert (back.origin == other_back.origin) is (
        (sender.device or sender.origin) == (other.device or other.origin)
    )


@pytest.mark.parametrize("odd", ["", "what", "a b c d"])
def test_a_sender_that_nobody_knows_is_a_sensor(odd: str) -> None:
    assert Sender.of_kept(odd) == Sender("cbg")


# The action.


async def test_thresholds_are_tried_on_the_past(follower: Follower) -> None:
    """By the house's nights, with what was told, of which nothing is from before Jill was followed."""
    await follower.house.hass.config.async_set_time_zone("Europe/Amsterdam")
    # Noon is 13:00 there: the morning of that day, and the night before it.
    for ago, mg_dl in ((845, 90), (840, 54), (835, 90), (90, 72), (85, 90), (5, 90)):
        follower.reads(mg_dl, ago=ago)
    await follower.start()
    asked = {**follower.settings}
    await follower.reads_on(90, 54, 90)
    tried = await follower.call("replay_thresholds", low=75, low_delay=0, unit="mg/dL")
    none = {"urgent_low": 0, "low": 0, "high": 0}
    assert tried["replayed"] == {
        "alerts": 5,
        "at_night": 2,
        "by_type": none | {"urgent_low": 2, "low": 3},
    }
    assert tried["current"] == {"alerts": 2, "at_night": 1, "by_type": none | {"urgent_low": 2}}
    assert tried["told"] == {"alerts": 1, "at_night": 0, "by_type": none | {"urgent_low": 1}}
    assert (tried["person"], tried["device_id"]) == ("Jill", follower.device_id)
    assert tried["nights"] == 1
    # Three readings, of five minutes each, in 14 nights and what is over of one more.
    assert tried["coverage_percent"] == 0.2
    assert [(one["alert_type"], one["at_night"]) for one in tried["alerts"][:3]] == [
        ("urgent_low", True),
        ("low", True),
        ("low", False),
    ]
    assert tried["alerts"][2]["details"]["value_mg_dl"] == pytest.approx(72, abs=0.01)
    assert datetime.fromisoformat(tried["end"]) - datetime.fromisoformat(tried["start"]) == 14 * DAY
    # Nothing was written, nothing told, and a part of the time has its part of the alerts.
    assert follower.settings == asked
    assert len(follower.announced) == 1
    at = follower.house.now - 91 * MINUTE - 15 * MINUTE
    part = await follower.call("replay_thresholds", low=75, low_delay=0, start=at, end=at + HOUR)
    assert part["replayed"]["alerts"] == 1
    assert (part["nights"], part["told"]["alerts"]) == (0, 0)
    assert part["coverage_percent"] is None
    assert part["start"] == at.isoformat()


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"low": 251}, "settings_threshold_order"),
        ({"low": 3.9}, "settings_threshold_step"),
        ({"low_repeat": 7}, "settings_repeat_range"),
        ({"start": "2026-11-20 12:00:00", "end": "2026-11-20 12:00:00"}, "start_after_end"),
        ({"end": "2001-01-01 00:00:00"}, "nothing_kept"),
        ({"start": "9999-12-31 23:59:59-12:00"}, "start_after_end"),
    ],
)
async def test_what_cannot_be_is_not_tried(
    follower: Follower, data: dict[str, Any], key: str
) -> None:
    await follower.start()
    with pytest.raises(ServiceValidationError) as error:
        await follower.call("replay_thresholds", **data)
    assert error.value.translation_key == key


@pytest.mark.parametrize("start", ["0001-01-01 00:00:00", "0001-01-01T00:00:00+14:00", None])
async def test_only_what_is_kept_and_has_been_is_tried(
    follower: Follower, start: str | None
) -> None:
    await follower.start()
    await follower.reads_on(90, 90, 50, 90)
    await follower.house.pass_time(days=16)
    await follower.reads_on(90, 90, 90)
    now = follower.house.now
    given: dict[str, Any] = {"start": start} if start else {}
    tried = await follower.call("replay_thresholds", end="9999-12-31 23:59:59", **given)
    # What was told longer ago was told of readings that nobody has any more.
    assert (tried["told"]["alerts"], tried["current"]["alerts"]) == (0, 0)
    assert tried["start"] == (now - 14 * DAY).isoformat()
    assert tried["end"] == now.isoformat()
    # Nights that are to come are not to be covered.
    assert tried == await follower.call("replay_thresholds")


async def test_first_thresholds_can_be_tried_too(follower: Follower) -> None:
    follower.jill.set_settings(follower.account, None)
    follower.reads(90, ago=65)
    follower.reads(54, ago=60)
    follower.reads(90, ago=55)
    await follower.start()
    tried = await follower.call(
        "replay_thresholds", urgent_low_enabled=True, urgent_low=3.0, unit="mmol/L"
    )
    assert tried["replayed"]["alerts"] == 1
    assert tried["current"]["alerts"] == 0
