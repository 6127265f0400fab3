"""The simulated Lumen against its documentation."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from aiohttp import ClientSession
import pytest

from simulator import Simulator

NOW = datetime(2026, 5, 5, 9, tzinfo=UTC)
NEWEST = date(2026, 5, 4)
MAPPINGS, ALERTS = "identity-mappings", "alerts"


class Client:
    """The plainest client there is."""

    def __init__(self, sim: Simulator, session: ClientSession) -> None:
        """Use the first account's key."""
        self.sim = sim
        self.session = session

    async def ask(
        self,
        endpoint: str,
        *,
        method: str = "GET",
        key: str | None = "demo-lumen-key",
        **params: str,
    ) -> tuple[int, Any]:
        """Return status and JSON."""
        headers = {} if key is None else {"X-Partner-Api-Key": key}
        async with self.session.request(
            method,
            f"{self.sim.lumen.url}/partners/v1/{endpoint}",
            headers=headers,
            params=params,
        ) as response:
            return response.status, await response.json()

    async def alerts(self, **params: str) -> dict[str, Any]:
        """Return the data of a good answer of the alerts endpoint."""
        status, body = await self.ask(ALERTS, **params)
        assert (status, body["success"]) == (200, True)
        data: dict[str, Any] = body["data"]
        return data

    async def mapped(self, **params: str) -> list[str]:
        """Return the e-mails of a good answer of the mappings endpoint."""
        status, body = await self.ask(MAPPINGS, **params)
        assert (status, body["success"]) == (200, True)
        return [mapping["email"] for mapping in body["data"]["mappings"]]


@pytest.fixture
async def client(socket_enabled: None) -> AsyncIterator[Client]:
    """Return a client of a world that stands still."""
    async with Simulator(NOW, 0) as sim, ClientSession() as session:
        yield Client(sim, session)


@pytest.mark.parametrize(
    ("endpoint", "request_", "status", "code"),
    [
        (ALERTS, {"method": "POST"}, 405, "METHOD_NOT_ALLOWED"),
        (MAPPINGS, {"method": "DELETE"}, 405, "METHOD_NOT_ALLOWED"),
        (ALERTS, {"key": None}, 401, "UNAUTHORIZED"),
        (MAPPINGS, {"key": None}, 401, "UNAUTHORIZED"),
        (ALERTS, {"key": ""}, 401, "UNAUTHORIZED"),
        (MAPPINGS, {"key": "DEMO-LUMEN-KEY"}, 401, "UNAUTHORIZED"),
        (ALERTS, {"key": "wrong", "date": "never"}, 401, "UNAUTHORIZED"),
        ("nothing", {}, 404, "NOT_FOUND"),
        (ALERTS, {"date": ""}, 400, "INVALID_INPUT"),
        (ALERTS, {"date": "today"}, 400, "INVALID_INPUT"),
        (ALERTS, {"date": "20260504"}, 400, "INVALID_INPUT"),
        (ALERTS, {"date": "2026-5-4"}, 400, "INVALID_INPUT"),
        (ALERTS, {"date": "2026-W19-1"}, 400, "INVALID_INPUT"),
        (ALERTS, {"date": "2026-05-04T00:00:00Z"}, 400, "INVALID_INPUT"),
        (ALERTS, {"date": "2026-02-30"}, 400, "INVALID_INPUT"),
        (ALERTS, {"date": "\uff12\uff10\uff12\uff16-05-04"}, 400, "INVALID_INPUT"),
        (ALERTS, {"severity": "HIGH"}, 400, "INVALID_INPUT"),
        (ALERTS, {"date": "2026-05-04", "user": "x"}, 400, "INVALID_INPUT"),
        (ALERTS, {"date": "2026-04-20"}, 409, "DATE_UNAVAILABLE"),
        (ALERTS, {"date": "0001-01-01"}, 409, "DATE_UNAVAILABLE"),
        (ALERTS, {"date": "2026-05-06"}, 409, "DATE_UNAVAILABLE"),
        (MAPPINGS, {"grantedAfter": ""}, 400, "INVALID_INPUT"),
        (MAPPINGS, {"grantedAfter": "yesterday"}, 400, "INVALID_INPUT"),
        (MAPPINGS, {"grantedAfter": "2026-05-04"}, 400, "INVALID_INPUT"),
        (MAPPINGS, {"grantedAfter": "2026-05-04T00:00:00"}, 400, "INVALID_INPUT"),
        (MAPPINGS, {"grantedAfter": "2026-05-04 00:00:00Z"}, 400, "INVALID_INPUT"),
        (MAPPINGS, {"grantedAfter": "2026-13-04T00:00:00Z"}, 400, "INVALID_INPUT"),
        (MAPPINGS, {"grantedAfter": "1777852800"}, 400, "INVALID_INPUT"),
        (MAPPINGS, {"date": "2026-05-04"}, 400, "INVALID_INPUT"),
    ],
)
async def test_what_the_documentation_forbids(
    client: Client, endpoint: str, request_: dict[str, Any], status: int, code: str
) -> None:
    answer = await client.ask(endpoint, **request_)
    assert answer[0] == status
    assert answer[1]["success"] is False
    assert answer[1]["error"]["code"] == code
    assert isinstance(answer[1]["error"]["message"], str)


async def test_a_parameter_given_twice_is_refused(client: Client) -> None:
    status, _ = await client.ask("alerts?date=2026-05-04&date=2026-05-03")
    assert status == 400


@pytest.mark.parametrize(
    "granted_after",
    [
        "1970-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "2026-05-05T08:59:58.5Z",
        "2026-05-05T10:59:59+02:00",
        "2026-05-04T22:59:59-10:00",
    ],
)
async def test_granted_after_in_any_zone(client: Client, granted_after: str) -> None:
    client.sim.lumen.default.add_person("user@example.com")
    assert await client.mapped(grantedAfter=granted_after) == ["user@example.com"]


async def test_granted_after_is_strict_and_defaults_to_the_utc_day(
    client: Client,
) -> None:
    account = client.sim.lumen.default
    midnight = NOW.replace(hour=0)
    account.add_person("later@example.com", granted_at=NOW + timedelta(hours=1))
    account.add_person("today@example.com", granted_at=midnight + timedelta(seconds=1))
    account.add_person("midnight@example.com", granted_at=midnight)
    assert await client.mapped() == ["today@example.com"]
    assert await client.mapped(grantedAfter="2026-05-04T23:59:59Z") == [
        "midnight@example.com",
        "today@example.com",
    ]
    client.sim.clock.advance(timedelta(hours=1))
    assert await client.mapped(grantedAfter="2026-05-05T00:00:01Z") == ["later@example.com"]


async def test_mapping_as_documented(client: Client) -> None:
    person = client.sim.lumen.default.add_person("user@example.com")
    status, body = await client.ask(MAPPINGS)
    assert status == 200
    assert body == {
        "success": True,
        "data": {
            "mappings": [
                {
                    "email": "user@example.com",
                    "sharedUserId": person.shared_user_id,
                    "grantedAt": "2026-05-05T09:00:00Z",
                }
            ]
        },
    }


async def test_alert_as_documented(client: Client) -> None:
    account = client.sim.lumen.default
    person = account.add_person("user@example.com")
    sent = account.add_alert(person, NEWEST, "MEDICATION", "MISSED_DOSE_HIGH")
    data = await client.alerts()
    assert data == {"date": "2026-05-04", "alerts": [sent]}
    assert sent == {
        "sharedUserId": person.shared_user_id,
        "alertType": "MEDICATION",
        "alertSubtype": "MISSED_DOSE_HIGH",
        "severity": "HIGH",
        "generatedAt": "2026-05-05T03:14:22Z",
        "details": {
            "missedDoses7d": 5,
            "scheduledDoses7d": 7,
            "adherencePct7d": 28.6,
            "lastLoggedDoseAt": "2026-04-30T08:11:00Z",
            "consecutiveMisses": 4,
        },
    }


async def test_extra_fields_and_unknown_words_pass(client: Client) -> None:
    account = client.sim.lumen.default
    person = account.add_person("user@example.com")
    account.add_alert(person, NEWEST, "SLEEP", "SHORT", extra={"confidence": 0.9})
    (alert,) = (await client.alerts())["alerts"]
    assert (alert["severity"], alert["details"]) == ("LOW", {})
    assert alert["confidence"] == 0.9


@pytest.mark.parametrize(
    ("at", "asked", "day"),
    [
        ("2026-05-05T03:14:21+00:00", None, "2026-05-03"),
        ("2026-05-05T03:14:22+00:00", None, "2026-05-04"),
        ("2026-05-05T03:14:21+00:00", "2026-05-04", "2026-05-03"),
        ("2026-05-05T03:14:21+00:00", "2026-05-05", "2026-05-03"),
        ("2026-05-05T23:59:59+00:00", "2026-05-05", "2026-05-04"),
        ("2026-05-05T09:00:00+00:00", "2026-05-02", "2026-05-02"),
        ("2026-05-05T09:00:00+00:00", "2026-04-21", "2026-04-21"),
    ],
)
async def test_which_day_is_answered(client: Client, at: str, asked: str | None, day: str) -> None:
    client.sim.clock.set(datetime.fromisoformat(at))
    data = await client.alerts(**({"date": asked} if asked else {}))
    assert data["date"] == day


async def test_days_of_an_account_elsewhere(client: Client) -> None:
    lumen = client.sim.lumen
    lumen.add_account("auckland", "Pacific/Auckland")
    lumen.add_account("honolulu", "Pacific/Honolulu")
    client.sim.clock.set(datetime(2026, 5, 5, 13, tzinfo=UTC))
    ask = client.ask
    assert (await ask(ALERTS, key="auckland", date="2026-05-06"))[0] == 200
    assert (await ask(ALERTS, key="auckland", date="2026-04-21"))[0] == 409
    client.sim.clock.set(datetime(2026, 5, 5, 9, tzinfo=UTC))
    assert (await ask(ALERTS, key="honolulu", date="2026-05-05"))[0] == 409
    assert (await ask(ALERTS, key="honolulu", date="2026-04-20"))[0] == 200


async def test_analysis_on_the_same_day(client: Client) -> None:
    account = client.sim.lumen.default
    account.generation_days = 0
    person = account.add_person("user@example.com")
    sent = account.add_alert(person, NOW.date(), "FLEX", "PLATEAU")
    assert sent["generatedAt"] == "2026-05-05T03:14:22Z"
    assert await client.alerts() == {"date": "2026-05-05", "alerts": [sent]}


async def test_an_alert_shows_when_it_is_made_and_the_later_of_a_type_wins(
    client: Client,
) -> None:
    account = client.sim.lumen.default
    person = account.add_person("user@example.com")
    first = account.add_alert(person, NEWEST, "WEIGHT", "TOO_FAST")
    second = account.add_alert(
        person, NEWEST, "WEIGHT", "TOO_SLOW", generated_at=NOW + timedelta(hours=1)
    )
    assert (await client.alerts())["alerts"] == [first]
    client.sim.clock.advance(timedelta(hours=1))
    assert (await client.alerts())["alerts"] == [second]
    client.sim.clock.set(NOW)
    assert (await client.alerts())["alerts"] == [first]


async def test_a_day_is_there_with_its_first_alert(client: Client) -> None:
    account = client.sim.lumen.default
    person = account.add_person("user@example.com")
    account.add_alert(person, NOW.date(), "FLEX", "PLATEAU", generated_at=NOW)
    assert (await client.alerts())["date"] == "2026-05-05"


async def test_sorted_by_severity_then_newest(client: Client) -> None:
    account = client.sim.lumen.default
    expected = []
    for number, (severity, minutes) in enumerate(
        [("HIGH", 2), ("HIGH", 1), ("MEDIUM", 9), ("LOW", 5), ("LOW", 4), ("ODD", 7)]
    ):
        person = account.add_person(f"user{number}@example.com")
        at = datetime(2026, 5, 5, 3, minutes, tzinfo=UTC)
        expected.append((person, severity, at))
    for person, severity, at in reversed(expected):
        account.add_alert(person, NEWEST, "WEIGHT", "TOO_FAST", severity=severity, generated_at=at)
    data = await client.alerts()
    assert [alert["sharedUserId"] for alert in data["alerts"]] == [
        person.shared_user_id for person, *_ in expected
    ]


async def test_revoked_people_vanish_and_come_back_as_they_were(client: Client) -> None:
    account = client.sim.lumen.default
    person = account.add_person("user@example.com")
    account.add_alert(person, NEWEST, "WEIGHT", "TOO_FAST")
    shared_user_id = person.shared_user_id
    account.revoke(person)
    assert not person.consented
    assert await client.mapped() == []
    assert (await client.alerts())["alerts"] == []
    client.sim.clock.advance(timedelta(hours=1))
    account.grant(person)
    assert person.granted_at == NOW + timedelta(hours=1)
    assert person.shared_user_id == shared_user_id
    assert await client.mapped(grantedAfter="2026-05-05T09:00:00Z") == [person.email]
    assert len((await client.alerts())["alerts"]) == 1


async def test_accounts_have_their_own_people(client: Client) -> None:
    lumen = client.sim.lumen
    other = lumen.add_account("other-key")
    mine = lumen.account(lumen.api_key).add_person("user@example.com")
    theirs = other.add_person("user@example.com")
    assert mine.shared_user_id != theirs.shared_user_id
    other.add_person("second@example.com")
    assert await client.mapped() == ["user@example.com"]
    with pytest.raises(ValueError, match="there"):
        other.add_person("user@example.com")
    with pytest.raises(ValueError, match="other-key"):
        lumen.add_account("other-key")
    with pytest.raises(ValueError, match="other-key"):
        lumen.rotate_key("other-key")


async def test_a_rotated_key_replaces_the_old_one(client: Client) -> None:
    client.sim.lumen.rotate_key("new")
    assert client.sim.lumen.api_key == "new"
    assert (await client.ask(ALERTS))[0] == 401
    assert (await client.ask(ALERTS, key="new"))[0] == 200


async def test_requests_are_logged_as_they_came(client: Client) -> None:
    await client.ask(ALERTS, date="2026-05-04")
    client.sim.clock.advance(timedelta(minutes=1))
    await client.ask(MAPPINGS, key="wrong")
    await client.ask("nothing")
    first, second, third = client.sim.log
    assert (first.endpoint, first.method, first.status, first.at) == (
        "lumen.alerts",
        "GET",
        200,
        NOW,
    )
    assert first.path == "/lumen/partners/v1/alerts"
    assert first.query == {"date": "2026-05-04"}
    assert first.headers["x-partner-api-key"] == "demo-lumen-key"
    assert (second.status, second.at) == (401, NOW + timedelta(minutes=1))
    assert third.endpoint == "lumen.unknown"
    assert client.sim.requests("lumen.identity_mappings") == [second]


async def test_ten_thousand_people_are_answered_from_memory(client: Client) -> None:
    account = client.sim.lumen.default
    for number in range(10_000):
        person = account.add_person(f"user{number}@example.com")
        account.add_alert(person, NEWEST, "WEIGHT", "TOO_FAST")
    assert len((await client.alerts())["alerts"]) == 10_000
    assert len(await client.mapped()) == 10_000
    body = account.alerts_body(NEWEST, NOW)
    assert body is account.alerts_body(NEWEST, NOW + timedelta(hours=1))
    account.revoke(account.person("user7@example.com"))
    assert len((await client.alerts())["alerts"]) == 9_999
