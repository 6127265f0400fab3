"""A year of wear through the real coordinator, entities and files: every alert is told once, and late if it was.

Home Assistant's own timer polls, four times an hour, in the first days, over both changes of the clocks, after each
restart and absence, and as the phone comes back: some two weeks of the year. In between the machine is as one that
wakes up once a day: time jumps, and one poll follows.
"""

import asyncio
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
import logging
import math
from random import Random
import sys

from homeassistant.core import State
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.care_alerts.alerts.ledger import KEPT_FOR
from custom_components.care_alerts.sources.dexcom.oauth import REGIONS
from simulator.dexcom import TIME_STYLES, Wearer
from tests.conftest import NOON, House

pytestmark = pytest.mark.real_files

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DELAY = HOUR
"""Of the US."""
EVERY = timedelta(minutes=10)
END = NOON + 365 * DAY
# Clocks in Los Angeles, where all of this takes place: forward on 14 March, back on 7 November 2027.
CHANGES = (datetime(2027, 3, 14, 10, tzinfo=UTC), datetime(2027, 11, 7, 9, tzinfo=UTC))
NAMES = ("low", "high", "urgentLow", "urgentLowSoon", "rise", "fall", "outOfRange", "noReadings")
STATES = ("activeAlarming", "activeSnoozed", "inactive", "unknown")


def glucose(moment: datetime) -> int:
    """The wearer's glucose, in mg/dL, at the last reading."""
    reading = moment.timestamp() // EVERY.total_seconds() * EVERY.total_seconds()
    return round(140 + 90 * math.sin(reading / 9000) + 30 * math.sin(reading / 40_000))


@dataclass(frozen=True)
class Sent:
    """An alert and when Dexcom had it."""

    observed: datetime
    uploaded: datetime
    name: str
    state: str


type Stretch = tuple[datetime, timedelta]


@dataclass
class Year:
    """What happens, and what was seen of it."""

    house: House
    wearer: Wearer
    sent: dict[str, Sent] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    polls: list[datetime] = field(default_factory=list)
    longest: timedelta = timedelta()

    def fill(self, closely: list[Stretch]) -> None:
        """Wear it for a year: readings as usual, but for three days in April when the phone was off; alerts in all ways.

        There are more of them while they are looked at closely.
        """
        random = Random(2027)  # noqa: S311
        off = (NOON + 150 * DAY, NOON + 153 * DAY)
        moment = NOON - 30 * DAY
        while moment < END:
            uploaded = off[1] if off[0] < moment + DELAY < off[1] else moment + DELAY
            self.wearer.add_egv(moment, glucose(moment), uploaded_at=uploaded)
            moment += EVERY
        moment = NOON - 30 * DAY
        styles = list(TIME_STYLES)
        while True:
            close = any(start <= moment < start + length for start, length in closely)
            moment += random.randint(5, 50 if close else 600) * MINUTE
            if moment >= END - HOUR:
                # Without a reading there is no value.
                break
            delay = DELAY + random.choice((0, 0, 10, 30, 120, 60, 90)) * MINUTE
            if random.random() < 0.03:
                delay += 3 * DAY
            uploaded = off[1] if off[0] < moment + delay < off[1] else moment + delay
            name, state = random.choice(NAMES), random.choice(STATES)
            style = random.choice(styles)
            record = self.wearer.add_alert(
                name, moment, state=state, uploaded_at=uploaded, time_style=style
            )
            record_id: str = record["recordId"]
            self.sent[record_id] = Sent(moment, uploaded, name, state)
            if random.random() < 0.05:
                # Another of the wearer's devices uploads the same, later.
                later = uploaded + random.randint(1, 300) * MINUTE
                self.wearer.add_alert(
                    name, moment, state=state, uploaded_at=later, record_id=record_id
                )

    async def live(self, until: datetime, step: timedelta) -> None:
        """Go on in steps; what was asked is counted and checked."""
        while self.house.now < until:
            await self.house.until(min(self.house.now + step, until))
            self.look_at_the_log()

    def look_at_the_log(self) -> None:
        """Take up what was asked since the last time."""
        for request in self.house.sim.log:
            self.asked[request.endpoint] += 1
            assert request.status in (200, 401)
            if "startDate" in request.query:
                start, end = (
                    datetime.fromisoformat(request.query[name]) for name in ("startDate", "endDate")
                )
                self.longest = max(self.longest, end - start)
            if request.endpoint == "dexcom.alerts" and request.at not in self.polls[-1:]:
                self.polls.append(request.at)
        self.house.sim.log.clear()

    def first_poll_after(self, moment: datetime) -> datetime:
        """When Dexcom was asked first, from a time on."""
        return self.polls[bisect_left(self.polls, moment)]


async def entry_of(house: House, wearer: Wearer, region: str = "us") -> MockConfigEntry:
    """The wearer's entry in a region, by the region's own name."""
    return await house.dexcom_entry(wearer, region=region, data={"region": region})


@pytest.fixture(autouse=True)
def _regions(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every region is the simulator's."""
    for region in REGIONS:
        monkeypatch.setitem(REGIONS, region, house.sim.dexcom.region(region).url)


@pytest.fixture(autouse=True)
async def _quickly(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """What a year has no time for: asyncio's own checks, debug logs, and waiting for the disk to turn."""
    asyncio.get_running_loop().set_debug(False)
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr("atomicwrites._proper_fsync", lambda file: None)


async def test_a_year_of_wear(
    house: House, announced: list[State], capsys: pytest.CaptureFixture[str]
) -> None:
    await house.hass.config.async_set_time_zone("America/Los_Angeles")
    house.sim.dexcom.sloppy = True
    wearer = house.sim.dexcom.add_wearer("ana", utc_offset="America/Los_Angeles")
    year = Year(house, wearer)
    # Restarts and absences: when, and how long it was off.
    away: list[Stretch] = [
        (NOON + 20 * DAY, timedelta()),
        (NOON + 41 * DAY, 50 * MINUTE),
        (CHANGES[0] + 30 * MINUTE, timedelta()),
        (NOON + 130 * DAY, 3 * DAY),
        (NOON + 180 * DAY, 20 * DAY),
        (NOON + 230 * DAY, 40 * DAY),
        (NOON + 300 * DAY, timedelta()),
        (CHANGES[1] - 30 * MINUTE, 3 * HOUR),
    ]
    closely: list[Stretch] = [(NOON, 2 * DAY), *((change - DAY, 2 * DAY) for change in CHANGES)]
    closely += [(start + length, DAY / 3) for start, length in away]
    closely += [(NOON + 152.5 * DAY, DAY)]
    year.fill(closely)

    entry = await house.set_up(await entry_of(house, wearer))
    year.look_at_the_log()
    for start, length in sorted([*away, *closely]):
        await year.live(start, DAY)
        if (start, length) in away:
            await house.hass.config_entries.async_unload(entry.entry_id)
            await year.live(start + length, 7 * DAY)
            await house.set_up(entry)
            year.look_at_the_log()
        else:
            await year.live(start + length, 15 * MINUTE)
    await year.live(END, DAY)
    # What is uploaded in the end is heard of, too: the day's look back included.
    await year.live(END + 5 * DAY, DAY)

    history = {key for key, sent in year.sent.items() if sent.uploaded <= NOON}
    told = Counter(state.attributes["alert_id"] for state in announced)
    assert told == dict.fromkeys(year.sent.keys() - history, 1)
    assert len(told) > 1500
    assert year.longest == timedelta(days=30)

    late = Counter[bool]()
    for state in announced:
        sent = year.sent[state.attributes["alert_id"]]
        received = datetime.fromisoformat(state.attributes["received_at"])
        assert datetime.fromisoformat(state.attributes["observed_at"]) == sent.observed
        assert not state.attributes["redelivered"]
        assert state.attributes["details"]["alert_name"] == sent.name
        assert state.attributes["details"]["alert_state"] == sent.state
        assert state.attributes["details"]["glucose_mg_dl"] == glucose(sent.observed + MINUTE)
        if sent.uploaded - sent.observed < 47 * HOUR:
            assert received == year.first_poll_after(sent.uploaded)
        else:
            # Heard of by the look back of a day.
            assert sent.uploaded <= received <= year.first_poll_after(sent.uploaded + DAY)
        took = received - sent.observed
        # As late as the readings are at a poll, and an hour more: what is in between may be either.
        if not DELAY + HOUR < took <= DELAY + HOUR + EVERY:
            assert state.attributes["late"] is (took > DELAY + HOUR), took
        late[state.attributes["late"]] += 1
    assert min(late.values()) > 200

    ledger = entry.runtime_data.store.ledger
    assert len(ledger) == sum(
        sent.observed > year.polls[-1] - KEPT_FOR for sent in year.sent.values()
    )
    with capsys.disabled():
        sys.stdout.write(
            f"\nA year: {len(told)} alerts, {late[True]} of them late, in {len(year.polls)} polls\n"
        )


@pytest.mark.parametrize(
    ("region", "requests"),
    [
        ("us", {"alerts": 96, "egvs": 96, "token": 12, "devices": 1}),
        ("ous", {"alerts": 48, "egvs": 48, "token": 12, "devices": 1}),
    ],
)
async def test_requests_a_day(
    house: House, region: str, requests: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    """On a day like any other, once the wearer's own delay has been measured."""
    vendor = house.sim.dexcom.region(region)
    wearer = vendor.add_wearer("ana")
    wearer.add_session(NOON - DAY, NOON + 2 * DAY, glucose)
    await house.set_up(await entry_of(house, wearer, region))
    while house.now < NOON + 6 * HOUR:
        await house.pass_time(minutes=5)
    house.sim.log.clear()
    while house.now < NOON + 6 * HOUR + DAY:
        await house.pass_time(minutes=1)

    asked = Counter(request.endpoint.partition(".")[2] for request in house.sim.log)
    with capsys.disabled():
        sys.stdout.write(f"\nRequests a day in {region}: {asked.total()} ({dict(asked)})\n")
    assert asked == requests
