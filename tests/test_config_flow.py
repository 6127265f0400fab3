"""Setting up, renewing and changing a source: the steps a person walks through, over the real API."""

from datetime import timedelta
from unittest.mock import patch

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState, ConfigFlowResult
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr
import pytest

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.sources.lumen.api import LumenClient
from simulator import CATALOGUE, Simulator
from simulator.lumen import LumenAccount
from simulator.scenarios import HENK, MARIA
from tests.conftest import NOON, House
from tests.flows import answer, begin, suggested

MAPPINGS = "lumen.identity_mappings"


@pytest.fixture(autouse=True)
def _demo(house: House) -> None:
    house.sim.load("demo")


def given(house: House, **changes: str) -> dict[str, str]:
    """What a person types."""
    return {"base_url": house.sim.lumen.url, "api_key": house.sim.lumen.api_key} | changes


def crowd(house: House, size: int) -> list[str]:
    """Let so many people give consent."""
    account = house.sim.lumen.default
    account.reset()
    emails = [f"person{number:03}@example.com" for number in range(size)]
    for email in emails:
        account.add_person(email, granted_at=NOON - timedelta(days=20))
    return emails


async def test_two_minutes_to_a_source(house: House) -> None:
    form = await begin(house, "lumen")
    result = await answer(
        house,
        form,
        **given(house, base_url=f" {house.sim.lumen.url}/ ", api_key=" demo-lumen-key "),
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Lumen"
    assert result["data"] == {"source": "lumen", **given(house)}
    entry = result["result"]
    assert entry.options == {}
    assert entry.state is ConfigEntryState.LOADED
    assert entry.unique_id is not None
    assert house.sim.lumen.api_key not in entry.unique_id
    names = {device.name for device in dr.async_get(house.hass).devices}
    assert names == {"Lumen", "maria.keller", "henk.devries"}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("401_bare", {"api_key": "invalid_auth"}),
        ("429_seconds", {"base": "rate_limited"}),
        ("403_bare", {"base": "cannot_connect"}),
        ("page_401", {"base": "cannot_connect"}),
        ("page_403", {"base": "cannot_connect"}),
        ("page_407", {"base": "cannot_connect"}),
        ("404_bare", {"base": "cannot_connect"}),
        ("500_bare", {"base": "cannot_connect"}),
        ("503_http_date", {"base": "cannot_connect"}),
        ("reset", {"base": "cannot_connect"}),
        ("redirect", {"base": "cannot_connect"}),
        ("not_json", {"base": "cannot_connect"}),
        ("wrong_content_type", {"base": "cannot_connect"}),
        ("success_false", {"base": "cannot_connect"}),
        ("wrong_types_records_are_null", {"base": "cannot_connect"}),
    ],
)
async def test_an_error_and_its_way_out(house: House, fault: str, error: dict[str, str]) -> None:
    form = await begin(house, "lumen")
    house.sim.faults.add(MAPPINGS, CATALOGUE[fault]())
    result = await answer(house, form, **given(house))
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "lumen"
    assert result["errors"] == error
    assert suggested(result) == given(house)
    house.sim.faults.clear()
    result = await answer(house, result, **given(house))
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_wrong_key_a_wrong_address_and_a_server_that_is_down(house: House) -> None:
    form = await begin(house, "lumen")
    form = await answer(house, form, **given(house, api_key="wrong"))
    assert form["errors"] == {"api_key": "invalid_auth"}
    for mistyped in ("two\nlines", "schlüssel", "tab\tbed"):
        form = await answer(house, form, **given(house, api_key=mistyped))
        assert form["errors"] == {"api_key": "invalid_auth"}
    form = await answer(house, form, **given(house, base_url="http://api.example.com"))
    assert form["errors"] == {"base_url": "invalid_url"}
    form = await answer(house, form, **given(house, base_url=f"{house.sim.url}/nowhere"))
    assert form["errors"] == {"base": "cannot_connect"}
    port = int(house.sim.url.rpartition(":")[2])
    await house.sim.stop()
    form = await answer(house, form, **given(house))
    assert form["errors"] == {"base": "cannot_connect"}
    await house.sim.start(port=port)
    result = await answer(house, form, **given(house))
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    "refused",
    [
        "http://192.168.1.5/lumen",
        "https://user:secret@api.example.com",
        "https://api.example.com/?key=1",
        "https://api.example.com/#top",
        "ftp://api.example.com",
        "two words",
        "lumen",
    ],
)
async def test_an_address_that_no_key_is_sent_to(house: House, refused: str) -> None:
    form = await begin(house, "lumen")
    result = await answer(house, form, **given(house, base_url=refused))
    assert result["errors"] == {"base_url": "invalid_url"}
    assert house.sim.log == []
    assert suggested(result)["base_url"] == refused
    result = await answer(house, result, **given(house))
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_what_nobody_thought_of(house: House, caplog: pytest.LogCaptureFixture) -> None:
    form = await begin(house, "lumen")
    with patch.object(LumenClient, "identity_mappings", side_effect=ArithmeticError("odd")):
        result = await answer(house, form, **given(house))
    assert result["errors"] == {"base": "unknown"}
    assert "Unexpected ArithmeticError while asking Lumen" in caplog.text
    assert "ArithmeticError: odd" not in caplog.text
    assert house.sim.lumen.api_key not in caplog.text
    result = await answer(house, result, **given(house))
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_the_same_key_again(house: House) -> None:
    await answer(house, await begin(house, "lumen"), **given(house))
    result = await answer(house, await begin(house, "lumen"), **given(house))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")
    again = given(house, base_url=f"{house.sim.lumen.url}//")
    result = await answer(house, await begin(house, "lumen"), **again)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")


async def test_the_same_key_again_while_the_first_is_not_loaded(house: House) -> None:
    entry = (await answer(house, await begin(house, "lumen"), **given(house)))["result"]
    await house.hass.config_entries.async_unload(entry.entry_id)
    result = await answer(house, await begin(house, "lumen"), **given(house))
    assert result["reason"] == "already_configured"


async def test_another_key_of_the_same_account(house: House) -> None:
    await answer(house, await begin(house, "lumen"), **given(house))
    house.sim.lumen.rotate_key("rotated-key")
    result = await answer(house, await begin(house, "lumen"), **given(house))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")
    assert len(house.hass.config_entries.async_entries(DOMAIN)) == 1


def another_account(house: House) -> LumenAccount:
    """An account of other people."""
    account = house.sim.lumen.add_account("another-key")
    account.add_person("ines@example.com", granted_at=NOON - timedelta(days=20))
    return account


async def test_another_account_is_another_entry(house: House) -> None:
    await answer(house, await begin(house, "lumen"), **given(house))
    account = another_account(house)
    result = await answer(
        house, await begin(house, "lumen"), **given(house, api_key=account.api_key)
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    entries = house.hass.config_entries.async_entries(DOMAIN)
    assert [entry.state for entry in entries] == [ConfigEntryState.LOADED] * 2
    assert entries[0].unique_id != entries[1].unique_id


async def test_as_many_as_can_be_followed_are(house: House) -> None:
    crowd(house, 25)
    result = await answer(house, await begin(house, "lumen"), **given(house))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert len(result["result"].runtime_data.source.followed) == 25


async def test_too_many_people_to_follow_everybody(house: House) -> None:
    emails = crowd(house, 26)
    form = await answer(house, await begin(house, "lumen"), **given(house))
    assert form["type"] is FlowResultType.FORM
    assert form["step_id"] == "lumen_people"
    assert form["description_placeholders"] == {"count": "26", "strangers": ""}
    assert _offered(form) == emails

    chosen = ["nobody@example.com", emails[3], "x"]
    form = await answer(house, form, followed=chosen, follow_later=False)
    assert form["step_id"] == "lumen_people"
    assert form["errors"] == {"followed": "no_consent"}
    assert form["description_placeholders"] == {
        "count": "26",
        "strangers": "nobody@example.com, x",
    }
    assert suggested(form)["followed"] == chosen

    form = await answer(house, form, followed=[], follow_later=True)
    assert form["errors"] == {"followed": "nobody_chosen"}

    chosen = [f" {emails[3].upper()} ", emails[7]]
    result = await answer(house, form, followed=chosen, follow_later=False)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["result"].options["follow_later"] is False
    followed = result["result"].runtime_data.source.followed.values()
    assert sorted(person.email for person in followed) == [emails[3], emails[7]]


async def test_far_too_many_people_to_list(house: House) -> None:
    emails = crowd(house, 501)
    form = await answer(house, await begin(house, "lumen"), **given(house))
    assert _offered(form) == []
    result = await answer(house, form, followed=[emails[500]], follow_later=True)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert len(result["result"].runtime_data.source.followed) == 1


async def test_reauth(house: House) -> None:
    """The key is changed at Lumen's; the user is asked for the new one and may err first."""
    entry = (await answer(house, await begin(house, "lumen"), **given(house)))["result"]
    old_unique_id = entry.unique_id
    house.sim.lumen.rotate_key("rotated-key")
    await house.pass_time(hours=1, seconds=2)

    (flow,) = house.hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert flow["context"]["source"] == SOURCE_REAUTH
    assert flow["step_id"] == "lumen_reauth"
    form = await house.hass.config_entries.flow.async_configure(flow["flow_id"])
    assert form["errors"] == {}
    form = await answer(house, form, api_key="demo-lumen-key")
    assert form["errors"] == {"api_key": "invalid_auth"}
    assert suggested(form) == {}
    house.sim.faults.add(MAPPINGS, CATALOGUE["503_bare"](), times=1)
    form = await answer(house, form, api_key="rotated-key")
    assert form["errors"] == {"base": "cannot_connect"}
    result = await answer(house, form, api_key=" rotated-key ")

    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reauth_successful")
    assert entry.data == {"source": "lumen", **given(house)}
    assert entry.data["api_key"] == "rotated-key"
    assert entry.unique_id == old_unique_id
    assert entry.state is ConfigEntryState.LOADED
    assert house.state("sensor", "status").state == "ok"
    assert house.hass.config_entries.flow.async_progress_by_handler(DOMAIN) == []


async def test_reauth_with_another_account(house: House) -> None:
    entry = await house.set_up(house.entry())
    account = another_account(house)
    before = dict(entry.data)
    form = await entry.start_reauth_flow(house.hass)
    assert form["step_id"] == "lumen_reauth"
    result = await answer(house, form, api_key=account.api_key)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "wrong_account")
    assert entry.data == before


async def test_reauth_before_anything_was_heard(house: House) -> None:
    """A key that never worked here cannot be compared with anything."""
    house.sim.faults.add("*", CATALOGUE["401_bare"]())
    entry = await house.set_up(house.entry())
    before = entry.state
    assert before is ConfigEntryState.SETUP_ERROR
    house.sim.faults.clear()
    account = another_account(house)
    (flow,) = house.hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    result = await answer(house, flow, api_key=account.api_key)
    assert result["reason"] == "reauth_successful"
    assert entry.state is ConfigEntryState.LOADED


@pytest.mark.parametrize("step", ["reauth", "reconfigure"])
async def test_what_another_entry_has_is_not_set_up_twice(house: House, step: str) -> None:
    """Of an account without people there is no telling whether it is the entry's; whether another has it there is."""
    empty = house.sim.lumen.add_account("empty-key")
    entry = await house.set_up(house.entry(data={"api_key": empty.api_key}))
    await answer(house, await begin(house, "lumen"), **given(house))
    before = dict(entry.data)
    form = await getattr(entry, f"start_{step}_flow")(house.hass)
    data = given(house) if step == "reconfigure" else {"api_key": house.sim.lumen.api_key}
    result = await answer(house, form, **data)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")
    assert entry.data == before


async def test_reauth_when_everybody_has_withdrawn(house: House) -> None:
    """An account without people may be the same one: there is no telling."""
    entry = await house.set_up(house.entry())
    for email in (MARIA, HENK):
        house.sim.lumen.default.revoke(house.sim.lumen.default.person(email))
    form = await entry.start_reauth_flow(house.hass)
    result = await answer(house, form, api_key=house.sim.lumen.api_key)
    assert result["reason"] == "reauth_successful"


async def test_reconfigure(house: House) -> None:
    entry = await house.set_up(house.entry())
    form = await entry.start_reconfigure_flow(house.hass)
    assert form["step_id"] == "lumen_reconfigure"
    assert suggested(form) == {"base_url": house.sim.lumen.url}

    form = await answer(house, form, **given(house, base_url="http://api.example.com"))
    assert form["errors"] == {"base_url": "invalid_url"}
    assert entry.data == {"source": "lumen", **given(house)}
    form = await answer(house, form, **given(house, api_key="wrong"))
    assert form["errors"] == {"api_key": "invalid_auth"}

    # Lumen moves, people and all, and there the key is another one.
    async with Simulator(start=NOON, speed=0, scenario="demo") as elsewhere:
        elsewhere.lumen.rotate_key("rotated-key")
        moved = elsewhere.lumen.url
        result = await answer(house, form, base_url=f"{moved}/", api_key="rotated-key")
        assert (result["type"], result["reason"]) == (
            FlowResultType.ABORT,
            "reconfigure_successful",
        )
        assert entry.data == {"source": "lumen", "base_url": moved, "api_key": "rotated-key"}
        assert entry.state is ConfigEntryState.LOADED
        assert house.state("sensor", "status").state == "ok"
        assert len(elsewhere.requests("lumen.alerts")) == 1


async def test_reconfigure_with_another_account(house: House) -> None:
    entry = await house.set_up(house.entry())
    account = another_account(house)
    form = await entry.start_reconfigure_flow(house.hass)
    result = await answer(house, form, **given(house, api_key=account.api_key))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "wrong_account")
    assert entry.data == {"source": "lumen", **given(house)}


def _offered(form: ConfigFlowResult) -> list[str]:
    """The e-mail addresses one can pick."""
    assert form["data_schema"] is not None
    options: list[str] = form["data_schema"].schema["followed"].config["options"]
    return options
