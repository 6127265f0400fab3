"""Dexcom's times, sensor sessions, scenarios and control API."""

from datetime import UTC, datetime, timedelta, timezone
import re
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st
import pytest

from simulator import Simulator
from simulator.dexcom import TIME_STYLES, Record, Thresholds, TimeStyle, Wearer

from .dexcom_client import NOW, Client

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
PACIFIC = timezone(timedelta(hours=-7))
AT = datetime(2021, 2, 3, 21, 15, 59, 123456, UTC)


@pytest.mark.parametrize(
    ("style", "system", "display"),
    [
        ("phone", "2021-02-03T21:15:59Z", "2021-02-03T14:15:59-07:00"),
        ("receiver", "2021-02-03T21:15:59", "2021-02-03T14:15:59"),
        ("system_offset", "2021-02-03T14:15:59-07:00", "2021-02-03T14:15:59-07:00"),
        ("offset_seconds", "2021-02-03T21:15:59Z", "2021-02-03T14:16:00-06:59:59"),
        ("system_offset_seconds", "2021-02-03T14:16:00-06:59:59", "2021-02-03T14:16:00-06:59:59"),
        ("compact_offset", "2021-02-03T14:15:59-0700", "2021-02-03T14:15:59-0700"),
        ("short_offset", "2021-02-03T14:15:59-07", "2021-02-03T14:15:59-07"),
        ("no_seconds", "2021-02-03T21:15Z", "2021-02-03T14:15-07:00"),
        ("receiver_no_seconds", "2021-02-03T21:15", "2021-02-03T14:15"),
        ("fraction_1", "2021-02-03T21:15:59.1Z", "2021-02-03T14:15:59.1-07:00"),
        ("fraction_6", "2021-02-03T21:15:59.123456Z", "2021-02-03T14:15:59.123456-07:00"),
        ("fraction_9", "2021-02-03T21:15:59.123456789Z", "2021-02-03T14:15:59.123456789-07:00"),
        ("receiver_fraction_3", "2021-02-03T21:15:59.123", "2021-02-03T14:15:59.123"),
    ],
)
def test_times_as_devices_write_them(style: str, system: str, display: str) -> None:
    assert TIME_STYLES[style].write(AT, PACIFIC) == (system, display)


def test_short_offsets_only_where_they_can_say_it() -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    assert TIME_STYLES["short_offset"].write(AT, india)[0].endswith("+05:30")
    assert TIME_STYLES["compact_offset"].write(AT, india)[0].endswith("+0530")
    assert TIME_STYLES["short_offset"].write(AT, UTC)[0].endswith("+00")


@given(
    st.datetimes(
        min_value=datetime(2015, 1, 1),  # noqa: DTZ001
        max_value=datetime(2040, 1, 1),  # noqa: DTZ001
        timezones=st.just(UTC),
    ),
    st.sampled_from(sorted(TIME_STYLES)),
    st.sampled_from(["America/Los_Angeles", "Asia/Kathmandu", "Pacific/Apia", "UTC"]),
)
def test_every_style_writes_the_instant_it_says_it_writes(
    moment: datetime, name: str, zone: str
) -> None:
    style = TIME_STYLES[name]
    system, display = (datetime.fromisoformat(text) for text in style.write(moment, ZoneInfo(zone)))
    instant = style.exact(moment)
    if style.zone == "none":
        assert system.tzinfo is display.tzinfo is None
        system = system.replace(tzinfo=UTC)
    else:
        assert display == instant
    assert system == instant
    assert timedelta() <= moment - instant < MINUTE
    # Nothing is left to lose.
    assert style.exact(instant) == instant


def test_display_time_follows_summer_time(dexcom: Client) -> None:
    wearer = dexcom.region.add_wearer(utc_offset="America/New_York")
    spring = datetime(2026, 3, 8, 6, 59, 59, tzinfo=UTC)
    shown = [wearer.add_alert("low", spring + n * timedelta(seconds=1)) for n in range(2)]
    assert [alert["displayTime"] for alert in shown] == [
        "2026-03-08T01:59:59-05:00",
        "2026-03-08T03:00:00-04:00",
    ]


def test_a_style_is_the_wearers_or_a_records(dexcom: Client) -> None:
    wearer = dexcom.wearer
    wearer.time_style = "system_offset"
    assert wearer.time_style is TIME_STYLES["system_offset"]
    assert wearer.add_alert("low", NOW)["systemTime"] == "2026-05-05T01:00:00-08:00"
    assert wearer.add_egv(NOW, 80, time_style=TimeStyle(digits=2))["systemTime"].endswith(".00Z")
    with pytest.raises(KeyError):
        wearer.time_style = "sundial"


START = datetime(2026, 5, 4, tzinfo=UTC)


def session(wearer: Wearer, *values: float | None) -> list[tuple[int, str, str]]:
    """Let a sensor meet values 5 minutes apart; return its alerts: minute, name, state."""
    end = START + len(values) * 5 * MINUTE
    wearer.add_session(START, end, lambda moment: values[(moment - START) // (5 * MINUTE)])
    return [
        (
            (record.at - START) // MINUTE,
            record.fields["alertName"],
            {"activeAlarming": "on", "activeSnoozed": "snoozed", "inactive": "off"}[
                record.fields["alertState"]
            ],
        )
        for record in wearer.alerts
    ]


@pytest.mark.parametrize(
    ("values", "alerts"),
    [
        ((120, 118, 110, 100, 95), []),
        ((74, 71, 70, 72), [(10, "low", "on"), (15, "low", "off")]),
        ((249, 250, 250, 249), [(5, "high", "on"), (15, "high", "off")]),
        ((100, 115, 129), [(5, "rise", "on"), (10, "rise", "off")]),
        ((200, 185, 171), [(5, "fall", "on"), (10, "fall", "off")]),
        # 75 falls 5 in 5 minutes: 55 in 20.
        ((80, 75, 74), [(5, "urgentLowSoon", "on"), (10, "urgentLowSoon", "off")]),
        ((60, 56, 55, 56), None),
        ((100, None, None, None, None, 100), [(20, "outOfRange", "on"), (25, "outOfRange", "off")]),
        ((100, None, None, None, 100), []),
        ((65, None, None, None, None, 100), None),
    ],
)
def test_a_curve_causes_alerts(
    dexcom: Client, values: tuple[float | None, ...], alerts: list[tuple[int, str, str]] | None
) -> None:
    told = session(dexcom.wearer, *values)
    if alerts is not None:
        assert told == alerts
    elif values[0] == 60:
        assert told[0] == (0, "low", "on")
        assert (10, "urgentLow", "on") in told
        assert (10, "urgentLowSoon", "off") in told
        assert (15, "urgentLow", "off") in told
    else:
        # What was on when the signal was lost is not over for that.
        assert (25, "low", "off") in told
        assert not [alert for alert in told if alert[1:] == ("low", "off") and alert[0] < 25]


def test_every_second_episode_is_snoozed(dexcom: Client) -> None:
    told = session(dexcom.wearer, 65, 66, 67, 100, 60, 61, 62, 63, 100)
    lows = [(minute, state) for minute, name, state in told if name == "low"]
    assert lows == [(0, "on"), (15, "off"), (20, "on"), (30, "snoozed"), (40, "off")]


def test_thresholds_are_the_wearers_but_one_is_fixed(dexcom: Client) -> None:
    dexcom.wearer.thresholds = Thresholds(low=90, high=180, rise=2)
    told = session(dexcom.wearer, 90, 101, 110, 160, 181)
    assert [alert for alert in told if alert[2] == "on"] == [
        (0, "low", "on"),
        (5, "rise", "on"),
        (15, "rise", "on"),
        (20, "high", "on"),
    ]


def test_a_one_plus_lacks_four_alerts(dexcom: Client) -> None:
    one_plus = dexcom.region.add_wearer(variant="d1+")
    told = session(one_plus, 200, 150, 120, 80, 54, 54, 120, 260)
    assert {name for _, name, _ in told} == {"low", "high"}


def test_readings_of_a_session(dexcom: Client) -> None:
    session(dexcom.wearer, 100, 104, 97, 85, 30, 500, None, None, 100)
    told = [
        (record.fields["value"], record.fields["trend"], record.fields["trendRate"])
        for record in dexcom.wearer.egvs
    ]
    assert told == [
        (100, "none", None),
        (104, "flat", 0.8),
        (97, "fortyFiveDown", -1.4),
        (85, "singleDown", -2.4),
        (39, "rateOutOfRange", -9.2),
        (401, "rateOutOfRange", 72.4),
        (100, "none", None),
    ]


def test_a_session_may_come_late(dexcom: Client) -> None:
    wearer = dexcom.wearer
    wearer.add_session(START, START + HOUR, lambda _: 60, delay=lambda _: 70 * HOUR)
    assert {r.uploaded_at - r.at for r in (*wearer.egvs, *wearer.alerts)} == {70 * HOUR}


def told(wearer: Wearer) -> list[tuple[str, str, str]]:
    """Return a wearer's alerts: local time, name and state."""
    return [
        (r.fields["displayTime"][:16], r.fields["alertName"], r.fields["alertState"])
        for r in wearer.alerts
    ]


@pytest.mark.parametrize("hour", [0, 4, 9, 10, 23])
def test_demo_has_a_bad_night_and_a_quiet_past(hour: int) -> None:
    now = NOW.replace(hour=hour)
    wearer = Simulator(now, 0, "demo").dexcom.wearer("SandboxUser7")
    # At 09:30 UTC a story that ends at 08:30 local is uploaded.
    day = "2026-05-05" if hour > 9 else "2026-05-04"
    night = [(at[11:], name, state) for at, name, state in told(wearer) if at.startswith(day)]
    assert night == [
        ("02:20", "urgentLowSoon", "activeAlarming"),
        ("02:25", "low", "activeAlarming"),
        ("02:30", "urgentLowSoon", "activeSnoozed"),
        ("02:40", "urgentLowSoon", "inactive"),
        ("02:40", "urgentLow", "activeAlarming"),
        ("02:50", "urgentLow", "activeSnoozed"),
        ("03:15", "urgentLow", "inactive"),
        ("03:25", "low", "inactive"),
        ("05:45", "outOfRange", "activeAlarming"),
        ("06:15", "outOfRange", "inactive"),
        ("07:30", "noReadings", "activeAlarming"),
        ("07:45", "noReadings", "inactive"),
    ]
    past = [record for record in wearer.alerts if record.at < now - timedelta(days=2)]
    assert {record.fields["alertName"] for record in past} == {
        *("outOfRange", "rise", "high", "low", "urgentLowSoon")
    }
    assert len(past) < 20
    ahead = [record for record in wearer.alerts if record.at > now]
    assert {record.fields["alertName"] for record in ahead} >= {"urgentLow", "low", "high", "fall"}
    assert now - timedelta(days=16) < wearer.egvs[0].at < now - timedelta(days=13)
    assert now + timedelta(days=9) < wearer.egvs[-1].at
    assert all(40 < record.fields["value"] < 300 for record in wearer.egvs)


def test_demo_is_the_same_when_started_again() -> None:
    def ids(now: datetime) -> set[str]:
        wearer = Simulator(now, 0, "demo").dexcom.wearer("SandboxUser7")
        return {record.fields["recordId"] for record in (*wearer.alerts, *wearer.egvs)}

    assert ids(NOW + HOUR) == ids(NOW + 3 * HOUR)


def test_bad_night_is_uploaded() -> None:
    sim = Simulator(NOW, 0, "dexcom_bad_night")
    wearer = sim.dexcom.wearer("SandboxUser7")
    (urgent,) = (
        r for r in wearer.alerts if r.fields["alertName"] == "urgentLow" and "A" in state(r)
    )
    assert urgent.fields["displayTime"][10:] == "T02:40:00-08:00"
    assert NOW - 26 * HOUR < urgent.uploaded_at <= NOW


def state(record: Record) -> str:
    """Return an alert's state."""
    return str(record.fields["alertState"])


def test_one_plus_story_changes_to_a_g7() -> None:
    sim = Simulator(NOW, 0, "dexcom_one_plus")
    wearer = sim.dexcom.wearer("SandboxUser5")
    changed = wearer.devices[1].since
    assert NOW < changed < NOW + timedelta(days=2)
    names: dict[str, set[str]] = {"d1+": set(), "g7": set()}
    for record in wearer.alerts:
        assert (record.at < changed) == (record.fields["displayApp"] == "D1G7")
        names[record.fields["transmitterGenerationVariant"]].add(record.fields["alertName"])
    assert names["d1+"] == {"high", "low", "outOfRange"}
    assert names["g7"] >= {"urgentLow", "urgentLowSoon", "fall"}


def test_late_uploads_come_days_late_and_in_no_order() -> None:
    sim = Simulator(NOW, 0, "dexcom_late_uploads")
    wearer = sim.dexcom.wearer("SandboxUser6")
    late = [record for record in wearer.egvs if NOW - timedelta(days=3) <= record.at < NOW]
    uploads = [record.uploaded_at for record in late]
    assert min(uploads) > NOW
    assert max(uploads) <= NOW + 6 * HOUR
    assert uploads != sorted(uploads)
    assert uploads != sorted(uploads, reverse=True)
    assert max(record.uploaded_at - record.at for record in late) > timedelta(days=3)
    receivers = [r for r in wearer.alerts if r.fields["displayDevice"] == "receiver"]
    assert len(receivers) == 5
    for record in receivers:
        assert re.fullmatch(r"[-0-9]{10}T[:0-9]{8}", record.fields["systemTime"])


async def test_newer_api_says_what_nobody_documents(dexcom: Client) -> None:
    dexcom.sim.load("newer_api")
    body = await dexcom.window()
    assert "nextPage" in body
    assert {record["alertName"] for record in body["records"]} == {"low", "high", "compressionLow"}
    assert "activeAcknowledged" in {record["alertState"] for record in body["records"]}
    assert "smartwatch" in {record["displayDevice"] for record in body["records"]}
    (reading,) = await dexcom.records("egvs")
    assert reading["trend"] == "drifting"
    dexcom.sim.load("demo")
    assert "nextPage" not in await dexcom.window()


async def control(dexcom: Client, method: str, path: str, json: object = None) -> tuple[int, Any]:
    """Return status and JSON of the control API."""
    url = f"{dexcom.sim.url}/control/{path}"
    async with dexcom.session.request(method, url, json=json) as response:
        return response.status, await response.json()


async def test_control_of_wearers(dexcom: Client) -> None:
    asked = {"name": "Nora", "variant": "d1+", "utc_offset": "Europe/Oslo", "delay_seconds": 60}
    status, nora = await control(dexcom, "POST", "dexcom-ous/wearers", asked)
    assert status == 201
    assert nora == {
        "name": "Nora",
        "user_id": dexcom.sim.dexcom.region("ous").wearer("Nora").user_id,
        "generation": "g7",
        "variant": "d1+",
        "display_app": "G7",
        "display_device": "iOS",
        "delay_seconds": 60,
    }
    assert len((await control(dexcom, "GET", "dexcom/wearers"))[1]) == 7
    assert nora in (await control(dexcom, "GET", "dexcom-ous/wearers"))[1]


async def test_control_of_records(dexcom: Client) -> None:
    alert = {"wearer": "SandboxUser7", "alert_name": "low"}
    status, first = await control(dexcom, "POST", "dexcom/alerts", alert)
    # Without a time it is one that just arrives.
    assert (status, first["systemTime"]) == (201, "2026-05-05T08:00:00Z")
    more = {
        "state": "inactive",
        "system_time": "2026-05-05T10:10:00+02:00",
        "uploaded_at": "2026-05-05T08:15:00Z",
        "extra": {"confidence": 1},
    }
    _, second = await control(dexcom, "POST", "dexcom/alerts", alert | more)
    assert await dexcom.records() == [second, first]
    asked = {"wearer": "SandboxUser7", "value": 66, "trend": "fortyFiveDown"}
    assert (await control(dexcom, "POST", "dexcom/egvs", asked))[0] == 201
    assert [record["value"] for record in await dexcom.records("egvs")] == [66]


async def test_control_of_tokens(dexcom: Client) -> None:
    asked = {"wearer": "SandboxUser7"}
    assert (await control(dexcom, "POST", "dexcom/expire", {}))[0] == 200
    assert (await dexcom.ask("devices"))[0] == 401
    status, dexcom.tokens = await control(dexcom, "POST", "dexcom/grant", asked)
    assert (status, (await dexcom.ask("devices"))[0]) == (201, 200)
    assert (await control(dexcom, "POST", "dexcom/revoke", asked))[0] == 200
    assert await dexcom.token(dexcom.refresh_form()) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("wearers", {"name": "Nora", "age": 3}),
        ("wearers", {"utc_offset": "Nowhere/None"}),
        ("alerts", {"wearer": "Nobody", "alert_name": "low"}),
        ("alerts", {"wearer": "SandboxUser7"}),
        ("alerts", {"wearer": "SandboxUser7", "alert_name": "low", "system_time": "08:00"}),
        ("egvs", {"wearer": "SandboxUser7"}),
        ("revoke", {}),
        ("grant", {"wearer": "Nobody"}),
    ],
)
async def test_nonsense_is_refused_with_a_reason(dexcom: Client, path: str, body: object) -> None:
    status, answer = await control(dexcom, "POST", f"dexcom/{path}", body)
    assert status == 400
    assert answer["error"]
