"""People whom three vendors speak of, what is true of them, and a small model of what a house has to show in the end.

The model is written by hand from the vendors' documentation and ours: nothing of the component is asked.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final, override

from pytest_homeassistant_custom_component.common import MockConfigEntry

from simulator import Simulator
from simulator.dexcom import Wearer
from simulator.lumen import SEVERITIES, LumenPerson, default_details
from simulator.tidepool import Child
from tests.conftest import House

MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)

REMEMBERED: Final = 20 * DAY
"""Longer than any vendor tells an alert again: what is older has been counted and is forgotten."""

EVENING: Final = 8 * HOUR
"""What is before the end: time for what was late to come, and for what goes on to be over."""

RANKS: Final = {"none": 0, "low": 1, "medium": 2, "high": 3}

type Shown = Mapping[tuple[str, str], tuple[str, ...]]
"""What entities may show, by platform and key."""


@dataclass(kw_only=True)
class Truth:
    """An alert that there is. `at`: when it was so; `there_at`: when the vendor has it; `until`: when it is over, if that is known.

    `late`: of the alerts by which the house heard of it, by id, whether that said it was late. `heard`: how often each was
    heard unmarked, by channel and id. `said_at`: when it was so, as the newest of them had it. `anew`: from when to when the
    house has to have said that it had ended, for it was told anew.
    """

    person_id: str
    alert_type: str
    severity: str
    at: datetime
    there_at: datetime
    is_on: bool = True
    until: datetime | None = None
    late: dict[str, bool] = field(default_factory=dict)
    heard: Counter[tuple[str, str]] = field(default_factory=Counter)
    channels: set[str] = field(default_factory=set)
    said_at: datetime | None = None
    told_at: datetime | None = None
    anew: list[tuple[datetime, datetime]] = field(default_factory=list)
    may_repeat: bool = False


class Following(ABC):
    """The people of one vendor."""

    source: str
    USUAL: timedelta
    """How long after it was so the vendor has what was not held up."""
    PROMPT: timedelta
    """How long after the vendor has it a house that nothing ails has heard of it: the time between two questions, and a step."""

    def __init__(self) -> None:
        """Begin with nothing that is true."""
        self.truths: dict[str, Truth] = {}

    @property
    @abstractmethod
    def people(self) -> Iterable[str]:
        """Their ids."""

    @abstractmethod
    def tell(self, day: datetime, rng: Random, *, is_last: bool) -> None:
        """Have a day happen, from noon to noon; the last one ends with what goes on, and nothing else in its evening."""

    @abstractmethod
    def recognise(self, person_id: str, alert: Mapping[str, Any], ahead: timedelta) -> str | None:
        """Which truth an alert is about, in a house whose clock is so far ahead; None: none."""

    @abstractmethod
    def data_through(self, person_id: str, now: datetime) -> datetime:
        """How far somebody's data reach."""

    @abstractmethod
    def active(self, theirs: list[Truth], now: datetime) -> list[Truth]:
        """What of somebody's goes on."""

    @abstractmethod
    async def entries(self, house: House, kept: Mapping[str, Any]) -> list[MockConfigEntry]:
        """The entries, not set up; `kept`: their data by id, once there are any."""

    @abstractmethod
    def forget(self, before: datetime) -> None:
        """Have the vendor forget, too."""

    def is_heard_of(self, theirs: list[Truth], now: datetime) -> bool:
        """Whether it can be said how somebody is."""
        return True

    def times_of(self, truth: Truth, *, is_first: bool) -> list[datetime]:
        """When it may be said to have been so, the first time or when it is told anew."""
        return [truth.at]

    def may_have_ended(self, person_id: str, heard_to: datetime, now: datetime) -> bool:
        """Whether what goes on may be said to have ended for want of news, by who has heard all that was there by then."""
        return True

    def expected(self, person_id: str, now: datetime) -> Shown:
        """What the entities of somebody show, long after any trouble."""
        theirs = [
            one
            for one in self.truths.values()
            if one.person_id == person_id and one.there_at <= now
        ]
        last = max(theirs, key=lambda one: one.at, default=None)
        active = self.active(theirs, now)
        worst = max((one.severity for one in active), key=RANKS.__getitem__, default="none")
        is_heard_of = self.is_heard_of(theirs, now)
        return {
            ("sensor", "last_alert"): (last.alert_type if last else "unknown",),
            ("sensor", "last_alert_time"): (
                _state_of((last.said_at or last.at) if last else None),
            ),
            ("sensor", "active_alerts"): (str(len(active)) if is_heard_of else "unknown",),
            ("sensor", "highest_severity"): (worst if is_heard_of else "unknown",),
            ("sensor", "data_through"): (_state_of(self.data_through(person_id, now)),),
            ("binary_sensor", "silent"): ("off",),
        }


def _state_of(moment: datetime | None) -> str:
    """A time as a sensor shows it."""
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else "unknown"


def _apart(
    rng: Random, number: int, start: datetime, length: timedelta, gap: timedelta = HOUR / 2
) -> Iterator[datetime]:
    """When some things begin in a day: each is over, and a gap has passed, before the next one."""
    part = (DAY - 2 * HOUR) / max(number, 1)
    for place in range(number):
        yield start + place * part + rng.random() * (part - length - gap)


class LumenPeople(Following):
    """Weight, flexibility of the metabolism and medication: an analysis a day."""

    source = "lumen"
    USUAL = timedelta()
    PROMPT = 2.5 * HOUR

    KINDS = tuple(SEVERITIES)

    def __init__(self, sim: Simulator, number_of_people: int) -> None:
        """Everybody gave consent long ago."""
        super().__init__()
        self._account = sim.lumen.default
        long_ago = sim.clock.now() - 90 * DAY
        self._people: dict[str, LumenPerson] = {}
        for number in range(number_of_people):
            person = self._account.add_person(f"person{number}@example.com", granted_at=long_ago)
            self._people[person.shared_user_id] = person

    @property
    @override
    def people(self) -> Iterable[str]:
        return self._people

    @override
    def tell(self, day: datetime, rng: Random, *, is_last: bool) -> None:
        about = day.date()
        for number, person in enumerate(self._people.values()):
            # Somebody has one every day: an analysis without any alert says nothing of when it was made.
            often = 1.0 if number == about.toordinal() % len(self._people) else 0.5
            types = rng.sample(("WEIGHT", "FLEX", "MEDICATION"), 2)
            several = types[: (rng.random() < often) + (rng.random() < 0.2)]
            for after, alert_type in enumerate(several):
                subtype = rng.choice([s for kind, s in self.KINDS if kind == alert_type])
                key = f"{number}/{about}/{alert_type}"
                details = default_details(about, alert_type, subtype) | {"mark": key}
                at = self._account.generation_of(about) + after * MINUTE
                self._account.add_alert(
                    person, about, alert_type, subtype, details=details, generated_at=at
                )
                severity = SEVERITIES[alert_type, subtype].lower()
                self.truths[key] = Truth(
                    person_id=person.shared_user_id,
                    alert_type=alert_type.lower(),
                    severity=severity,
                    at=at,
                    there_at=at,
                    is_on=severity != "low",
                )

    @override
    def recognise(self, person_id: str, alert: Mapping[str, Any], ahead: timedelta) -> str | None:
        mark = alert["details"].get("mark")
        return mark if mark in self.truths else None

    @override
    def data_through(self, person_id: str, now: datetime) -> datetime:
        return max(one.at for one in self.truths.values() if one.at <= now)

    @override
    def active(self, theirs: list[Truth], now: datetime) -> list[Truth]:
        newest = self.data_through("", now)
        return [one for one in theirs if one.is_on and newest - one.at < HOUR]

    @override
    def is_heard_of(self, theirs: list[Truth], now: datetime) -> bool:
        newest = self.data_through("", now)
        return any(newest - one.at < 14 * DAY for one in theirs)

    @override
    async def entries(self, house: House, kept: Mapping[str, Any]) -> list[MockConfigEntry]:
        return [house.entry(entry_id="lumen", data=kept.get("lumen", {}))]

    @override
    def forget(self, before: datetime) -> None:
        alerts = self._account._alerts
        for day in [day for day in alerts if day < before.date()]:
            del alerts[day]


class DexcomPeople(Following):
    """A sensor each, an entry each; their alerts are an hour late, at times many."""

    source = "dexcom"
    USUAL = HOUR
    PROMPT = 2.5 * HOUR

    KINDS: Final = {
        "urgentLow": ("urgent_low", "high"),
        "low": ("low", "medium"),
        "high": ("high", "medium"),
        "fall": ("fall", "medium"),
        "outOfRange": ("out_of_range", "low"),
    }
    STANDS: Final = 2 * HOUR
    EVERY: Final = 10 * MINUTE

    def __init__(self, sim: Simulator, number_of_people: int) -> None:
        """Everybody has a sensor."""
        super().__init__()
        self._oauth = sim.dexcom.oauth
        self._wearers = {
            wearer.user_id: wearer
            for wearer in (sim.dexcom.add_wearer(f"Wearer {n}") for n in range(number_of_people))
        }
        self._told = 0

    @property
    @override
    def people(self) -> Iterable[str]:
        return self._wearers

    @override
    def tell(self, day: datetime, rng: Random, *, is_last: bool) -> None:
        end = day + DAY
        for person, wearer in enumerate(self._wearers.values()):
            late = [
                (start, start + rng.uniform(1, 6) * HOUR)
                for start in _apart(rng, rng.random() < 0.2, day, 6 * HOUR)
                if not is_last
            ]

            def there_at(at: datetime, late: list[tuple[datetime, datetime]] = late) -> datetime:
                # A phone that was offline uploads all of it when it is back.
                return max([at, *(end for start, end in late if start <= at < end)]) + HOUR

            for number in range(DAY // self.EVERY):
                at = day + number * self.EVERY
                wearer.add_egv(at, 100 + rng.randrange(40), uploaded_at=there_at(at))
            if is_last and person % 2:
                at = end - 100 * MINUTE
                self._add(
                    wearer,
                    list(self.KINDS)[person // 2 % len(self.KINDS)],
                    "activeAlarming",
                    at,
                    at + HOUR,
                )
            for begins in _apart(rng, rng.randrange(4), day, 2 * HOUR):
                if is_last and begins > end - EVENING:
                    continue
                length = rng.uniform(15, 90) * MINUTE
                name = rng.choice(list(self.KINDS))
                states = [("activeAlarming", timedelta()), ("inactive", length)]
                if rng.random() < 0.4:
                    states.insert(1, ("activeSnoozed", length / 2))
                for state, after in states:
                    at = (begins + after).replace(microsecond=0)
                    self._add(wearer, name, state, at, there_at(at))

    def _add(self, wearer: Wearer, name: str, state: str, at: datetime, there_at: datetime) -> None:
        self._told += 1
        key = f"record-{self._told}"
        wearer.add_alert(name, at, state=state, record_id=key, uploaded_at=there_at)
        alert_type, severity = self.KINDS[name]
        self.truths[key] = Truth(
            person_id=wearer.user_id,
            alert_type=alert_type,
            severity=severity,
            at=at,
            there_at=there_at,
            is_on=state != "inactive",
        )

    @override
    def recognise(self, person_id: str, alert: Mapping[str, Any], ahead: timedelta) -> str | None:
        key = str(alert["alert_id"])
        return key if key in self.truths else None

    @override
    def data_through(self, person_id: str, now: datetime) -> datetime:
        wearer = self._wearers[person_id]
        records = (*wearer.egvs, *wearer.alerts)
        return max(one.at for one in records if one.uploaded_at <= now)

    @override
    def active(self, theirs: list[Truth], now: datetime) -> list[Truth]:
        newest = {one.alert_type: one for one in sorted(theirs, key=lambda one: one.at)}
        return [one for one in newest.values() if one.is_on and one.at + self.STANDS > now]

    @override
    async def entries(self, house: House, kept: Mapping[str, Any]) -> list[MockConfigEntry]:
        return [
            await house.dexcom_entry(
                wearer, entry_id=wearer.name, title=wearer.name, data=kept.get(wearer.name, {})
            )
            for wearer in self._wearers.values()
        ]

    def wearer_of(self, entry_id: str) -> Wearer:
        """Whose an entry is."""
        return next(one for one in self._wearers.values() if one.name == entry_id)

    @override
    def forget(self, before: datetime) -> None:
        for wearer in self._wearers.values():
            for records in wearer._records.values():
                records[:] = [one for one in records if one.at >= before]
            wearer._ids = {
                one.fields["recordId"] for records in wearer._records.values() for one in records
            }
        self._oauth.token_log.clear()


class TidepoolPeople(Following):
    """Children, followed by one account: readings every five minutes, judged by us."""

    source = "tidepool"
    USUAL = timedelta(seconds=12)
    PROMPT = 1.5 * HOUR

    EVERY: Final = 5 * MINUTE
    DELAY: Final = 15 * MINUTE
    """Of the alert to high glucose."""
    SETTINGS: Final[dict[str, Any]] = {
        "urgentLow": {"enabled": True, "threshold": {"units": "mg/dL", "value": 55}},
        "low": {"enabled": False, "delay": 0, "threshold": {"units": "mg/dL", "value": 70}},
        "high": {"enabled": True, "delay": 15, "threshold": {"units": "mg/dL", "value": 250}},
        "noCommunication": {"enabled": False, "delay": 30},
        "notLooping": {"enabled": False},
    }
    MG_DL: Final = 18.01559

    def __init__(self, sim: Simulator, number_of_people: int) -> None:
        """All of them share with the account, which has thresholds for all."""
        super().__init__()
        self.account = sim.tidepool.account
        self._children: dict[str, Child] = {}
        for number in range(number_of_people):
            child = sim.tidepool.add_child(f"Child {number}")
            child.share_with(self.account)
            child.set_settings(self.account, self.SETTINGS)
            self._children[child.user_id] = child

    @property
    @override
    def people(self) -> Iterable[str]:
        return self._children

    @override
    def tell(self, day: datetime, rng: Random, *, is_last: bool) -> None:
        end = day + DAY
        for number, child in enumerate(self._children.values()):
            offline = [
                (start, start + rng.uniform(0.5, 3) * HOUR)
                for start in _apart(rng, rng.random() < 0.2, day, 3 * HOUR)
                if not is_last
            ]
            out = [
                (start, start + rng.randrange(30, 60, 5) * MINUTE, rng.random() < 0.5)
                for start in _apart(rng, rng.randrange(3), day, HOUR, 6 * HOUR)
                if not is_last or start < end - EVENING
            ]
            if is_last and number % 2:
                out.append((end - 27 * MINUTE, end + HOUR, number % 4 == 1))
            self._read(child, day, out, offline, rng)

    def _read(
        self,
        child: Child,
        start: datetime,
        out: list[tuple[datetime, datetime, bool]],
        offline: list[tuple[datetime, datetime]],
        rng: Random,
    ) -> None:
        first: dict[datetime, datetime] = {}
        for number in range(DAY // self.EVERY):
            at = start + number * self.EVERY
            mg_dl = 100.0 + rng.randrange(40)
            there_at = max([at, *(end for begin, end in offline if begin <= at < end)])
            there_at += rng.randrange(2, 12) * timedelta(seconds=1)
            for begins, ends, is_low in out:
                if begins <= at < ends:
                    mg_dl = 42.0 if is_low else 320.0
                    begun = first.setdefault(begins, at)
                    # Since when it is so, nobody knows better than from the last reading that was in range.
                    after = timedelta() if is_low else self.DELAY - self.EVERY
                    if at == begun + after:
                        key = f"{child.user_id}/{is_low}/{at.isoformat()}"
                        self.truths[key] = Truth(
                            person_id=child.user_id,
                            alert_type="urgent_low" if is_low else "high",
                            severity="high" if is_low else "medium",
                            at=at,
                            there_at=there_at,
                            until=begun - (begun - ends) // self.EVERY * self.EVERY,
                        )
            child.add_reading(at, round(mg_dl / self.MG_DL, 5), uploaded_at=there_at)

    @override
    def recognise(self, person_id: str, alert: Mapping[str, Any], ahead: timedelta) -> str | None:
        observed_at = datetime.fromisoformat(alert["observed_at"])
        near = [
            (min(abs(one.at - observed_at), abs(one.at + ahead - observed_at)), key)
            for key, one in self.truths.items()
            if (one.person_id, one.alert_type) == (person_id, alert["alert_type"])
        ]
        # A house whose clock is wrong may date it by its own.
        off, key = min(near, default=(DAY, ""))
        return key if off <= 3.5 * HOUR else None

    @override
    def data_through(self, person_id: str, now: datetime) -> datetime:
        records = self._children[person_id].records
        return max(one.time for one in records if one.uploaded_at <= now)

    @override
    def active(self, theirs: list[Truth], now: datetime) -> list[Truth]:
        return [one for one in theirs if one.until and one.at <= now < one.until]

    @override
    def times_of(self, truth: Truth, *, is_first: bool) -> list[datetime]:
        # The newest that was there of those that show that it has lasted; told anew, one of those that came after, too.
        assert truth.until
        is_delayed = truth.alert_type == "high"
        first = truth.at - (self.DELAY - self.EVERY if is_delayed else timedelta())
        last = first + (self.DELAY if is_delayed else timedelta())
        last = last if is_first else truth.until - self.EVERY
        return [first + n * self.EVERY for n in range((last - first) // self.EVERY + 1)]

    @override
    def may_have_ended(self, person_id: str, heard_to: datetime, now: datetime) -> bool:
        return self.data_through(person_id, heard_to) <= now - HOUR

    @override
    async def entries(self, house: House, kept: Mapping[str, Any]) -> list[MockConfigEntry]:
        return [house.tidepool_entry(entry_id="tidepool", data=kept.get("tidepool", {}))]

    @override
    def forget(self, before: datetime) -> None:
        for child in self._children.values():
            child._recorded[:] = [one for one in child._records if one.time >= before]
        tokens = self.account._tokens
        for text in [text for text, one in tokens.items() if one.session.until < before]:
            del tokens[text]
