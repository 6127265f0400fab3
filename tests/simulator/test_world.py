"""The simulator's clock and its scenarios."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest

from simulator import Simulator
from simulator.clock import Clock
from simulator.lumen import SEVERITIES
from simulator.scenarios import ANA, HENK, MARIA, SCENARIOS

NOW = datetime(2026, 5, 5, 9, tzinfo=UTC)
NEWEST = date(2026, 5, 4)


class Seconds:
    """A monotonic clock turned by hand."""

    def __init__(self) -> None:
        """Begin anywhere."""
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


def test_clock_runs_at_its_speed() -> None:
    seconds = Seconds()
    clock = Clock(NOW, 60, seconds)
    seconds.now += 2
    assert clock.now() == NOW + timedelta(minutes=2)
    clock.speed = 1
    seconds.now += 2
    assert clock.now() == NOW + timedelta(minutes=2, seconds=2)
    clock.advance(timedelta(days=1))
    assert clock.now() == NOW + timedelta(days=1, minutes=2, seconds=2)


def test_frozen_clock_stands_still_until_it_is_moved() -> None:
    seconds = Seconds()
    clock = Clock(NOW, 0, seconds)
    seconds.now += 500
    assert clock.frozen
    assert clock.now() == NOW
    clock.set(NOW + timedelta(hours=1))
    clock.speed = 2
    seconds.now += 1
    assert not clock.frozen
    assert clock.now() == NOW + timedelta(hours=1, seconds=2)


def test_clock_speaks_utc_and_refuses_what_is_no_time() -> None:
    clock = Clock(datetime(2026, 5, 5, 9, tzinfo=timezone(timedelta(hours=2))), 0)
    assert clock.now().isoformat() == "2026-05-05T07:00:00+00:00"
    with pytest.raises(ValueError, match="no time zone"):
        clock.set(datetime.fromisoformat("2026-05-05T09:00:00"))
    with pytest.raises(ValueError, match="speed"):
        clock.speed = -1
    with pytest.raises(ValueError, match="speed"):
        Clock(NOW, float("nan"))


def test_clock_without_start_is_the_machines() -> None:
    before = datetime.now(UTC)
    assert before <= Clock().now() <= datetime.now(UTC)


def told(sim: Simulator, day: date | None = None) -> dict[str, list[dict[str, Any]]]:
    """Return the alerts of a day (the newest) by e-mail."""
    account = sim.lumen.default
    now = sim.clock.now()
    body = orjson.loads(account.alerts_body(day or account.newest_day(now), now))
    return {
        person.email: [
            alert
            for alert in body["data"]["alerts"]
            if alert["sharedUserId"] == person.shared_user_id
        ]
        for person in account.people
    }


def kinds(alerts: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Return what alerts say."""
    return [(a["alertType"], a["alertSubtype"], a["severity"]) for a in alerts]


@pytest.mark.parametrize(
    "scenario", [name for name in SCENARIOS if not name.startswith(("dexcom_", "tidepool_"))]
)
@pytest.mark.parametrize("hour", [0, 3, 9, 23])
def test_every_scenario_has_news_at_any_hour(scenario: str, hour: int) -> None:
    sim = Simulator(NOW.replace(hour=hour), 0, scenario)
    assert told(sim)[MARIA]


def test_demo_has_a_past_a_present_and_a_future() -> None:
    sim = Simulator(NOW, 0, "demo")
    today = told(sim)
    assert kinds(today[MARIA]) == [
        ("WEIGHT", "TOO_FAST", "HIGH"),
        ("MEDICATION", "MISSED_DOSE_HIGH", "HIGH"),
        ("FLEX", "PLATEAU", "MEDIUM"),
    ]
    weight, doses, _ = today[MARIA]
    assert weight["details"]["weeklyPctChange"] == -2.6
    assert doses["details"] == {
        "missedDoses7d": 5,
        "scheduledDoses7d": 7,
        "adherencePct7d": 28.6,
        "lastLoggedDoseAt": "2026-04-30T08:11:00Z",
        "consecutiveMisses": 4,
    }
    assert kinds(today[HENK]) == [("WEIGHT", "AT_GOAL", "LOW")]

    history = [told(sim, NEWEST - timedelta(days=back)) for back in range(1, 14)]
    assert all(day[MARIA] for day in history)
    assert sum(not day[HENK] for day in history) == 2

    for _ in range(10):
        sim.clock.advance(timedelta(days=1))
        day = told(sim)
        assert day[MARIA]
        assert {severity for *_, severity in kinds(day[HENK])} <= {"LOW"}
    assert kinds(told(sim)[MARIA]) == [("WEIGHT", "IN_RANGE", "LOW")]


@pytest.mark.parametrize("scenario", ["demo", "quiet_week", "bad_night", "consent"])
def test_stories_agree_with_the_documentation(scenario: str) -> None:
    sim = Simulator(NOW, 0, scenario)
    for back in range(14):
        day = NEWEST - timedelta(days=back)
        for alert in [alert for alerts in told(sim, day).values() for alert in alerts]:
            kind = (alert["alertType"], alert["alertSubtype"])
            assert alert["severity"] == SEVERITIES[kind]
            match alert:
                case {"alertSubtype": "TOO_FAST", "details": {"weeklyPctChange": pct}}:
                    assert pct < -2.0
                case {"alertSubtype": "IN_RANGE", "details": {"weeklyPctChange": pct}}:
                    assert -2.0 <= pct <= -0.1
                case {"alertType": "MEDICATION", "details": details}:
                    assert details["consecutiveMisses"] <= details["missedDoses7d"]
                    assert details["lastLoggedDoseAt"][:10] <= day.isoformat()


def test_quiet_week_is_good_news_only() -> None:
    sim = Simulator(NOW, 0, "quiet_week")
    week = [told(sim, NEWEST - timedelta(days=back)) for back in range(7)]
    said = [kinds(alerts) for day in week for alerts in day.values()]
    assert said == [[("WEIGHT", "IN_RANGE", "LOW")]] * 14


def test_bad_night_turns_on_the_newest_day() -> None:
    sim = Simulator(NOW, 0, "bad_night")
    assert sorted(kinds(told(sim)[MARIA])) == [
        ("FLEX", "DRAMATIC_DROP", "HIGH"),
        ("MEDICATION", "MISSED_DOSE_HIGH", "HIGH"),
        ("WEIGHT", "TOO_FAST", "HIGH"),
    ]
    for back in range(1, 7):
        day = told(sim, NEWEST - timedelta(days=back))
        assert kinds(day[MARIA]) == [("WEIGHT", "IN_RANGE", "LOW")]


def test_consent_comes_and_goes() -> None:
    sim = Simulator(NOW, 0, "consent")
    henk, ana = (sim.lumen.default.person(email) for email in (HENK, ANA))
    assert henk.consented
    assert henk.granted_at == NOW - timedelta(hours=1)
    seen = []
    for _ in range(4):
        seen.append(ana.consented and bool(told(sim)[ANA]))
        sim.clock.advance(timedelta(days=1))
    assert seen == [True, False, False, True]
    assert ana.granted_at == NOW + timedelta(days=3)


def test_newer_api_says_what_nobody_documents() -> None:
    sim = Simulator(NOW, 0, "newer_api")
    said = {kind[:2] for alerts in told(sim).values() for kind in kinds(alerts)}
    assert {("SLEEP", "SHORT_NIGHT"), ("WEIGHT", "REBOUND")} <= said - set(SEVERITIES)
    assert kinds(told(sim)[MARIA])[-1][2] == "CRITICAL"


def test_loading_a_scenario_replaces_everybody_but_keeps_their_ids() -> None:
    sim = Simulator(NOW, 0, "consent")
    before = sim.lumen.default.person(MARIA).shared_user_id
    sim.lumen.rotate_key("another-key")
    sim.load("bad_night")
    assert [person.email for person in sim.lumen.default.people] == [MARIA, HENK]
    assert sim.lumen.default.person(MARIA).shared_user_id == before
    with pytest.raises(KeyError):
        sim.load("no such story")
