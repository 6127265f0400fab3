"""Diagnostics and the log give nobody away."""

from datetime import timedelta
from itertools import cycle
import json
import logging
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.helpers.json import JSONEncoder
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.care_alerts.diagnostics import async_get_config_entry_diagnostics
from simulator import CATALOGUE
from tests.conftest import NOON, House

OUR_LOGGER = "custom_components.care_alerts"

KEY = "key-7c1f-swordfish"
CHOSEN = "zaphod.quillfeather@nowhere.example.com"
OTHER = "trillian.oakenshield@nowhere.example.com"
CHOSEN_ID = "c0ffee00-1111-4222-8333-feedfacebeef"
OTHER_ID = "deadbea7-5555-4666-9777-0ddba11c0de5"
WEIGHT = 91.4375
CHANGE = -3.8125

SECRETS = [
    KEY,
    "swordfish",
    CHOSEN,
    OTHER,
    "zaphod",
    "quillfeather",
    "trillian",
    "nowhere.example",
    CHOSEN_ID,
    OTHER_ID,
    "c0ffee00",
    str(WEIGHT),
    str(CHANGE),
    "127.0.0.1",
]


@pytest.fixture
async def entry(house: House, caplog: pytest.LogCaptureFixture) -> MockConfigEntry:
    """A source whose every secret is easy to find again."""
    caplog.set_level(logging.DEBUG, OUR_LOGGER)
    house.sim.lumen.rotate_key(KEY)
    account = house.sim.lumen.default
    details = {"currentWeightKg": WEIGHT, "weeklyPctChange": CHANGE}
    for email, person_id in ((CHOSEN, CHOSEN_ID), (OTHER, OTHER_ID)):
        person = account.add_person(
            email, shared_user_id=person_id, granted_at=NOON - timedelta(days=30)
        )
        for ago in range(-5, 5):
            day = NOON.date() - timedelta(days=ago)
            account.add_alert(person, day, "WEIGHT", "TOO_FAST", details=details)
    options = {
        "followed": [CHOSEN],
        "follow_later": True,
        "chosen_at": NOON.isoformat(),
        "on_from": "medium",
    }
    return await house.set_up(house.entry(options=options))


async def diagnostics(house: House, entry: MockConfigEntry) -> tuple[dict[str, Any], str]:
    """What a person would send us, and its text."""
    answer = await async_get_config_entry_diagnostics(house.hass, entry)
    return answer, json.dumps(answer, cls=JSONEncoder)


def found_in(text: str, house: House) -> list[str]:
    """The secrets that a text holds."""
    port = house.sim.url.rpartition(":")[2]
    return [secret for secret in (*SECRETS, f":{port}") if secret.lower() in text.lower()]


async def wait_as_asked(house: House, fault: str) -> None:
    """Mend a fault and let the time pass for which it asked to be left alone."""
    house.sim.faults.clear()
    await house.pass_time(days=1 if fault == "429_enormous" else 0, minutes=3)


async def test_the_secrets_are_where_they_should_be(house: House, entry: MockConfigEntry) -> None:
    """The searches below look for what is really there."""
    assert house.state("sensor", "weight", CHOSEN_ID).state == str(WEIGHT)
    held = json.dumps(dict(entry.data) | dict(entry.options))
    kept = str(entry.runtime_data.store.ledger.alerts())
    states = str(house.hass.states.async_all())
    everything = held + kept + states
    # Of somebody who is not followed nothing is kept; they are in the answers that are read.
    assert [s for s in SECRETS if s not in everything and s not in OTHER + OTHER_ID] == []
    assert OTHER not in everything


async def test_diagnostics(house: House, entry: MockConfigEntry) -> None:
    answer, text = await diagnostics(house, entry)
    assert found_in(text, house) == []
    assert answer["source"] == "lumen"
    assert answer["entry"] == "loaded"
    assert answer["status"] == "ok"
    assert answer["silent"] is False
    assert answer["options"]["followed"] == 1
    assert answer["options"]["on_from"] == "medium"
    assert answer["poll_every_seconds"] > 0
    assert answer["last_contact"] == NOON
    assert answer["ledger"]["alerts"] == 4
    assert answer["ledger"]["pending"] == 0
    assert answer["people"] == [{"heard_of": True, "conditions_on": 1, "has_last_alert": True}]


@pytest.mark.parametrize("fault", ["401_bare", "429_seconds", "500_bare", "bad_record_types"])
async def test_diagnostics_in_trouble(house: House, entry: MockConfigEntry, fault: str) -> None:
    house.sim.faults.add("*", CATALOGUE[fault]())
    await house.pass_time(hours=1, seconds=2)
    answer, text = await diagnostics(house, entry)
    assert found_in(text, house) == []
    expected = {
        "401_bare": "login_failed",
        "429_seconds": "rate_limited",
        "500_bare": "unreachable",
    }
    assert answer["status"] == expected.get(fault, "ok")
    errors = {
        "401_bare": "AuthError: HTTP 401 UNAUTHORIZED",
        "429_seconds": "RateLimitedError: HTTP 429 RATE_LIMIT",
        "500_bare": "UnreachableError: HTTP 500 INTERNAL_ERROR",
    }
    assert answer["last_error"] == errors.get(fault)
    assert (answer["unreadable_records"] > 0) is (fault not in expected)

    await wait_as_asked(house, fault)
    await house.pass_time(hours=2)
    answer, _ = await diagnostics(house, entry)
    assert answer["status"] == "ok"
    assert answer["last_error"] is None


async def test_diagnostics_of_a_source_that_does_not_run(
    house: House, entry: MockConfigEntry
) -> None:
    await house.hass.config_entries.async_unload(entry.entry_id)
    answer, text = await diagnostics(house, entry)
    assert found_in(text, house) == []
    assert answer["entry"] == "not_loaded"
    assert answer["options"]["followed"] == 1

    never = house.entry(data={"api_key": "another-key"})
    await house.set_up(never)
    answer, text = await diagnostics(house, never)
    assert found_in(text, house) == []
    assert answer == {
        "source": "lumen",
        "options": {},
        "polling_disabled": False,
        "entry": "setup_error",
        "not_loaded_because": "login_failed",
    }


async def test_each_source_says_which_of_its_options_are_no_names(house: House) -> None:
    worn = await house.dexcom_entry(options={"hold_time": 90, "judged": KEY})
    shared = house.tidepool_entry(options={"judged": False, "followed": [OTHER_ID]})
    told = []
    for entry in (worn, shared):
        entry.add_to_hass(house.hass)
        answer, _ = await diagnostics(house, entry)
        told.append(answer["options"])
    assert told == [{"hold_time": 90, "judged": "**REDACTED**"}, {"judged": False, "followed": 1}]


async def test_an_option_that_nobody_thought_of_is_not_told(
    house: House, entry: MockConfigEntry
) -> None:
    options = {"note": KEY, "by_name": {CHOSEN: OTHER_ID}, "names": [CHOSEN, OTHER]}
    house.hass.config_entries.async_update_entry(entry, options={**entry.options, **options})
    await house.settle()
    answer, text = await diagnostics(house, entry)
    assert found_in(text, house) == []
    assert answer["options"] == {
        "followed": 1,
        "follow_later": True,
        "chosen_at": NOON.isoformat(),
        "on_from": "medium",
        "note": "**REDACTED**",
        "by_name": "**REDACTED**",
        "names": 2,
    }


async def test_the_log_gives_nobody_away(
    house: House, entry: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """Every kind of fault, one after the other, with everything logged that can be."""
    hass = house.hass
    hard = [name for name in CATALOGUE if name not in ("slow", "hang", "hang_body")]
    for number, name in enumerate(hard):
        house.sim.faults.add("*", CATALOGUE[name]())
        house.sim.log.clear()
        await entry.runtime_data.async_refresh()
        assert house.sim.log, name
        await wait_as_asked(house, name)
        if number % 20 == 0:
            await hass.config_entries.async_reload(entry.entry_id)
            await house.settle()
        assert entry.state is ConfigEntryState.LOADED
    await house.pass_time(days=2)
    assert house.state("sensor", "status").state == "ok"
    ours = [record for record in caplog.records if record.name.startswith(OUR_LOGGER)]
    assert any(record.levelno == logging.DEBUG for record in ours)
    assert any(record.levelno >= logging.WARNING for record in ours)
    text = "\n".join(logging.Formatter().format(record) for record in ours)
    assert found_in(text, house) == []


async def test_the_log_of_a_set_up_that_fails(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """Home Assistant logs the exception and all that caused it."""
    caplog.set_level(logging.DEBUG)
    house.sim.lumen.rotate_key(KEY)
    house.sim.faults.add("*", CATALOGUE["503_bare"]())
    entry = await house.set_up(house.entry())
    assert entry.state is ConfigEntryState.SETUP_RETRY
    await house.sim.stop()
    await house.pass_time(seconds=30)
    said = [
        record
        for record in caplog.records
        if record.name.startswith((OUR_LOGGER, "homeassistant.config_entries"))
    ]
    text = "\n".join(logging.Formatter().format(record) for record in said)
    assert "UnreachableError" in text
    assert found_in(text, house) == []


# Dexcom, with a login that is renewed, values and a name.


WEARER = "Zaphod Quillfeather"
SECRET = "secret-9b2e-swordfish"
SERIAL = "feedface" * 8
VALUE = 137.8125


@pytest.fixture
async def worn(house: House, caplog: pytest.LogCaptureFixture) -> MockConfigEntry:
    """A wearer whose every secret is easy to find again."""
    caplog.set_level(logging.DEBUG, OUR_LOGGER)
    dexcom = house.sim.dexcom
    dexcom.client.client_secret = SECRET
    wearer = dexcom.add_wearer("Zaphod")
    for hours in range(-5, 144):
        wearer.add_egv(NOON + timedelta(hours=hours), 138, extra={"value": VALUE})
        wearer.add_alert("low", NOON + timedelta(hours=hours), transmitterId=SERIAL)
    return await house.set_up(await house.dexcom_entry(wearer, title=WEARER))


def secrets_of(house: House, entry: MockConfigEntry) -> list[str]:
    """What nobody else may learn, tokens of all times among it."""
    dexcom = house.sim.dexcom
    wearer = dexcom.wearer("Zaphod")
    token = entry.data["token"]
    return [
        SECRET,
        "Zaphod",
        "Quillfeather",
        dexcom.client_id,
        wearer.user_id,
        wearer.user_id[:12],
        SERIAL,
        str(VALUE),
        token["access_token"],
        token["refresh_token"],
        *dexcom.used_refresh_tokens,
        *(alert.alert_id for alert in entry.runtime_data.store.ledger.alerts()),
        dexcom.url,
    ]


async def test_dexcoms_secrets_are_where_they_should_be(
    house: House, worn: MockConfigEntry
) -> None:
    """The searches below look for what is really there."""
    states = house.hass.states.async_all()
    everything = str(dict(worn.data)) + worn.title + str(states)
    everything += str(worn.runtime_data.store.ledger.alerts())
    everything += str([request.headers for request in house.sim.log])
    app = (SECRET, house.sim.dexcom.client_id)
    assert [s for s in secrets_of(house, worn) if s not in everything and s not in app] == []
    assert house.state("sensor", "glucose", worn.unique_id).state == str(VALUE)


@pytest.mark.parametrize("fault", [None, "401_bare", "429_seconds", "500_bare", "bad_record_types"])
async def test_diagnostics_of_dexcom(
    house: House, worn: MockConfigEntry, fault: str | None
) -> None:
    if fault:
        house.sim.faults.add("dexcom.alerts", CATALOGUE[fault]())
    await house.pass_time(minutes=31)
    answer, text = await diagnostics(house, worn)
    assert [secret for secret in secrets_of(house, worn) if secret in text] == []
    assert answer["source"] == "dexcom"
    assert answer["status"] == {
        "401_bare": "login_failed",
        "429_seconds": "rate_limited",
        "500_bare": "unreachable",
    }.get(fault or "", "ok")
    assert answer["ledger"]["alerts"] >= 5
    assert answer["people"] == [{"heard_of": True, "conditions_on": 1, "has_last_alert": True}]
    assert (answer["unreadable_records"] > 0) is (fault == "bad_record_types")


async def test_the_log_of_dexcom_gives_nobody_away(
    house: House, worn: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """Every kind of fault, one after the other, at one request or the other, with everything logged that can be."""
    hard = [name for name in CATALOGUE if name not in ("slow", "hang", "hang_body")]
    requests = cycle(["dexcom.alerts", "dexcom.egvs", "dexcom.token"])
    for name, endpoint in zip(hard, requests, strict=False):
        if endpoint == "dexcom.token":
            house.sim.dexcom.expire_access_tokens()
        house.sim.faults.add(endpoint, CATALOGUE[name]())
        house.sim.log.clear()
        await worn.runtime_data.async_refresh()
        assert house.sim.requests(endpoint), name
        await wait_as_asked(house, name)
        token = house.sim.dexcom.grant(house.sim.dexcom.wearer("Zaphod"))
        renewed = {**worn.data["token"], **token}
        house.hass.config_entries.async_update_entry(worn, data={**worn.data, "token": renewed})
    await house.pass_time(days=1, hours=2)
    assert house.state("sensor", "status").state == "ok"
    ours = [record for record in caplog.records if record.name.startswith(OUR_LOGGER)]
    assert any(record.levelno == logging.DEBUG for record in ours)
    assert any(record.levelno >= logging.WARNING for record in ours)
    text = "\n".join(logging.Formatter().format(record) for record in ours)
    assert [secret for secret in secrets_of(house, worn) if secret in text] == []
