"""Lumen's API as the client asks it and reads it, against the simulator."""

from collections.abc import AsyncGenerator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from aiohttp import ClientSession, web
import orjson
import pytest
from yarl import URL

from custom_components.care_alerts.sources.http import (
    ApiError,
    AuthError,
    ForeignRefusalError,
    RefusedError,
    UnexpectedAnswerError,
    base_url,
)
from custom_components.care_alerts.sources.lumen.api import (
    ALL_TIME,
    DateUnavailableError,
    IdentityMapping,
    LumenClient,
)
from simulator import CATALOGUE, Fault, Simulator
from simulator.faults import Exchange, body
from simulator.scenarios import HENK, MARIA

NEWEST = date(2026, 11, 17)
GENERATED = datetime(2026, 11, 18, 3, 14, 22, tzinfo=UTC)


@pytest.fixture
async def client(sim: Simulator) -> AsyncGenerator[LumenClient]:
    """A client of the simulated account."""
    sim.load("demo")
    async with ClientSession() as session:
        yield LumenClient(session, base_url(sim.lumen.url), sim.lumen.api_key)


def _ids(sim: Simulator) -> tuple[str, str]:
    account = sim.lumen.default
    return account.person(MARIA).shared_user_id, account.person(HENK).shared_user_id


def _answer(data: object) -> Fault:
    return body(orjson.dumps({"success": True, "data": data}))


async def test_who_gave_consent(sim: Simulator, client: LumenClient) -> None:
    mappings, unreadable = await client.identity_mappings()
    maria, henk = _ids(sim)
    granted_at = datetime(2026, 10, 19, 12, tzinfo=UTC)
    assert mappings == [
        IdentityMapping(email=MARIA, shared_user_id=maria, granted_at=granted_at),
        IdentityMapping(email=HENK, shared_user_id=henk, granted_at=granted_at),
    ]
    assert unreadable == 0
    (request,) = sim.requests("lumen.identity_mappings")
    assert request.method == "GET"
    assert request.path == "/lumen/partners/v1/identity-mappings"
    assert request.query == {"grantedAfter": "2015-01-01T00:00:00Z"}
    assert request.headers["x-partner-api-key"] == sim.lumen.api_key
    assert "authorization" not in request.headers
    assert granted_at - timedelta(days=3650) > ALL_TIME


async def test_consent_is_asked_for_in_utc_and_strictly_after(
    sim: Simulator, client: LumenClient
) -> None:
    granted_at = datetime(2026, 10, 19, 12, tzinfo=UTC)
    assert len((await client.identity_mappings(granted_at - timedelta(seconds=1)))[0]) == 2
    here = granted_at.astimezone(timezone(timedelta(hours=-8)))
    assert await client.identity_mappings(here) == ([], 0)
    assert sim.requests("lumen.identity_mappings")[-1].query == {
        "grantedAfter": "2026-10-19T12:00:00Z"
    }


async def test_the_newest_day(sim: Simulator, client: LumenClient) -> None:
    maria, henk = _ids(sim)
    answer = await client.alerts(people={maria})
    assert answer.day == NEWEST
    assert [(a.shared_user_id, a.alert_type, a.alert_subtype) for a in answer.alerts] == [
        (maria, "WEIGHT", "TOO_FAST"),
        (maria, "MEDICATION", "MISSED_DOSE_HIGH"),
        (maria, "FLEX", "PLATEAU"),
    ]
    weight = answer.alerts[0]
    assert weight.generated_at == GENERATED
    assert weight.severity == "HIGH"
    assert weight.details == {
        "currentWeightKg": 78.4,
        "weeklyPctChange": -2.6,
        "logsUsed": 14,
        "lastLogDate": "2026-11-17",
    }
    assert answer.newest_generated_at == GENERATED
    assert answer.unfollowed == {henk}
    assert answer.unreadable == 0
    assert sim.requests("lumen.alerts")[0].query == {}


async def test_a_day_by_its_date(sim: Simulator, client: LumenClient) -> None:
    maria, _ = _ids(sim)
    day = NEWEST - timedelta(days=7)
    answer = await client.alerts(day, people={maria})
    assert answer.day == day
    assert [alert.alert_subtype for alert in answer.alerts] == ["IN_RANGE"]
    (request,) = sim.requests("lumen.alerts")
    assert request.path == "/lumen/partners/v1/alerts"
    assert request.query == {"date": "2026-11-10"}


async def test_a_day_not_analysed_yet_is_answered_with_the_newest(client: LumenClient) -> None:
    answer = await client.alerts(NEWEST + timedelta(days=1), people=())
    assert answer.day == NEWEST


async def test_a_day_without_anything(sim: Simulator, client: LumenClient) -> None:
    sim.lumen.default.reset()
    answer = await client.alerts(people=())
    assert (answer.day, answer.alerts, answer.newest_generated_at) == (NEWEST, (), None)
    assert answer.unfollowed == frozenset()


@pytest.mark.parametrize("days", [-15, 2])
async def test_a_day_that_is_not_to_be_had(client: LumenClient, days: int) -> None:
    with pytest.raises(DateUnavailableError) as caught:
        await client.alerts(date(2026, 11, 18) + timedelta(days=days), people=())
    assert (caught.value.status, caught.value.code) == (409, "DATE_UNAVAILABLE")


async def test_what_a_newer_api_sends_passes_through(sim: Simulator, client: LumenClient) -> None:
    sim.load("newer_api")
    maria, _ = _ids(sim)
    answer = await client.alerts(people={maria})
    sleep = next(alert for alert in answer.alerts if alert.alert_type == "SLEEP")
    rebound = next(alert for alert in answer.alerts if alert.alert_type == "WEIGHT")
    assert (sleep.alert_subtype, sleep.severity) == ("SHORT_NIGHT", "MEDIUM")
    assert sleep.details["minutesAsleep"] == 262
    assert (rebound.alert_subtype, rebound.severity) == ("REBOUND", "CRITICAL")
    assert len((await client.identity_mappings())[0]) == 2


def _record(**changes: Any) -> dict[str, Any]:
    return {
        "sharedUserId": "maria",
        "alertType": "FLEX",
        "alertSubtype": "PLATEAU",
        "severity": "MEDIUM",
        "generatedAt": "2026-11-18T03:14:22Z",
        "details": {},
    } | changes


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("2026-11-18T03:14:22Z", GENERATED),
        ("2026-11-18T03:14:22.5Z", GENERATED + timedelta(seconds=0.5)),
        ("2026-11-18T05:14:22+02:00", GENERATED),
        ("2026-11-18T03:14:22", GENERATED),
    ],
)
async def test_times(sim: Simulator, client: LumenClient, told: str, meant: datetime) -> None:
    record = _record(generatedAt=told)
    sim.faults.add("lumen.alerts", _answer({"date": "2026-11-17", "alerts": [record]}))
    answer = await client.alerts(people={"maria"})
    assert answer.alerts[0].generated_at == meant
    assert answer.alerts[0].generated_at.utcoffset() == timedelta()


@pytest.mark.parametrize(
    "broken",
    [
        "text",
        None,
        17,
        [],
        {},
        _record(sharedUserId=None),
        _record(sharedUserId=""),
        _record(sharedUserId=["maria"]),
        _record(sharedUserId={"id": "maria"}),
        _record(alertType=None),
        _record(alertType=3),
        _record(alertSubtype=None),
        _record(generatedAt=None),
        _record(generatedAt="yesterday"),
        _record(generatedAt=1794971662),
        {key: value for key, value in _record().items() if key != "alertType"},
    ],
)
async def test_one_broken_alert_among_good_ones(
    sim: Simulator, client: LumenClient, broken: object
) -> None:
    good = [_record(), _record(alertType="WEIGHT")]
    data = {"date": "2026-11-17", "alerts": [good[0], broken, good[1]]}
    sim.faults.add("lumen.alerts", _answer(data))
    answer = await client.alerts(people={"maria"})
    assert [alert.alert_type for alert in answer.alerts] == ["FLEX", "WEIGHT"]
    assert answer.unreadable == 1
    assert answer.unfollowed == frozenset()


async def test_a_record_may_lack_what_has_a_meaning_of_its_own(
    sim: Simulator, client: LumenClient
) -> None:
    bare = {key: value for key, value in _record().items() if key not in ("severity", "details")}
    sim.faults.add("lumen.alerts", _answer({"date": "2026-11-17", "alerts": [bare]}))
    answer = await client.alerts(people={"maria"})
    assert (answer.alerts[0].severity, answer.alerts[0].details) == (None, None)
    assert answer.unreadable == 0


@pytest.mark.parametrize(
    "broken",
    [
        "text",
        None,
        {},
        {"email": None, "sharedUserId": "a", "grantedAt": "2026-11-18T03:14:22Z"},
        {"email": MARIA, "sharedUserId": 7, "grantedAt": "2026-11-18T03:14:22Z"},
        {"email": MARIA, "sharedUserId": "a", "grantedAt": "then"},
        {"email": MARIA, "sharedUserId": "a"},
    ],
)
async def test_one_broken_consent_among_good_ones(
    sim: Simulator, client: LumenClient, broken: object
) -> None:
    good = {"email": HENK, "sharedUserId": "henk", "grantedAt": "2026-11-18T03:14:22Z"}
    sim.faults.add("lumen.identity_mappings", _answer({"mappings": [broken, good]}))
    mappings, unreadable = await client.identity_mappings()
    assert [mapping.shared_user_id for mapping in mappings] == ["henk"]
    assert unreadable == 1


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"alerts": []},
        {"date": "2026-11-17"},
        {"date": None, "alerts": []},
        {"date": "17.11.2026", "alerts": []},
        {"date": "2026-11-17", "alerts": None},
        {"date": "2026-11-17", "alerts": {}},
        {"date": "2026-11-17", "alerts": "none"},
        {"date": "2026-11-17", "alerts": [None, "text"]},
    ],
)
async def test_a_day_of_no_use(sim: Simulator, client: LumenClient, data: object) -> None:
    sim.faults.add("lumen.alerts", _answer(data))
    with pytest.raises(UnexpectedAnswerError):
        await client.alerts(people=())


@pytest.mark.parametrize(
    "answer",
    [
        [],
        "ok",
        None,
        {},
        {"success": True},
        {"success": True, "data": []},
        {"success": True, "data": {}},
        {"success": True, "data": {"mappings": None}},
        {"success": True, "data": {"mappings": [{}, {}]}},
        {"success": "true", "data": {"mappings": []}},
        {"success": False, "data": {"mappings": []}},
        {"success": False, "error": {"code": "INTERNAL_ERROR"}},
        {"data": {"mappings": []}},
    ],
)
async def test_consents_of_no_use(sim: Simulator, client: LumenClient, answer: object) -> None:
    sim.faults.add("lumen.identity_mappings", body(orjson.dumps(answer)))
    with pytest.raises(UnexpectedAnswerError):
        await client.identity_mappings()


async def test_a_wrong_key(sim: Simulator) -> None:
    async with ClientSession() as session:
        client = LumenClient(session, base_url(sim.lumen.url), "not-the-key")
        with pytest.raises(AuthError, match="HTTP 401 UNAUTHORIZED"):
            await client.identity_mappings()


async def test_a_refused_key_inside_a_200(sim: Simulator, client: LumenClient) -> None:
    refusal = {"success": False, "error": {"code": "UNAUTHORIZED", "message": "No."}}
    sim.faults.add("lumen.alerts", body(orjson.dumps(refusal)))
    with pytest.raises(AuthError):
        await client.alerts(people=())


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ({"success": False, "error": {"code": "DAY_GONE"}}, DateUnavailableError),
        # Or a day would be given up because of a firewall.
        ({"message": "Conflict"}, ForeignRefusalError),
        ("<html>", ForeignRefusalError),
    ],
)
async def test_another_409_is_a_day_that_is_not_to_be_had_if_lumen_says_so(
    sim: Simulator, client: LumenClient, content: object, kind: type[ApiError]
) -> None:
    async def respond(exchange: Exchange) -> web.StreamResponse:
        return web.json_response(content, status=409)

    sim.faults.add("lumen.alerts", Fault("bare 409", respond))
    with pytest.raises(ApiError) as caught:
        await client.alerts(NEWEST, people=())
    assert type(caught.value) is kind


async def test_other_refusals_keep_their_code(sim: Simulator, client: LumenClient) -> None:
    sim.faults.add("lumen.alerts", CATALOGUE["403_bare"]())
    with pytest.raises(RefusedError) as caught:
        await client.alerts(people=())
    assert (caught.value.status, caught.value.code) == (403, "FORBIDDEN")


async def test_a_base_url_with_a_path_is_kept(sim: Simulator) -> None:
    async with ClientSession() as session:
        client = LumenClient(session, URL(f"{sim.lumen.url}/beta"), sim.lumen.api_key)
        with pytest.raises(RefusedError):
            await client.identity_mappings()
    assert sim.log[-1].path == "/lumen/beta/partners/v1/identity-mappings"
