"""A wearer of a Dexcom sensor: devices, readings, and the alerts that a glucose curve causes."""

from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from hashlib import sha256
from operator import attrgetter
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

import orjson

from ..clock import utc
from .times import TIME_STYLES, TimeStyle

EVERY = timedelta(minutes=5)
SNOOZE_AFTER = timedelta(minutes=10)
LOW_VALUE, HIGH_VALUE = 39, 401
"""What stands for "below 40" and "above 400" mg/dL."""
ONE_PLUS = "d1+"
ONE_PLUS_LACKS = frozenset({"urgentLow", "urgentLowSoon", "rise", "fall"})


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a device alarms: mg/dL, and mg/dL/min for rise and fall."""

    low: int = 70
    high: int = 250
    rise: float = 3.0
    fall: float = 3.0
    signal_loss: timedelta = timedelta(minutes=20)
    urgent_low: int = 55
    """Fixed by the vendor."""
    soon: timedelta = timedelta(minutes=20)
    """How far urgentLowSoon looks ahead."""


@dataclass(frozen=True, slots=True)
class Device:
    """What a wearer wears and where it is shown, from a time on."""

    since: datetime
    generation: str
    variant: str
    display_app: str
    display_device: str
    transmitter_id: str
    time_style: TimeStyle | None = None
    """None: as the display device does."""

    @property
    def style(self) -> TimeStyle:
        """How its times are written."""
        if self.time_style is not None:
            return self.time_style
        return TIME_STYLES["receiver" if "receiver" in self.display_device.lower() else "phone"]

    @property
    def lacks(self) -> Collection[str]:
        """The alerts that it does not have."""
        return ONE_PLUS_LACKS if self.variant == ONE_PLUS else ()

    def fields(self) -> dict[str, Any]:
        """Return what every record says about it."""
        return {
            "displayDevice": self.display_device,
            "transmitterGeneration": self.generation,
            "transmitterGenerationVariant": self.variant,
            "transmitterId": self.transmitter_id,
            "displayApp": self.display_app,
        }


class Record:
    """A record as it is sent, and when it was observed and uploaded."""

    __slots__ = ("_encoded", "at", "fields", "uploaded_at")

    def __init__(self, at: datetime, uploaded_at: datetime, fields: dict[str, Any]) -> None:
        """Keep a record of an instant; `fields` must not change once it has been sent."""
        self.at = at
        self.uploaded_at = uploaded_at
        self.fields = fields
        self._encoded: bytes | None = None

    @property
    def encoded(self) -> bytes:
        """The record's JSON."""
        if self._encoded is None:
            self._encoded = orjson.dumps(self.fields)
        return self._encoded


_AT = attrgetter("at")


class Wearer:
    """A Dexcom account with a sensor; `reset` leaves the account."""

    def __init__(
        self,
        name: str,
        region: str,
        client_id: str,
        *,
        generation: str,
        variant: str,
        display_app: str,
        display_device: str,
        delay: timedelta,
        utc_offset: timedelta | str | tzinfo,
    ) -> None:
        """Begin without records."""
        self.name = name
        self.delay = delay
        """How long after its systemTime a record is there, unless told otherwise."""
        self.thresholds = Thresholds()
        self.zone: tzinfo = _zone(utc_offset)
        self._region = region
        self._client_id = client_id
        self._kept: dict[str, list[Record]] = {"alert": [], "egv": []}
        self._untold: list[Callable[[], None]] = []
        self._ids: set[str] = set()
        self._episodes = 0
        first = datetime.min.replace(tzinfo=UTC)
        self.devices = [
            Device(
                since=first,
                generation=generation,
                variant=variant,
                display_app=display_app,
                display_device=display_device,
                transmitter_id=self._transmitter(first),
            )
        ]
        """What was worn, the oldest first."""

    @property
    def user_id(self) -> str:
        """The id that the region's first app sees."""
        return self.user_id_for(self._client_id)

    def user_id_for(self, client_id: str) -> str:
        """Return the id that an app sees: 64 hex digits, never the same for two apps."""
        return sha256(f"{self._region}/{client_id}/{self.name}".encode()).hexdigest()

    @property
    def _records(self) -> dict[str, list[Record]]:
        """The records by kind, ordered by time."""
        while self._untold:
            self._untold.pop(0)()
        return self._kept

    def tell_when_asked(self, story: Callable[[], None]) -> None:
        """Let a story, which adds records, wait until somebody wants them."""
        self._untold.append(story)

    @property
    def device(self) -> Device:
        """The device of the latest days."""
        return self.devices[-1]

    @property
    def time_style(self) -> TimeStyle:
        """How the latest device writes times; assign a style, or its name."""
        return self.device.style

    @time_style.setter
    def time_style(self, style: TimeStyle | str) -> None:
        self.devices[-1] = replace(self.device, time_style=_style(style))

    def change_device(
        self,
        since: datetime,
        *,
        generation: str | None = None,
        variant: str | None = None,
        display_app: str | None = None,
        display_device: str | None = None,
        time_style: TimeStyle | str | None = None,
    ) -> Device:
        """Wear another sensor, or show it elsewhere, from a time on: later than the last change."""
        since, last = utc(since), self.device
        if since <= last.since:
            raise ValueError("a device is followed by a later one")
        device = Device(
            since=since,
            generation=generation or last.generation,
            variant=variant or last.variant,
            display_app=display_app or last.display_app,
            display_device=display_device or last.display_device,
            transmitter_id=self._transmitter(since),
            time_style=None if time_style is None else _style(time_style),
        )
        self.devices.append(device)
        return device

    def device_at(self, moment: datetime) -> Device:
        """Return what was worn at a time."""
        return next(device for device in reversed(self.devices) if device.since <= moment)

    def add_alert(
        self,
        alert_name: str,
        system_time: datetime,
        *,
        state: str = "activeAlarming",
        record_id: str | None = None,
        uploaded_at: datetime | None = None,
        display_device: str | None = None,
        time_style: TimeStyle | str | None = None,
        extra: dict[str, Any] | None = None,
        omit: Collection[str] = (),
        **overrides: Any,
    ) -> dict[str, Any]:
        """Add an alert, there from `uploaded_at` on; return it as it is sent.

        `extra` and `overrides` replace or add fields by their JSON names, `omit` leaves some out.
        """
        device = self._shown_on(system_time, display_device, time_style)
        return self._add(
            "alert",
            system_time,
            uploaded_at,
            device,
            record_id,
            f"{alert_name}/{state}",
            {"alertName": alert_name, "alertState": state, **device.fields()},
            {**(extra or {}), **overrides},
            omit,
        )

    def add_egv(
        self,
        system_time: datetime,
        value: int | None,
        *,
        trend: str | None = "flat",
        trend_rate: float | None = 0.0,
        status: str | None = None,
        record_id: str | None = None,
        uploaded_at: datetime | None = None,
        display_device: str | None = None,
        time_style: TimeStyle | str | None = None,
        extra: dict[str, Any] | None = None,
        omit: Collection[str] = (),
        **overrides: Any,
    ) -> dict[str, Any]:
        """Add a reading in mg/dL (39: below 40, 401: above 400); return it as it is sent."""
        device = self._shown_on(system_time, display_device, time_style)
        if status is None and value is not None:
            status = {LOW_VALUE: "low", HIGH_VALUE: "high"}.get(value)
        return self._add(
            "egv",
            system_time,
            uploaded_at,
            device,
            record_id,
            "",
            {
                "transmitterTicks": int(system_time.timestamp()) % 864_000,
                "value": value,
                "status": status,
                "trend": trend,
                "trendRate": trend_rate,
                "unit": "mg/dL",
                "rateUnit": "mg/dL/min",
                **device.fields(),
            },
            {**(extra or {}), **overrides},
            omit,
        )

    def add_session(
        self,
        start: datetime,
        end: datetime,
        glucose: Callable[[datetime], float | None],
        *,
        delay: Callable[[datetime], timedelta] | None = None,
    ) -> None:
        """Add a reading every 5 minutes in [start, end) and the alerts that they cause.

        `glucose` gives mg/dL, None: no signal. `delay` says how late what was observed at a time
        comes; None: as late as usual. An alert that is still on at the end stays so.
        """
        moment, readings = utc(start), list[tuple[datetime, int | None]]()
        while moment < end:
            value = glucose(moment)
            readings.append((moment, None if value is None else _shown(value)))
            moment += EVERY
        before: tuple[datetime, int] | None = None
        for moment, reading in readings:
            if reading is None:
                continue
            rate = _rate(before, moment, reading)
            before = moment, reading
            uploaded_at = None if delay is None else moment + delay(moment)
            self.add_egv(
                moment,
                reading,
                trend=_trend(rate),
                trend_rate=None if rate is None else round(rate, 1),
                uploaded_at=uploaded_at,
            )
        for moment, name, state in self._alerts_of(readings):
            if name not in self.device_at(moment).lacks:
                uploaded_at = None if delay is None else moment + delay(moment)
                self.add_alert(name, moment, state=state, uploaded_at=uploaded_at)

    @property
    def alerts(self) -> list[Record]:
        """Every alert, uploaded or not, ordered by time."""
        return list(self._records["alert"])

    @property
    def egvs(self) -> list[Record]:
        """Every reading, uploaded or not, ordered by time."""
        return list(self._records["egv"])

    def window(self, kind: str, start: datetime, end: datetime, now: datetime) -> list[Record]:
        """Return the records of [start, end) that are there by now, the newest first."""
        records = self._records.get(kind, [])
        first = bisect_left(records, start, key=_AT)
        last = bisect_left(records, end, key=_AT)
        return [r for r in reversed(records[first:last]) if r.uploaded_at <= now]

    def span(
        self, kind: str, now: datetime, since: datetime | None = None
    ) -> tuple[Record, Record] | None:
        """Return the first and last record uploaded (since a time, by now); None if there is none."""

        def there(records: Iterable[Record]) -> Record | None:
            return next(
                (
                    r
                    for r in records
                    if r.uploaded_at <= now and (since is None or r.uploaded_at >= since)
                ),
                None,
            )

        records = self._records.get(kind, [])
        first, last = there(records), there(reversed(records))
        return None if first is None or last is None else (first, last)

    def last_upload(self, now: datetime) -> datetime | None:
        """Return when something was last uploaded; None if nothing ever was."""
        return max(
            (
                r.uploaded_at
                for records in self._records.values()
                for r in records
                if r.uploaded_at <= now
            ),
            default=None,
        )

    def _alerts_of(
        self, readings: Iterable[tuple[datetime, int | None]]
    ) -> Iterator[tuple[datetime, str, str]]:
        """Tell which alerts readings cause: alarming, at times snoozed, inactive at the end."""
        active: dict[str, tuple[datetime, bool]] = {}
        before: tuple[datetime, int] | None = None
        for moment, reading in readings:
            if reading is None:
                lost = before is not None and moment - before[0] >= self.thresholds.signal_loss
                # What glucose alerts there were stay: nothing is known that would end them.
                conditions = {*active} | ({"outOfRange"} if lost else set())
            else:
                conditions = self._conditions(reading, _rate(before, moment, reading))
                before = moment, reading
            for name in sorted(active.keys() - conditions):
                del active[name]
                yield moment, name, "inactive"
            for name in sorted(conditions - active.keys()):
                self._episodes += 1
                active[name] = moment, self._episodes % 2 == 0
                yield moment, name, "activeAlarming"
            for name, (since, will_snooze) in sorted(active.items()):
                if will_snooze and moment - since >= SNOOZE_AFTER:
                    active[name] = since, False
                    yield moment, name, "activeSnoozed"

    def _conditions(self, value: int, rate: float | None) -> set[str]:
        """Return the alerts for which a reading is a reason."""
        limits, rate = self.thresholds, rate or 0.0
        ahead = value + rate * limits.soon / timedelta(minutes=1)
        urgent = value <= limits.urgent_low
        reasons = {
            "urgentLow": urgent,
            "urgentLowSoon": not urgent and ahead <= limits.urgent_low,
            "low": value <= limits.low,
            "high": value >= limits.high,
            "rise": rate >= limits.rise,
            "fall": rate <= -limits.fall,
        }
        return {name for name, there in reasons.items() if there}

    def _shown_on(
        self, moment: datetime, display_device: str | None, time_style: TimeStyle | str | None
    ) -> Device:
        """Return the device that a record comes from."""
        device = self.device_at(utc(moment))
        if display_device is not None:
            device = replace(device, display_device=display_device)
        return device if time_style is None else replace(device, time_style=_style(time_style))

    def _add(
        self,
        kind: str,
        system_time: datetime,
        uploaded_at: datetime | None,
        device: Device,
        record_id: str | None,
        what: str,
        fields: dict[str, Any],
        changes: dict[str, Any],
        omit: Collection[str],
    ) -> dict[str, Any]:
        """Keep a record and return its fields."""
        at = device.style.exact(utc(system_time))
        system, display = device.style.write(at, self.zone)
        record_id = record_id or self._new_id(f"{self.user_id}/{kind}/{what}/{at.isoformat()}")
        record = {
            "recordId": record_id,
            "systemTime": system,
            "displayTime": display,
            **fields,
            **changes,
        }
        for name in omit:
            del record[name]
        uploaded_at = at + self.delay if uploaded_at is None else utc(uploaded_at)
        insort(self._records[kind], Record(at, uploaded_at, record), key=_AT)
        return record

    def _new_id(self, seed: str) -> str:
        """Return a record id that is the same whenever the same story is told."""
        new, number = str(uuid5(NAMESPACE_URL, seed)), 1
        while new in self._ids:
            number += 1
            new = str(uuid5(NAMESPACE_URL, f"{seed}/{number}"))
        self._ids.add(new)
        return new

    def _transmitter(self, since: datetime) -> str:
        """Return a transmitter's hashed id."""
        return sha256(f"{self.user_id}/{since.isoformat()}".encode()).hexdigest()


def _zone(utc_offset: timedelta | str | tzinfo) -> tzinfo:
    """Return the zone of an offset or a name."""
    match utc_offset:
        case str():
            return ZoneInfo(utc_offset)
        case timedelta():
            return timezone(utc_offset)
    return utc_offset


def _style(style: TimeStyle | str) -> TimeStyle:
    """Return a style by its name."""
    return TIME_STYLES[style] if isinstance(style, str) else style


def _shown(value: float) -> int:
    """Return a reading as the sensor reports it."""
    return min(max(round(value), LOW_VALUE), HIGH_VALUE)


def _rate(before: tuple[datetime, int] | None, moment: datetime, value: int) -> float | None:
    """Return the change in mg/dL/min since the last reading; None without a recent one."""
    if before is None or moment - before[0] > 2 * EVERY:
        return None
    return (value - before[1]) / ((moment - before[0]) / timedelta(minutes=1))


def _trend(rate: float | None) -> str:
    """Return the arrow for a rate."""
    if rate is None:
        return "none"
    names = (("flat", 1), ("fortyFive", 2), ("single", 3), ("double", 8))
    name = next((name for name, limit in names if abs(rate) <= limit), "rateOutOfRange")
    return name if name in ("flat", "rateOutOfRange") else name + ("Up" if rate > 0 else "Down")
