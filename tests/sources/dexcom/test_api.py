"""Dexcom's API as the client asks it and reads it: its times in every form, and the simulator over HTTP."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
import re
from typing import Any

from aiohttp import ClientSession
from hypothesis import example, given, settings, strategies as st
import orjson
import pytest

from custom_components.care_alerts.alerts.tolerant import UNREADABLE
from custom_components.care_alerts.sources.dexcom.api import (
    LONGEST_WINDOW,
    DataRange,
    DexcomAlert,
    DexcomClient,
    MadeFor,
    instant,
    windows,
)
from custom_components.care_alerts.sources.http import (
    LoginEndedError,
    RefusedError,
    UnexpectedAnswerError,
    base_url,
)
from custom_components.care_alerts.sources.parsing import snake_case
from simulator import CATALOGUE, Fault, Simulator
from simulator.dexcom import TIME_STYLES, Wearer
from simulator.faults import body
from tests.conftest import NOON

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def at(clock: str, day: int = 3) -> datetime:
    """A time in February 2021, UTC."""
    return datetime.fromisoformat(f"2021-02-{day:02d}T{clock}+00:00")


# Times.


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        # A receiver's: systemTime is UTC.
        ("2021-02-03T14:15:59", at("14:15:59")),
        ("2021-02-03T14:15", at("14:15:00")),
        ("2021-02-03T14:15:59.5", at("14:15:59.500000")),
        # A phone's.
        ("2021-02-03T14:15:59Z", at("14:15:59")),
        ("2021-02-03T14:15Z", at("14:15:00")),
        ("2021-02-03T14:15-08:00", at("22:15:00")),
        ("2021-02-03T14:15:59-08", at("22:15:59")),
        ("2021-02-03T14:15:59-0800", at("22:15:59")),
        ("2021-02-03T14:15:59-08:00", at("22:15:59")),
        ("2021-02-03T14:15:59+05:30", at("08:45:59")),
        ("2021-02-03T00:15:59+14:00", at("10:15:59", 2)),
        ("2021-02-03T14:15:59+00:00", at("14:15:59")),
        ("2021-02-03T14:15:59-00:00", at("14:15:59")),
        # Seen in samples and in real data.
        ("2021-02-03T14:15:59-06:59:59", at("21:15:58")),
        ("2021-02-03T14:15:59-06:59:58", at("21:15:57")),
        ("2021-02-03T14:15:59+08:00:01", at("06:15:58")),
        ("2021-02-03T14:15:59.1Z", at("14:15:59.100000")),
        ("2021-02-03T14:15:59.123Z", at("14:15:59.123000")),
        ("2021-02-03T14:15:59.123456-06:59:59", at("21:15:58.123456")),
        ("2021-02-03T14:15:59.123456789Z", at("14:15:59.123456")),
        ("2021-02-03T23:59:59.999999999Z", at("23:59:59.999999")),
        # Tidepool's importer reads a space for the T.
        ("2021-02-03 14:15:59", at("14:15:59")),
        ("2021-02-03 14:15", at("14:15:00")),
        ("2021-02-03 14:15:59Z", at("14:15:59")),
        ("2021-02-03 14:15:59.123-06:59:59", at("21:15:58.123000")),
    ],
)
def test_every_form_of_time_that_was_met(told: str, meant: datetime) -> None:
    assert instant(told) == meant
    assert instant(told).utcoffset() == timedelta()


@pytest.mark.parametrize(
    "told",
    [
        None,
        True,
        1612361759,
        1612361759.5,
        b"2021-02-03T14:15:59Z",
        [],
        {},
        "",
        "now",
        "2021-02-03",
        "2021-02-03T14",
        "2021-02-03T14Z",
        "2021-02-03  14:15:59",
        "2021-02-03\t14:15:59",
        "2021-02-03_14:15:59",
        "2021-02-03 ",
        "2021-02-03t14:15:59z",
        "20210203T141559Z",
        "2021-W05-3T14:15:59Z",
        "2021-034T14:15:59Z",
        "2021-02-03T14:15:59,5Z",
        "2021-02-03T14:15:59.Z",
        "2021-02-03T14:15.5Z",
        "2021-02-03T14:15:59.1234567890Z",
        "2021-02-03T14:15:59 Z",
        "2021-02-03T14:15:59Z\n",
        " 2021-02-03T14:15:59Z",
        "2021-02-03T14:15:59Z+01:00",
        "2021-02-03T14:15:59-6",
        "2021-02-03T14:15:59-06:59:59:59",
        "2021-02-03T14:15:59+0530:30",
        "2021-02-03T14:15:59-06:59:59.5",
        "2021-02-29T14:15:59Z",
        "2021-13-01T14:15:59Z",
        "2021-00-01T14:15:59Z",
        "2021-02-03T25:15:59Z",
        "2021-02-03T14:60:59Z",
        "2021-02-03T14:15:60Z",
        # What Python would make six hours and more of.
        "2021-02-03T14:15:59+05:60",
        "2021-02-03T14:15:59+05:99",
        "2021-02-03T14:15:59-06:00:60",
        "2021-02-03T14:15:59+0599",
        "2021-02-03T14:15:59+24:00",
        "2021-02-03T14:15:59+99",
        "٢٠٢١-02-03T14:15:59Z",
        # Nobody's devices knew this API then, or will.
        "0001-01-01T00:00:00+01:00",
        "1970-01-01T00:00:00Z",
        "2100-01-01T00:00:00Z",
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_what_is_no_time_is_unreadable(told: Any) -> None:
    with pytest.raises(UNREADABLE):
        instant(told)


@dataclass(frozen=True)
class WrittenTime:
    """A text and the instant it was made from."""

    text: str
    meant: datetime


@st.composite
def written_times(draw: st.DrawFn) -> WrittenTime:
    """An instant, written in any of Dexcom's forms."""
    clock = draw(
        st.datetimes(datetime(2001, 1, 3), datetime(2099, 12, 29), timezones=st.just(UTC))  # noqa: DTZ001
    )
    digits = draw(st.one_of(st.none(), st.integers(0, 9)))
    if digits is None:
        clock = clock.replace(second=0, microsecond=0)
    elif digits < 6:
        step = 10 ** (6 - digits)
        clock = clock.replace(microsecond=clock.microsecond // step * step)
    form = draw(st.sampled_from(["", "Z", "hh", "hhmm", "hh:mm", "hhmmss", "hh:mm:ss"]))
    parts = {
        name: draw(st.integers(0, highest)) if name in form else 0
        for name, highest in (("hh", 23), ("mm", 59), ("ss", 59))
    }
    offset = timedelta(hours=parts["hh"], minutes=parts["mm"], seconds=parts["ss"])
    text = clock.strftime(f"%Y-%m-%d{draw(st.sampled_from('T '))}%H:%M")
    if digits is not None:
        text += clock.strftime(":%S")
    if digits:
        beyond = draw(st.integers(0, 999))
        text += f".{f'{clock.microsecond:06d}{beyond:03d}'[:digits]}"
    if form in ("", "Z"):
        return WrittenTime(text + form, clock)
    for name, value in parts.items():
        form = form.replace(name, f"{value:02d}")
    if draw(st.booleans()):
        return WrittenTime(f"{text}+{form}", clock - offset)
    return WrittenTime(f"{text}-{form}", clock + offset)


@settings(max_examples=600, deadline=None)
@given(written_times())
@example(WrittenTime("2021-02-03T14:15:59-06:59:59", at("21:15:58")))
def test_a_time_in_any_form_is_the_instant_it_was_made_from(written: WrittenTime) -> None:
    assert instant(written.text) == written.meant


_CAREFUL = re.compile(
    r"""([0-9]{4})-([0-9]{2})-([0-9]{2})[T\ ]([0-9]{2}):([0-9]{2})
    (?: :([0-9]{2}) (?: \.([0-9]{1,9}) )? )?
    (?: (Z) | ([+-])([0-9]{2}) (?: ([0-9]{2})([0-9]{2})? | :([0-9]{2})(?: :([0-9]{2}))? )? )?""",
    re.VERBOSE,
)


def carefully(text: str) -> datetime | None:
    """The instant a text means if it is read figure by figure; None if it means none."""
    match = _CAREFUL.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute = (int(match[group]) for group in range(1, 6))
    second, fraction = int(match[6] or 0), int((match[7] or "").ljust(9, "0")[:6])
    offset_minute = int(match[11] or match[13] or 0)
    offset_second = int(match[12] or match[14] or 0)
    at_midnight = hour == 24 and not (minute or second or fraction)
    if offset_minute > 59 or offset_second > 59 or (hour > 23 and not at_midnight):
        return None
    offset = timedelta(hours=int(match[10] or 0), minutes=offset_minute, seconds=offset_second)
    try:
        moment = datetime(year, month, day, hour % 24, minute, second, fraction, UTC)
        if at_midnight:
            moment += DAY
        return moment + (offset if match[9] == "-" else -offset)
    except ValueError, OverflowError:
        return None


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """A time with some of its characters changed, taken out, doubled or added."""
    text = draw(written_times()).text
    for _ in range(draw(st.integers(1, 4))):
        where = draw(st.integers(0, max(len(text) - 1, 0)))
        new = draw(st.one_of(st.sampled_from("0123456789-+:.TZ"), st.characters()))
        match draw(st.sampled_from(["change", "take", "add", "cut"])):
            case "change":
                text = text[:where] + new + text[where + 1 :]
            case "take":
                text = text[:where] + text[where + 1 :]
            case "add":
                text = text[:where] + new + text[where:]
            case "cut":
                text = text[:where] + text[where + draw(st.integers(1, 6)) :]
    return text


@settings(max_examples=1000, deadline=None)
@given(
    st.one_of(
        spoilt(),
        spoilt(),
        # Right in its form, out of any bounds.
        st.from_regex(_CAREFUL, fullmatch=True),
        st.text("0123456789-+:.TZ", max_size=35),
        st.text(max_size=35),
    )
)
@example("2021-02-03T24:00:00Z")
@example("2021-02-03T14:15+05:60")
def test_no_text_is_ever_read_as_a_wrong_instant(text: str) -> None:
    try:
        read = instant(text)
    except UNREADABLE:
        return
    assert read == carefully(text)


@pytest.mark.parametrize("style", TIME_STYLES)
async def test_every_style_of_the_devices_comes_through_the_wire(
    sim: Simulator, wearer: Wearer, client: DexcomClient, style: str
) -> None:
    observed = NOON - timedelta(hours=2, minutes=3, seconds=7.123456)
    wearer.add_alert("low", observed, time_style=style)
    (alert,) = (await client.alerts(NOON - DAY, NOON)).records
    assert alert.system_time == TIME_STYLES[style].exact(observed)


# Windows.


@settings(max_examples=300, deadline=None)
@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.timedeltas(-DAY, timedelta(days=400)),
)
@example(NOON, timedelta(days=30))
@example(NOON.replace(microsecond=700_000), timedelta(days=30))
def test_windows_cover_a_stretch_of_time_exactly(start: datetime, length: timedelta) -> None:
    end = start + length
    found = list(windows(start, end))

    for begin, until in found:
        assert begin.microsecond == until.microsecond == 0
        assert timedelta() < until - begin <= LONGEST_WINDOW
    assert all(one[1] == later[0] for one, later in pairwise(found))
    if found:
        assert start - SECOND < found[0][0] <= start
        # The second that has only begun is the next window's.
        assert end - SECOND < found[-1][1] <= end
        # None for nothing: a stretch that fits is one request.
        assert len(found) == -(-(found[-1][1] - found[0][0]) // LONGEST_WINDOW)
    else:
        assert length < SECOND


# The client and the simulator.


@dataclass
class Login:
    """A wearer's tokens, and how often they were asked for."""

    sim: Simulator
    wearer: Wearer
    token: str = ""
    asked: int = 0
    refused: list[str] = field(default_factory=list)

    async def access_token(self) -> str:
        """The token there is."""
        self.asked += 1
        return self.token

    async def renewed_token(self, refused: str) -> str:
        """A new one."""
        self.refused.append(refused)
        self.token = self.sim.dexcom.grant(self.wearer)["access_token"]
        return self.token


@pytest.fixture
def wearer(sim: Simulator) -> Wearer:
    """Somebody with a G7."""
    return sim.dexcom.add_wearer("ana")


@pytest.fixture
def login(sim: Simulator, wearer: Wearer) -> Login:
    """The wearer's login."""
    return Login(sim, wearer, sim.dexcom.grant(wearer)["access_token"])


@pytest.fixture
async def client(sim: Simulator, login: Login) -> AsyncGenerator[DexcomClient]:
    """A client for the wearer."""
    async with ClientSession() as session:
        yield DexcomClient(
            session, base_url(sim.dexcom.url), login.access_token, login.renewed_token
        )


def _answer(records: object) -> Fault:
    return body(orjson.dumps({"recordType": "alert", "recordVersion": "3.0", "records": records}))


def _alert(**changes: Any) -> dict[str, Any]:
    return {
        "recordId": "6b6c5b6e-0000-4000-8000-000000000001",
        "systemTime": "2026-11-18T10:00:00Z",
        "displayTime": "2026-11-18T02:00:00-08:00",
        "alertName": "low",
        "alertState": "activeAlarming",
        "displayDevice": "iOS",
        "transmitterGeneration": "g7",
        "transmitterGenerationVariant": "g7",
        "transmitterId": "",
        "displayApp": "G7",
    } | changes


def _egv(**changes: Any) -> dict[str, Any]:
    return _alert(value=62, unit="mg/dL", trend="flat", status=None, trendRate=0.1) | changes


async def test_alerts_as_they_are_asked_for_and_read(
    sim: Simulator, wearer: Wearer, login: Login, client: DexcomClient
) -> None:
    observed = NOON - 2 * HOUR
    sent = wearer.add_alert("urgentLow", observed, state="activeSnoozed")
    here = timezone(timedelta(hours=-8))

    answer = await client.alerts((NOON - DAY).astimezone(here), NOON.astimezone(here))

    (alert,) = answer.records
    assert answer.unreadable == 0
    assert alert == DexcomAlert(
        sent["recordId"],
        observed,
        "urgentLow",
        "activeSnoozed",
        sent,
    )
    assert alert.other == {
        "display_time": "2026-11-18T02:00:00-08:00",
        "display_device": "iOS",
        "transmitter_generation": "g7",
        "transmitter_generation_variant": "g7",
        "transmitter_id": sent["transmitterId"],
        "display_app": "G7",
    }
    (request,) = sim.requests("dexcom.alerts")
    assert request.method == "GET"
    assert request.path == "/dexcom/v3/users/self/alerts"
    assert request.query == {"startDate": "2026-11-17T12:00:00", "endDate": "2026-11-18T12:00:00"}
    assert request.headers["authorization"] == f"Bearer {login.token}"


async def test_a_window_is_half_open_and_at_most_thirty_days(
    sim: Simulator, wearer: Wearer, client: DexcomClient
) -> None:
    start, end = NOON - timedelta(days=30), NOON - 2 * HOUR
    for moment in (start - SECOND, start, end - SECOND, end):
        wearer.add_alert("high", moment)

    answer = await client.alerts(start, end)

    assert sorted(alert.system_time for alert in answer.records) == [start, end - SECOND]
    with pytest.raises(RefusedError) as caught:
        await client.alerts(NOON - timedelta(days=31), NOON)
    assert (caught.value.status, caught.value.code) == (400, "invalid_request")


async def test_what_is_known_is_left_out(sim: Simulator, client: DexcomClient) -> None:
    known = [_alert(recordId="first"), _alert(recordId="second", alertName=7)]
    sim.faults.add(
        "dexcom.alerts", _answer([*known, _alert(recordId="third"), _alert(recordId=[])])
    )
    answer = await client.alerts(NOON - DAY, NOON, known={"first", "second"})
    assert [alert.record_id for alert in answer.records] == ["third"]
    assert answer.unreadable == 1


@pytest.mark.parametrize("kind", ["alerts", "egvs"])
async def test_records_outside_the_window_are_dropped(
    sim: Simulator, wearer: Wearer, client: DexcomClient, kind: str
) -> None:
    sim.dexcom.sloppy = True
    start, end = NOON - 6 * HOUR, NOON - 2 * HOUR
    for minutes in range(-30, 271, 5):
        wearer.add_alert("high", start + timedelta(minutes=minutes))
        wearer.add_egv(start + timedelta(minutes=minutes), 300)

    records: list[Any] = (await getattr(client, kind)(start, end)).records

    assert {one.system_time for one in records} == {
        start + timedelta(minutes=minutes) for minutes in range(0, 240, 5)
    }
    # The simulator did send some of them twice: telling them apart is the ledger's.
    assert len(records) > 48


async def test_what_a_newer_api_sends_passes_through(sim: Simulator, client: DexcomClient) -> None:
    record = _alert(
        alertName="signalLossSoon", alertState="paused", displayDevice="ring", mood={"a": [1]}
    )
    sim.faults.add("dexcom.alerts", _answer([record]))
    (alert,) = (await client.alerts(NOON - DAY, NOON)).records
    assert (alert.alert_name, alert.alert_state) == ("signalLossSoon", "paused")
    assert alert.other["display_device"] == "ring"
    assert alert.other["mood"] == {"a": [1]}


async def test_the_samples_of_the_documentation_may_say_alerts(
    sim: Simulator, wearer: Wearer, client: DexcomClient
) -> None:
    sim.dexcom.plural_record_types = True
    wearer.add_alert("low", NOON - 2 * HOUR)
    assert len((await client.alerts(NOON - DAY, NOON)).records) == 1


@pytest.mark.parametrize(
    "omitted",
    [
        ["displayApp"],
        ["transmitterId"],
        ["displayApp", "transmitterId", "transmitterGenerationVariant"],
        ["displayTime", "displayDevice", "transmitterGeneration"],
    ],
)
async def test_a_record_may_lack_what_is_not_needed(
    wearer: Wearer, client: DexcomClient, omitted: list[str]
) -> None:
    wearer.add_alert("low", NOON - 2 * HOUR, omit=omitted)
    answer = await client.alerts(NOON - DAY, NOON)
    assert (len(answer.records), answer.unreadable) == (1, 0)
    assert not answer.records[0].other.keys() & {snake_case(name) for name in omitted}


@pytest.mark.parametrize(
    "broken",
    [
        "text",
        None,
        17,
        True,
        [],
        [["recordId", "x"]],
        {},
        *(
            _alert(**{name: value})
            for name in ("recordId", "systemTime", "alertName", "alertState")
            for value in (None, "", 7, ["low"], {"is": "low"})
        ),
        _alert(systemTime="yesterday"),
        _alert(systemTime="2026-11-18T10:00:00+05:99"),
        *(
            {key: value for key, value in _alert().items() if key != name}
            for name in ("recordId", "systemTime", "alertName", "alertState")
        ),
    ],
)
async def test_one_broken_alert_among_good_ones(
    sim: Simulator, client: DexcomClient, broken: object
) -> None:
    records = [_alert(recordId="a"), broken, _alert(recordId="b")]
    sim.faults.add("dexcom.alerts", _answer(records))
    answer = await client.alerts(NOON - DAY, NOON)
    assert [alert.record_id for alert in answer.records] == ["a", "b"]
    assert answer.unreadable == 1


async def test_one_broken_alert_alone_in_its_window(sim: Simulator, client: DexcomClient) -> None:
    sim.faults.add("dexcom.alerts", _answer([_alert(systemTime="yesterday")]))
    answer = await client.alerts(NOON - DAY, NOON)
    assert (answer.records, answer.unreadable) == ([], 1)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        "text",
        {},
        _egv(value="62"),
        _egv(value=True),
        _egv(value=[62]),
        _egv(value=0),
        _egv(value=-5),
        _egv(value=1e9),
        _egv(unit=5),
        _egv(unit=None),
        _egv(systemTime=None),
        {key: value for key, value in _egv().items() if key != "value"},
    ],
)
async def test_one_broken_value_among_good_ones(
    sim: Simulator, client: DexcomClient, broken: object
) -> None:
    sim.faults.add("dexcom.egvs", _answer([_egv(), broken, _egv(value=70)]))
    answer = await client.egvs(NOON - DAY, NOON)
    assert [egv.value for egv in answer.records] == [62, 70]
    assert answer.unreadable == 1


async def test_values_as_they_are_read(
    sim: Simulator, wearer: Wearer, client: DexcomClient
) -> None:
    wearer.add_egv(NOON - 2 * HOUR, 39, trend="doubleDown")
    wearer.add_egv(NOON - 3 * HOUR, None, trend=None)
    wearer.add_egv(NOON - 4 * HOUR, 120, omit=["transmitterId", "displayApp", "status", "trend"])

    answer = await client.egvs(NOON - DAY, NOON)

    read = [(e.system_time, e.value, e.unit, e.status, e.trend, e.made_for) for e in answer.records]
    assert read == [
        (NOON - 2 * HOUR, 39, "mg/dL", "low", "doubleDown", MadeFor("g7", "G7")),
        # No value is no record that could not be read.
        (NOON - 4 * HOUR, 120, "mg/dL", None, None, MadeFor("g7", "")),
    ]
    assert answer.unreadable == 0
    (request,) = sim.requests("dexcom.egvs")
    assert request.query == {"startDate": "2026-11-17T12:00:00", "endDate": "2026-11-18T12:00:00"}


@pytest.mark.parametrize("unit", ["unknown", "mg/dL/min", "mmol"])
async def test_a_value_in_an_unknown_unit_is_none(
    sim: Simulator, client: DexcomClient, unit: str
) -> None:
    sim.faults.add("dexcom.egvs", _answer([_egv(unit=unit)]))
    answer = await client.egvs(NOON - DAY, NOON)
    assert (answer.records, answer.unreadable) == ([], 0)


async def test_mmol_values_are_kept_as_they_are(sim: Simulator, client: DexcomClient) -> None:
    sim.faults.add("dexcom.egvs", _answer([_egv(value=3.4, unit="mmol/L", trend="sideways")]))
    (egv,) = (await client.egvs(NOON - DAY, NOON)).records
    assert (egv.value, egv.unit, egv.trend) == (3.4, "mmol/L", "sideways")


async def test_devices(sim: Simulator, wearer: Wearer, client: DexcomClient) -> None:
    wearer.add_egv(NOON - 2 * HOUR, 120)
    wearer.change_device(NOON - 100 * DAY, variant="d1+", display_app="D1G7")
    answer = await client.devices()
    assert answer.unreadable == 0
    assert [device.made_for for device in answer.records] == [
        MadeFor("d1+", "D1G7"),
        MadeFor("g7", "G7"),
    ]
    assert answer.records[0].last_upload == NOON - HOUR
    (request,) = sim.requests("dexcom.devices")
    assert request.query == {}


async def test_a_device_need_not_say_when_it_uploaded(sim: Simulator, client: DexcomClient) -> None:
    sim.faults.add("dexcom.devices", _answer([{}, {"lastUploadDate": None}, "text"]))
    answer = await client.devices()
    assert [device.last_upload for device in answer.records] == [None, None]
    assert answer.unreadable == 1


async def test_how_far_the_data_reach(wearer: Wearer, client: DexcomClient) -> None:
    assert await client.data_range() == DataRange(wearer.user_id, None)
    wearer.add_egv(NOON - 2 * HOUR, 120)
    reaches = NOON - 2 * HOUR
    assert await client.data_range() == DataRange(wearer.user_id, reaches)


@pytest.mark.parametrize(
    "answer",
    [
        [],
        None,
        "ok",
        {},
        {"userId": ""},
        {"userId": 7},
        {"userId": "a", "egvs": []},
        {"userId": "a", "egvs": {"start": {}, "end": {}}},
        {"userId": "a", "egvs": {"end": {"systemTime": "then"}}},
    ],
)
async def test_a_data_range_of_no_use(sim: Simulator, client: DexcomClient, answer: object) -> None:
    sim.faults.add("dexcom.data_range", body(orjson.dumps(answer)))
    with pytest.raises(UnexpectedAnswerError):
        await client.data_range()


@pytest.mark.parametrize(
    "answer",
    [
        [],
        "ok",
        None,
        {},
        {"records": None},
        {"recordType": "alert", "records": None},
        {"userId": "a", "records": None},
        {"recordType": "alert", "userId": "a"},
        {"records": {}},
        {"records": "none"},
        {"record": []},
        {"records": [None, "text"]},
        {"records": [{}, {}]},
    ],
)
async def test_alerts_of_no_use(sim: Simulator, client: DexcomClient, answer: object) -> None:
    sim.faults.add("dexcom.alerts", body(orjson.dumps(answer)))
    with pytest.raises(UnexpectedAnswerError):
        await client.alerts(NOON - DAY, NOON)


@pytest.mark.parametrize("ask", ["alerts", "egvs", "devices"])
async def test_no_list_of_records_is_an_empty_one(
    sim: Simulator, client: DexcomClient, ask: str
) -> None:
    envelope = {"recordType": ask, "recordVersion": "3.0", "userId": "a", "records": None}
    sim.faults.add(f"dexcom.{ask}", body(orjson.dumps(envelope)))
    window = (NOON - DAY, NOON) if ask != "devices" else ()
    answer = await getattr(client, ask)(*window)
    assert (answer.records, answer.unreadable) == ([], 0)


async def test_many_records_let_others_have_their_turn(
    sim: Simulator, client: DexcomClient
) -> None:
    records = [_alert(recordId=str(number)) for number in range(1234)]
    sim.faults.add("dexcom.alerts", _answer(records))
    answer = await client.alerts(NOON - DAY, NOON)
    assert [alert.record_id for alert in answer.records] == [str(n) for n in range(1234)]


# Tokens that are refused.


async def test_a_refused_token_is_renewed_once_and_the_question_asked_again(
    sim: Simulator, wearer: Wearer, login: Login, client: DexcomClient
) -> None:
    wearer.add_alert("low", NOON - 2 * HOUR)
    old = login.token
    sim.dexcom.expire_access_tokens()

    answer = await client.alerts(NOON - DAY, NOON)

    assert len(answer.records) == 1
    assert login.refused == [old]
    assert [request.status for request in sim.requests("dexcom.alerts")] == [401, 200]
    assert [r.headers["authorization"] for r in sim.requests("dexcom.alerts")] == [
        f"Bearer {old}",
        f"Bearer {login.token}",
    ]


@pytest.mark.parametrize("ask", ["alerts", "egvs", "devices", "data_range"])
async def test_a_second_refusal_is_the_end_of_the_login(
    sim: Simulator, login: Login, client: DexcomClient, ask: str
) -> None:
    sim.faults.add(f"dexcom.{ask}", CATALOGUE["401_bare"]())
    window = (NOON - DAY, NOON) if ask in ("alerts", "egvs") else ()
    with pytest.raises(LoginEndedError, match="HTTP 401 invalid_token"):
        await getattr(client, ask)(*window)
    assert len(sim.requests(f"dexcom.{ask}")) == 2
    assert len(login.refused) == 1


async def test_other_refusals_are_no_reason_for_a_new_token(
    sim: Simulator, login: Login, client: DexcomClient
) -> None:
    sim.faults.add("dexcom.alerts", CATALOGUE["403_bare"]())
    with pytest.raises(RefusedError):
        await client.alerts(NOON - DAY, NOON)
    assert login.refused == []
    assert len(sim.requests("dexcom.alerts")) == 1
