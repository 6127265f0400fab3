"""The simulated Dexcom's data against its documentation."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from .dexcom_client import NOW, Client, dates

WINDOWED = ["alerts", "egvs", "events", "calibrations"]
GOOD = {"startDate": "2026-05-04T09:00:00", "endDate": "2026-05-05T09:00:00"}
HOUR = timedelta(hours=1)
BAD_WINDOWS: list[dict[str, str | None]] = [
    {"startDate": None},
    {"endDate": None},
    {"startDate": ""},
    {"startDate": "2026-05-04"},
    {"startDate": "2026-05-04T09:00"},
    {"startDate": "2026-05-04 09:00:00"},
    {"startDate": "2026-05-04T09:00:00Z"},
    {"startDate": "2026-05-04T09:00:00+00:00"},
    {"startDate": "2026-05-04T09:00:00.000"},
    {"startDate": "2026-02-30T09:00:00"},
    {"startDate": "2026-05-04T25:00:00"},
    {"startDate": "\uff12\uff10\uff12\uff16-05-04T09:00:00"},
    {"endDate": "2026-05-05T09:00:00Z"},
    {"startDate": "2026-05-05T09:00:00"},
    {"startDate": "2026-05-05T09:00:01"},
    {"startDate": "2026-04-05T08:59:59"},
]


@pytest.mark.parametrize("endpoint", WINDOWED)
async def test_what_a_window_must_not_be(dexcom: Client, endpoint: str) -> None:
    for changes in BAD_WINDOWS:
        params = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
        status, body = await dexcom.ask(endpoint, params)
        assert (status, body["error"]) == (400, "invalid_request"), changes


@pytest.mark.parametrize("endpoint", WINDOWED)
async def test_thirty_days_are_a_window(dexcom: Client, endpoint: str) -> None:
    status, body = await dexcom.ask(endpoint, GOOD | {"startDate": "2026-04-05T09:00:00"})
    assert (status, body["records"]) == (200, [])


async def test_a_date_given_twice_is_refused(dexcom: Client) -> None:
    both = "startDate=2026-05-04T09:00:00&endDate=2026-05-05T09:00:00"
    assert (await dexcom.ask(f"alerts?{both}"))[0] == 200
    assert (await dexcom.ask(f"alerts?{both}&endDate=2026-05-05T09:00:00"))[0] == 400


@pytest.mark.parametrize("endpoint", [*WINDOWED, "devices", "dataRange"])
async def test_what_every_endpoint_refuses(dexcom: Client, endpoint: str) -> None:
    assert (await dexcom.ask(endpoint, GOOD))[0] == 200
    assert (await dexcom.ask(endpoint, GOOD, method="POST"))[0] == 405
    token = dexcom.tokens["access_token"]
    for authorization in (
        "",
        token,
        f"Basic {token}",
        "Bearer",
        f"Bearer {token}x",
        f"Bearer x{token}",
        f"Bearer {dexcom.tokens['refresh_token']}",
        "Bearer \N{LATIN SMALL LETTER E WITH ACUTE}",
    ):
        status, body = await dexcom.ask(endpoint, GOOD, authorization=authorization)
        assert (status, body["error"]) == (401, "invalid_token")


async def test_an_unknown_path_is_not_there(dexcom: Client) -> None:
    assert await dexcom.ask("statistics") == (404, {"error": "not_found"})


async def test_an_alert_as_it_is_sent(dexcom: Client) -> None:
    alert = dexcom.wearer.add_alert("urgentLow", NOW - 2 * HOUR)
    body = await dexcom.window()
    assert body == {
        "recordType": "alert",
        "recordVersion": "3.0",
        "userId": dexcom.wearer.user_id,
        "records": [
            {
                "recordId": str(UUID(alert["recordId"])),
                "systemTime": "2026-05-05T07:00:00Z",
                "displayTime": "2026-05-04T23:00:00-08:00",
                "alertName": "urgentLow",
                "alertState": "activeAlarming",
                "displayDevice": "iOS",
                "transmitterGeneration": "g7",
                "transmitterGenerationVariant": "g7",
                "transmitterId": alert["transmitterId"],
                "displayApp": "G7",
            }
        ],
    }
    for hashed in (body["userId"], alert["transmitterId"]):
        assert len(bytes.fromhex(hashed)) == 32


async def test_a_reading_as_it_is_sent(dexcom: Client) -> None:
    at = NOW - 2 * HOUR
    dexcom.wearer.add_egv(at, 112, trend="fortyFiveDown", trend_rate=-1.4)
    dexcom.wearer.add_egv(at + timedelta(minutes=5), 39, trend=None, trend_rate=None)
    dexcom.wearer.add_egv(at + timedelta(minutes=10), 401, extra={"status": "ok"})
    high, low, good = await dexcom.records("egvs")
    assert good == {
        "recordId": good["recordId"],
        "systemTime": "2026-05-05T07:00:00Z",
        "displayTime": "2026-05-04T23:00:00-08:00",
        "transmitterTicks": good["transmitterTicks"],
        "value": 112,
        "status": None,
        "trend": "fortyFiveDown",
        "trendRate": -1.4,
        "unit": "mg/dL",
        "rateUnit": "mg/dL/min",
        "displayDevice": "iOS",
        "transmitterGeneration": "g7",
        "transmitterGenerationVariant": "g7",
        "transmitterId": good["transmitterId"],
        "displayApp": "G7",
    }
    assert (low["value"], low["status"], low["trend"], low["trendRate"]) == (39, "low", None, None)
    assert (high["value"], high["status"]) == (401, "ok")


async def test_a_record_is_told_as_wanted(dexcom: Client) -> None:
    told = dexcom.wearer.add_alert(
        "low",
        NOW - 2 * HOUR,
        state="activeSnoozed",
        record_id="an-id",
        display_device="receiver",
        extra={"confidence": 1},
        omit=("displayApp", "transmitterId"),
        transmitterGeneration="g4",
    )
    assert await dexcom.records() == [told]
    assert told == {
        "recordId": "an-id",
        "systemTime": "2026-05-05T07:00:00",
        "displayTime": "2026-05-04T23:00:00",
        "alertName": "low",
        "alertState": "activeSnoozed",
        "displayDevice": "receiver",
        "transmitterGeneration": "g4",
        "transmitterGenerationVariant": "g7",
        "confidence": 1,
    }


async def test_ids_differ_but_are_the_same_in_every_telling(dexcom: Client) -> None:
    def tell() -> list[str]:
        wearer = dexcom.region.add_wearer()
        return [
            wearer.add_alert("low", NOW)["recordId"],
            wearer.add_alert("low", NOW)["recordId"],
            wearer.add_alert("low", NOW, state="inactive")["recordId"],
            wearer.add_alert("low", NOW + HOUR)["recordId"],
            wearer.add_egv(NOW, 80)["recordId"],
        ]

    assert len(set(tell())) == 5
    assert tell() == tell()


async def test_start_is_inside_and_end_is_not(dexcom: Client) -> None:
    for hours in (-5, -4, -3, -2):
        dexcom.wearer.add_alert("high", NOW + hours * HOUR, alertName=f"at {hours}")
    # Written by a receiver, or with another offset, it is the same instant that counts.
    dexcom.wearer.add_alert("low", NOW - 4 * HOUR, display_device="receiver")
    dexcom.wearer.add_alert("low", NOW - 2 * HOUR, time_style="system_offset")
    told = await dexcom.records(start=-4, end=-2)
    assert [record["alertName"] for record in told] == ["at -3", "low", "at -4"]


async def test_what_is_written_without_seconds_counts_as_written(dexcom: Client) -> None:
    at = NOW - 4 * HOUR + timedelta(seconds=30)
    told = dexcom.wearer.add_alert("low", at, time_style="no_seconds")
    assert told["systemTime"] == "2026-05-05T05:00Z"
    assert await dexcom.records(start=-4, end=-2) == [told]
    assert await dexcom.records(start=-4 + 10 / 3600, end=-2) == []


async def test_a_record_is_there_from_its_upload_on(dexcom: Client) -> None:
    wearer = dexcom.wearer
    wearer.add_alert("low", NOW - HOUR + timedelta(seconds=1))
    wearer.add_alert("high", NOW - HOUR)
    wearer.add_alert("rise", NOW - 20 * HOUR, uploaded_at=NOW + timedelta(days=3))
    wearer.add_alert("fall", NOW, uploaded_at=NOW)
    assert [record["alertName"] for record in await dexcom.records()] == ["fall", "high"]
    dexcom.sim.clock.advance(timedelta(seconds=1))
    assert [record["alertName"] for record in await dexcom.records()] == ["fall", "low", "high"]
    dexcom.move_to(NOW + timedelta(days=3))
    assert [record["alertName"] for record in await dexcom.records()][-1] == "rise"


async def test_regions_outside_the_us_are_later(dexcom: Client) -> None:
    delays = {name: region.add_wearer().delay for name, region in dexcom.sim.dexcom.regions.items()}
    assert delays == {"us": HOUR, "ous": 3 * HOUR, "jp": 3 * HOUR, "sandbox": HOUR}


async def test_sloppy_answers_hold_too_much(dexcom: Client) -> None:
    for hours in (-6, -4.5, -4, -3, -2, -1.5):
        dexcom.wearer.add_alert(str(hours), NOW + hours * HOUR)
    assert [r["alertName"] for r in await dexcom.records(start=-4, end=-2)] == ["-3", "-4"]
    dexcom.region.sloppy = True
    told = [r["alertName"] for r in await dexcom.records(start=-4, end=-2)]
    assert told == ["-1.5", "-2", "-3", "-4", "-4.5", "-3"]


async def test_record_types_may_be_plural(dexcom: Client) -> None:
    async def types() -> list[str]:
        bodies = [(await dexcom.ask(e, GOOD))[1] for e in (*WINDOWED, "devices", "dataRange")]
        return [body["recordType"] for body in bodies]

    assert await types() == ["alert", "egv", "event", "calibration", "device", "dataRange"]
    dexcom.region.plural_record_types = True
    plural = ["alerts", "egvs", "events", "calibrations", "devices", "dataRange"]
    assert await types() == plural


async def test_devices(dexcom: Client) -> None:
    status, body = await dexcom.ask("devices")
    assert (status, body["userId"]) == (200, dexcom.wearer.user_id)
    (device,) = body["records"]
    assert "lastUploadDate" not in device
    (schedule,) = device["alertSchedules"]
    settings = {s["alertName"]: (s["value"], s["unit"]) for s in schedule["alertSettings"]}
    assert settings == {
        "urgentLow": (55, "mg/dL"),
        "urgentLowSoon": (55, "mg/dL"),
        "low": (70, "mg/dL"),
        "high": (250, "mg/dL"),
        "rise": (3.0, "mg/dL/min"),
        "fall": (3.0, "mg/dL/min"),
        "outOfRange": (20.0, "minutes"),
        "noReadings": (20, "minutes"),
    }
    dexcom.wearer.add_egv(NOW - 2 * HOUR, 100)
    # A window is harmless here.
    (device,) = (await dexcom.ask("devices", GOOD))[1]["records"]
    assert device["lastUploadDate"] == "2026-05-05T08:00:00Z"


async def test_a_one_plus_becomes_a_g7(dexcom: Client) -> None:
    wearer = dexcom.wearer = dexcom.region.add_wearer(variant="d1+", display_app="D1G7")
    changed = NOW + 5 * HOUR
    wearer.change_device(changed, variant="g7", display_app="G7")
    with pytest.raises(ValueError, match="later"):
        wearer.change_device(changed, variant="d1+")
    before = wearer.add_alert("low", changed - timedelta(seconds=1))
    after = wearer.add_alert("low", changed)
    assert (before["transmitterGenerationVariant"], before["displayApp"]) == ("d1+", "D1G7")
    assert (after["transmitterGenerationVariant"], after["displayApp"]) == ("g7", "G7")
    assert before["transmitterId"] != after["transmitterId"]

    async def worn() -> list[tuple[str, int]]:
        records = (await dexcom.ask("devices"))[1]["records"]
        return [
            (
                record["transmitterGenerationVariant"],
                len(record["alertSchedules"][0]["alertSettings"]),
            )
            for record in records
        ]

    assert await worn() == [("d1+", 4)]
    dexcom.move_to(changed + HOUR)
    assert await worn() == [("g7", 8), ("d1+", 4)]


async def test_data_range(dexcom: Client) -> None:
    async def span(**params: str) -> Any:
        status, body = await dexcom.ask("dataRange", params)
        assert status == 200
        return body

    assert await span() == {
        "recordType": "dataRange",
        "recordVersion": "3.0",
        "userId": dexcom.wearer.user_id,
        "calibrations": None,
        "egvs": None,
        "events": None,
    }
    dexcom.wearer.add_egv(NOW - 50 * HOUR, 100)
    dexcom.wearer.add_egv(NOW - 3 * HOUR, 101)
    dexcom.wearer.add_egv(NOW - HOUR / 2, 102)
    dexcom.wearer.add_alert("low", NOW - HOUR)
    assert (await span())["egvs"] == {
        "start": {"systemTime": "2026-05-03T07:00:00Z", "displayTime": "2026-05-02T23:00:00-08:00"},
        "end": {"systemTime": "2026-05-05T06:00:00Z", "displayTime": "2026-05-04T22:00:00-08:00"},
    }
    recent = (await span(lastSyncTime="2026-05-05T09:00:00+02:00"))["egvs"]
    assert recent["start"]["systemTime"] == recent["end"]["systemTime"] == "2026-05-05T06:00:00Z"
    assert (await span(lastSyncTime="2026-05-05T07:00:01Z"))["egvs"] is None


@pytest.mark.parametrize(
    "last_sync",
    [
        "",
        "yesterday",
        "2026-05-04T09:00:00",
        "2026-05-04",
        "2026-13-04T09:00:00Z",
        "2026-01-01T00:00:00Z",
    ],
)
async def test_last_sync_time_is_recent_and_has_a_zone(dexcom: Client, last_sync: str) -> None:
    status, body = await dexcom.ask("dataRange", {"lastSyncTime": last_sync})
    assert (status, body["error"]) == (400, "invalid_request")


async def test_an_app_has_so_many_calls_an_hour(dexcom: Client) -> None:
    dexcom.region.rate_limit = 3
    other = dexcom.region.add_client("another-app", "another-secret")
    statuses = []
    for _ in range(4):
        statuses.append((await dexcom.ask("devices"))[0])
        dexcom.sim.clock.advance(timedelta(minutes=10))
    assert statuses == [200, 200, 200, 429]
    status, body = await dexcom.ask("devices")
    assert (status, body["error"]) == (429, "rate_limit_exceeded")
    tokens = dexcom.region.grant(dexcom.wearer, other)
    own = f"Bearer {tokens['access_token']}"
    assert (await dexcom.ask("devices", authorization=own))[0] == 200
    # The first call is an hour ago: there is room for one.
    dexcom.sim.clock.set(NOW + HOUR)
    assert [(await dexcom.ask("devices"))[0] for _ in range(2)] == [200, 429]


async def test_apps_know_a_wearer_by_different_ids(dexcom: Client) -> None:
    other = dexcom.region.add_client("another-app", "another-secret")
    token = dexcom.region.grant(dexcom.wearer, other)["access_token"]
    bearer = f"Bearer {token}"
    _, body = await dexcom.ask("dataRange", authorization=bearer)
    for endpoint in (*WINDOWED, "devices"):
        _, same = await dexcom.ask(endpoint, GOOD, authorization=bearer)
        assert same["userId"] == body["userId"]
    ids = {
        body["userId"],
        dexcom.wearer.user_id,
        dexcom.sim.dexcom.region("ous").add_wearer().user_id,
    }
    assert len(ids) == 3
    with pytest.raises(ValueError, match="another-app"):
        dexcom.region.add_client("another-app", "x")


async def test_wearers_do_not_see_each_other(dexcom: Client) -> None:
    dexcom.region.wearer("SandboxUser6").add_alert("low", NOW - 2 * HOUR)
    abroad = dexcom.sim.dexcom.region("ous").add_wearer()
    abroad.add_alert("low", NOW - 5 * HOUR)
    assert await dexcom.records() == []


async def test_a_full_window(dexcom: Client) -> None:
    """30 days of readings and 300 alerts a day."""
    start = NOW - timedelta(days=30)
    dexcom.wearer.add_session(start, NOW, lambda moment: 120)
    for number in range(9000):
        dexcom.wearer.add_alert("low", start + timedelta(minutes=4.8 * number))
    for endpoint, count in (("alerts", 8988), ("egvs", 8629)):
        status, answer = await dexcom.ask(endpoint, dates(start, NOW))
        assert (status, len(answer["records"])) == (200, count)


async def test_reset_leaves_users_and_tokens(dexcom: Client) -> None:
    dexcom.region.add_wearer("Somebody").add_alert("low", NOW - 2 * HOUR)
    dexcom.wearer.add_alert("low", NOW - 2 * HOUR)
    somebody = dexcom.region.grant(dexcom.region.wearer("Somebody"))
    dexcom.region.reset()
    assert [wearer.name for wearer in dexcom.region.wearers] == [
        f"SandboxUser{number}" for number in range(1, 8)
    ]
    assert await dexcom.records() == []
    gone = f"Bearer {somebody['access_token']}"
    assert (await dexcom.ask("devices", authorization=gone))[0] == 401


async def test_the_machines_time_zone_is_of_no_use(dexcom: Client) -> None:
    naive = datetime.fromisoformat("2026-05-05T09:00:00")
    with pytest.raises(ValueError, match="no time zone"):
        dexcom.wearer.add_alert("low", naive)
    assert dexcom.wearer.add_alert("low", naive.replace(tzinfo=UTC))
