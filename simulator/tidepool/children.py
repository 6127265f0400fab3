"""The people followed: what they share, their readings and when these reach the server."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from random import Random
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

import orjson

from ..clock import Clock, utc
from . import settings
from .accounts import Account, made_up_id
from .settings import Document

MG_DL_PER_MMOL_L = 18.01559
LOOP = "org.tidepool.Loop"
"""`origin.name` of what the phone uploads as it happens."""
DEXCOM_CLOUD = "Dexcom's cloud"
"""Where a record comes from that Tidepool fetched from Dexcom's servers, hours later.

Its `origin` has no name, only an id; `deviceId` begins with Dexcom and `payload` bears Dexcom's own fields.
"""
CLOUD_INTERVAL = timedelta(hours=2)
"""How often Tidepool asks Dexcom."""
CADENCE = timedelta(minutes=5)
LOWEST, HIGHEST = 40, 400
"""What the sensor can measure (mg/dL); beyond it says LOW or HIGH."""

type Spans = Iterable[tuple[datetime, datetime]]
"""Stretches of time, the end not included."""

_TRENDS = (
    (-3.0, "rapidFall"),
    (-2.0, "moderateFall"),
    (-1.0, "slowFall"),
    (1.0, "constant"),
    (2.0, "slowRise"),
    (3.0, "moderateRise"),
)
"""Up to which change (mg/dL a minute) a trend goes."""


@dataclass(slots=True, kw_only=True)
class Uploader:
    """An app on somebody's phone that uploads, and how its records speak of it: what is None they leave out.

    `data_set`: all that it uploads is in one, or in a new one for each upload. `clock_ahead`: how far its phone's clock is ahead of
    the simulator's (negative: behind), from now on.
    """

    origin: str | None = None
    version: str | None = None
    device_id: str | None = None
    data_set: str = "one"
    one_data_set: bool = True
    clock_ahead: timedelta = timedelta(0)

    def fields(self, child: Child, time: datetime, uploaded_at: datetime) -> dict[str, Any]:
        """Return the fields of a record that say who sent it."""
        data_set = self.data_set if self.one_data_set else f"{self.data_set} {stamp(uploaded_at)}"
        name = f"{child.user_id}/{self.origin}/{self.version}/{data_set}"
        origin = {
            "id": str(uuid5(NAMESPACE_URL, f"origin/{name}/{stamp(time)}")),
            "name": self.origin,
            "version": self.version,
        }
        return {
            "deviceId": self.device_id,
            "uploadId": uuid5(NAMESPACE_URL, f"upload/{name}").hex,
            "origin": {key: value for key, value in origin.items() if value is not None},
        }


def xdrip(**more: Any) -> Uploader:
    """Return xDrip+: its records have no device, and of an origin only an id."""
    return Uploader(**more | {"data_set": more.get("data_set", "xDrip+")})


def aaps(**more: Any) -> Uploader:
    """Return AAPS: as xDrip+, with a new data set for every upload."""
    return Uploader(**more | {"data_set": more.get("data_set", "AAPS"), "one_data_set": False})


def old_loop(**more: Any) -> Uploader:
    """Return a Loop of before it named devices."""
    return Uploader(**{"origin": LOOP, "version": "2.2.9", "data_set": "Loop"} | more)


@dataclass(slots=True)
class Record:
    """A record of somebody's data, and when the server has it."""

    time: datetime
    uploaded_at: datetime
    type: str
    device_id: str
    origin: str
    fields: dict[str, Any]
    """What is particular to this record."""
    make: Callable[[Record], dict[str, Any]] = field(repr=False)
    replaced_at: datetime | None = None
    """When the server has another version of it; None: never."""
    _encoded: bytes | None = None

    @property
    def body(self) -> dict[str, Any]:
        """The record as it is sent."""
        content: dict[str, Any] = orjson.loads(self.encoded)
        return content

    @property
    def encoded(self) -> bytes:
        """The record as it is sent, encoded once."""
        if self._encoded is None:
            self._encoded = orjson.dumps(self.make(self))
        return self._encoded


class Child:
    """Somebody whose data others follow."""

    def __init__(
        self,
        name: str,
        clock: Clock,
        *,
        user_id: str | None = None,
        full_name: str | None = None,
        other_person: bool = False,
        live: bool = True,
        delay: timedelta | None = None,
        jitter: timedelta = timedelta(seconds=20),
        units: str = "mg/dL",
        timezone: str = "UTC",
        seed: int = 0,
    ) -> None:
        """Begin without data, shared with nobody.

        `full_name` is the account's name; with `other_person` the account is a parent's and the child's
        name stands in `patient.fullName`. `live`: records are there `delay` (none) after their time, those of
        a feed up to `jitter` later; else Tidepool fetches them from Dexcom every two hours, `delay` (one hour)
        after their time at the earliest. `units`: what the person has chosen to read.
        """
        self.name = name
        self.user_id = user_id or made_up_id(name)
        self.other_person = other_person
        self.full_name = full_name or (f"Parent of {name}" if other_person else name)
        self.username = f"{self.user_id}@example.com"
        self.live = live
        self.delay = timedelta(hours=0 if live else 1) if delay is None else delay
        self.jitter = jitter
        self.units = units
        self.timezone = ZoneInfo(timezone)
        self.seed = seed
        self.device_id = f"{'DexG7' if live else 'DexcomG7'}_{self.user_id}"
        self.extra: dict[str, Any] = {}
        """Further fields of the list of people."""
        self._clock = clock
        self._sharing: dict[str, list[tuple[datetime, tuple[str, ...]]]] = {}
        self._settings: dict[str, Document] = {}
        self._recorded: list[Record] = []
        self._feeds: list[Callable[[], Iterator[Record]]] = []

    @property
    def display_name(self) -> str:
        """The name to show: the child's own."""
        return self.name if self.other_person else self.full_name

    # What is shared.

    @property
    def permissions(self) -> dict[str, tuple[str, ...]]:
        """What is granted now, by the follower's user id."""
        now = self._clock.now()
        granted = {
            user_id: next((names for at, names in reversed(changes) if at <= now), ())
            for user_id, changes in self._sharing.items()
        }
        return {user_id: names for user_id, names in granted.items() if names}

    def share_with(
        self,
        account: Account,
        permissions: Iterable[str] = ("view", "follow"),
        at: datetime | None = None,
    ) -> None:
        """Let somebody follow (now, or from a time to come)."""
        self.change_permissions(account, permissions, at)

    def change_permissions(
        self, account: Account, permissions: Iterable[str], at: datetime | None = None
    ) -> None:
        """Grant these and no others; of two changes at one time the later call holds."""
        change = (utc(at or self._clock.now()), tuple(permissions))
        insort(self._sharing.setdefault(account.user_id, []), change, key=lambda change: change[0])

    def stop_sharing(self, account: Account, at: datetime | None = None) -> None:
        """Let somebody follow no more; their settings stay."""
        self.change_permissions(account, (), at)

    def grants(self, account: Account, permission: str) -> bool:
        """Return whether somebody has a permission."""
        return permission in self.permissions.get(account.user_id, ())

    def settings_of(self, account: Account) -> Document | None:
        """Return a follower's stored alerts, without the ids and without minutes that are 0; None: none."""
        stored = self._settings.get(account.user_id)
        return None if stored is None else settings.shown(stored)

    def set_settings(self, account: Account, document: Mapping[str, Any] | None) -> None:
        """Put a follower's alerts into the store, past all checks; None: take them away."""
        if document is None:
            self._settings.pop(account.user_id, None)
        else:
            self._settings[account.user_id] = settings.shown(document)

    def merge_settings(self, account: Account, alerts: Document) -> None:
        """Replace the alerts given, whole; keep the others."""
        self._settings.setdefault(account.user_id, {}).update(alerts)

    # Data.

    def upload_id(self, origin: str) -> str:
        """Return the id of the data set that everything of an origin is in."""
        return uuid5(NAMESPACE_URL, f"upload/{self.user_id}/{origin}").hex

    @property
    def records(self) -> list[Record]:
        """Everything there is and will be, oldest first."""
        return list(self._records)

    @property
    def _records(self) -> list[Record]:
        """Everything; what was to be measured is, now that somebody looks."""
        if self._feeds:
            measured = chain.from_iterable(feed() for feed in self._feeds)
            self._recorded = sorted([*self._recorded, *measured], key=_time)
            self._feeds.clear()
        return self._recorded

    def readings_visible(self, now: datetime) -> list[dict[str, Any]]:
        """Return the glucose readings that the server has at a time, oldest first, as it sends them."""
        return [
            record.body
            for record in self._records
            if record.type in ("cbg", "smbg") and record.uploaded_at <= now
        ]

    def add_reading(
        self,
        time: datetime,
        mmol_l: float,
        *,
        type: str = "cbg",
        trend: str | None = None,
        uploaded_at: datetime | None = None,
        device_id: str | None = None,
        origin: str | None = None,
        annotations: list[dict[str, Any]] | None = None,
        backfilled: bool = False,
        by: Uploader | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Record:
        """Add a glucose reading, exactly as given; `extra`: further fields, None leaves one out.

        `by`: who uploads it, and whose clock dates it.
        """
        if by:
            uploaded_at = self._uploaded(time) if uploaded_at is None else uploaded_at
            time = utc(time) + by.clock_ahead
            extra = by.fields(self, time, utc(uploaded_at)) | dict(extra or {})
        fields: dict[str, Any] = {"value": mmol_l, "units": "mmol/L"}
        if type == "smbg":
            fields["subType"] = "manual"
        if trend is not None:
            fields["trend"] = trend
        if annotations is not None:
            fields["annotations"] = annotations
        if backfilled:
            fields["backfilled"] = True
        return self.add_record(
            type,
            time,
            fields | dict(extra or {}),
            uploaded_at=uploaded_at,
            device_id=device_id,
            origin=origin,
        )

    def add_loop_decision(
        self,
        time: datetime,
        uploaded_at: datetime | None = None,
        reason: str = "loop",
    ) -> Record:
        """Add what a loop decided (or, with another reason, a person)."""
        return self.add_record(
            "dosingDecision", time, _decision(reason), uploaded_at=uploaded_at, device_id=LOOP
        )

    def add_device_alert(
        self,
        issued: datetime,
        name: str = "CGM.lowGlucose",
        *,
        acknowledged: datetime | None = None,
        retracted: datetime | None = None,
        late: timedelta = timedelta(0),
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Have the person's own device alarm: a record, and other versions of it once it was acknowledged and retracted.

        `late`: how long each version needs to the server, beside the child's delay; `extra`: further fields.
        """
        fields: dict[str, Any] = {
            "id": uuid5(NAMESPACE_URL, f"alert/{self.user_id}/{name}/{issued.isoformat()}").hex,
            "name": name,
            "priority": "timeSensitive",
            "trigger": "immediate",
            "sound": "name",
            "soundName": "Gong",
            "issuedTime": stamp(issued),
        }
        said = {"acknowledgedTime": acknowledged, "retractedTime": retracted}
        before: Record | None = None
        for at in sorted({issued, *(one for one in said.values() if one)}):
            known = {key: stamp(one) for key, one in said.items() if one and one <= at}
            record = self.add_record(
                "alert",
                issued,
                fields | known | dict(extra or {}),
                uploaded_at=self._uploaded(at) + late,
            )
            if before:
                before.replaced_at = record.uploaded_at
            before = record

    def add_record(
        self,
        type: str,
        time: datetime,
        fields: Mapping[str, Any],
        *,
        uploaded_at: datetime | None = None,
        device_id: str | None = None,
        origin: str | None = None,
    ) -> Record:
        """Add a record of any type; a field that is None is left out."""
        time = _millisecond(time)
        record = Record(
            time,
            self._uploaded(time) if uploaded_at is None else utc(uploaded_at),
            type,
            device_id or self.device_id,
            origin or (LOOP if self.live else DEXCOM_CLOUD),
            dict(fields),
            self._body,
        )
        insort(self._records, record, key=_time)
        return record

    def feed(
        self,
        glucose: Callable[[datetime], float],
        start: datetime,
        end: datetime,
        every: timedelta = CADENCE,
        gaps: Spans = (),
        loop: bool = True,
        *,
        offline: Spans = (),
        batch: timedelta | None = None,
        youngest: timedelta = timedelta(0),
        by: Uploader | None = None,
    ) -> None:
        """Wear a sensor from `start` to `end` (not included) over a curve in mmol/L, a reading `every` so often.

        Within `gaps` the sensor is silent and nothing loops; what falls in a span of `offline` is uploaded
        when that is over, readings marked as backfilled. With `loop` a decision follows 8 s after each reading.
        `batch`: all there is is uploaded so often, counted from `start`, else each reading as it is made; `youngest`:
        nothing younger is uploaded; `by`: the app that does it.
        """
        measure = partial(
            self._measure,
            glucose,
            _millisecond(start),
            utc(end),
            every,
            tuple(gaps),
            tuple(offline),
        )
        self._feeds.append(partial(measure, loop=loop, batch=batch, youngest=youngest, by=by))

    def _measure(
        self,
        glucose: Callable[[datetime], float],
        start: datetime,
        end: datetime,
        every: timedelta,
        gaps: Spans,
        offline: Spans,
        *,
        loop: bool,
        batch: timedelta | None,
        youngest: timedelta,
        by: Uploader | None,
    ) -> Iterator[Record]:
        """Iterate over what a feed records."""
        random = Random(f"{self.seed}/{self.user_id}/{start.isoformat()}")
        jitter = self.jitter.total_seconds()
        minutes = every.total_seconds() / 60
        time, before = start, None
        sent, late = start - every, timedelta(0)
        while time < end:
            ready = time + youngest
            if batch:
                ready = start - (start - ready) // batch * batch
            if ready != sent:
                # One upload takes as long for all that is in it.
                sent, late = ready, timedelta(seconds=random.random() * jitter)
            if _within(time, gaps) is None:
                mmol_l = glucose(time)
                over = _within(time, offline)
                uploaded = self._uploaded(sent, late) if over is None else utc(over) + late
                rate = 0.0 if before is None else (mmol_l - before) / minutes
                record = self._measured(time, uploaded, mmol_l, rate, over is not None)
                record.fields["sampleInterval"] = int(every.total_seconds() * 1000)
                if by:
                    record.time += by.clock_ahead
                    record.fields |= by.fields(self, record.time, uploaded)
                yield record
                if loop:
                    decided = time + timedelta(seconds=8)
                    yield self._decided(decided, max(uploaded, decided))
                before = mmol_l
            else:
                before = None
            time += every

    def matching(
        self,
        now: datetime,
        *,
        start: datetime | None,
        end: datetime | None,
        types: Collection[str] | None,
        cbg_filter: bool,
    ) -> Iterator[Record]:
        """Iterate over what the server has now of a window (both ends included), oldest first.

        `cbg_filter` hides what others measured while Dexcom's cloud did too.
        """
        records = self._records
        first = 0 if start is None else bisect_left(records, start, key=_time)
        last = len(records) if end is None else bisect_right(records, end, key=_time)
        hidden = self._cloud_range(now) if cbg_filter else None
        for record in records[first:last]:
            if record.uploaded_at > now or (types is not None and record.type not in types):
                continue
            if record.replaced_at and record.replaced_at <= now:
                continue
            if (
                hidden
                and record.type == "cbg"
                and record.origin != DEXCOM_CLOUD
                and hidden[0] <= record.time <= hidden[1]
            ):
                continue
            yield record

    def _cloud_range(self, now: datetime) -> tuple[datetime, datetime] | None:
        """Return from when to when Dexcom's cloud has readings."""

        def cloudy(record: Record) -> bool:
            return (
                record.type == "cbg" and record.origin == DEXCOM_CLOUD and record.uploaded_at <= now
            )

        if not any(record.origin == DEXCOM_CLOUD for record in self._records):
            return None
        first = next(filter(cloudy, self._records), None)
        last = next(filter(cloudy, reversed(self._records)), None)
        return None if first is None or last is None else (first.time, last.time)

    def _uploaded(self, time: datetime, late: timedelta = timedelta(0)) -> datetime:
        """Return when a record of a time reaches the server."""
        ready = time + self.delay
        if self.live:
            return ready + late
        asked = -((datetime.min.replace(tzinfo=UTC) - ready) // CLOUD_INTERVAL)
        return datetime.min.replace(tzinfo=UTC) + asked * CLOUD_INTERVAL + late

    def _measured(
        self, time: datetime, uploaded: datetime, mmol_l: float, rate: float, backfilled: bool
    ) -> Record:
        """Return a sensor's reading: a whole number of mg/dL, LOW and HIGH at its ends."""
        fields: dict[str, Any] = {"units": "mmol/L"}
        mg_dl = round(mmol_l * MG_DL_PER_MMOL_L)
        if mg_dl < LOWEST:
            mg_dl = LOWEST - 1
            fields["annotations"] = [out_of_range("low", LOWEST)]
        elif mg_dl > HIGHEST:
            mg_dl = HIGHEST + 1
            fields["annotations"] = [out_of_range("high", HIGHEST)]
        fields["value"] = round(mg_dl / MG_DL_PER_MMOL_L, 5)
        change = rate * MG_DL_PER_MMOL_L
        fields["trend"] = next((name for most, name in _TRENDS if change <= most), "rapidRise")
        fields["trendRate"] = round(rate, 4)
        fields["trendRateUnits"] = "mmol/L/minute"
        if backfilled:
            fields["backfilled"] = True
        return Record(
            time,
            uploaded,
            "cbg",
            self.device_id,
            LOOP if self.live else DEXCOM_CLOUD,
            fields,
            self._body,
        )

    def _decided(self, time: datetime, uploaded: datetime) -> Record:
        """Return a loop's decision."""
        return Record(time, uploaded, "dosingDecision", LOOP, LOOP, _decision("loop"), self._body)

    def _body(self, record: Record) -> dict[str, Any]:
        """Return a record as it is sent."""
        time = record.time
        local = time.astimezone(self.timezone)
        offset = local.utcoffset() or timedelta(0)
        # Two of one time are two: a clock that was set tells some times again.
        key = "/".join(
            (
                self.user_id,
                record.type,
                record.device_id,
                str(record.fields.get("uploadId")),
                time.isoformat(),
                record.uploaded_at.isoformat(),
            )
        )
        cloud = record.origin == DEXCOM_CLOUD
        body: dict[str, Any] = {
            "type": record.type,
            "id": uuid5(NAMESPACE_URL, key).hex,
            "time": stamp(time),
            "deviceTime": local.strftime("%Y-%m-%dT%H:%M:%S"),
            "timezoneOffset": int(offset.total_seconds() // 60),
            "deviceId": record.device_id,
            "uploadId": self.upload_id(record.origin),
            "origin": {"id": str(uuid5(NAMESPACE_URL, f"origin/{key}"))},
        }
        if cloud:
            body["payload"] = {
                "systemTime": stamp(time),
                "displayTime": local.isoformat(),
                "transmitterGeneration": "g7",
                "displayDevice": "iOS",
            }
        else:
            body["guid"] = str(uuid5(NAMESPACE_URL, f"guid/{key}"))
            body["origin"] |= {
                "name": record.origin,
                "time": stamp(time),
                "type": "application",
                "version": "3.4.1",
            }
        return {name: value for name, value in (body | record.fields).items() if value is not None}


def out_of_range(value: str, threshold: float) -> dict[str, Any]:
    """Return the annotation of a reading that says only LOW or HIGH; `threshold` in mg/dL."""
    return {"code": "bg/out-of-range", "value": value, "threshold": threshold}


def stamp(moment: datetime) -> str:
    """Return a time as Tidepool writes it."""
    return (
        moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
    )


def _decision(reason: str) -> dict[str, Any]:
    """Return what a decision says."""
    return {
        "reason": reason,
        "insulinOnBoard": {"amount": 1.25},
        "carbsOnBoard": {"amount": 12.0},
        "recommendedBasal": {"rate": 0.35, "duration": 1_800_000},
        "units": {"bg": "mmol/L", "carb": "grams", "insulin": "Units"},
    }


def _within(time: datetime, spans: Spans) -> datetime | None:
    """Return when the span that a time lies in is over, or None."""
    return next((end for start, end in spans if start <= time < end), None)


def _millisecond(moment: datetime) -> datetime:
    """Return a time as exact as it is sent."""
    moment = utc(moment)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _time(record: Record) -> datetime:
    """Return what records are sorted by."""
    return record.time
