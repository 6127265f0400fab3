"""Setting up, renewing and changing a wearer's account: Home Assistant's own views, Dexcom's login page, and the way back."""

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
import json
import logging
from typing import Any

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient
from homeassistant.auth.models import RefreshToken
from homeassistant.components.application_credentials import DATA_COMPONENT as CREDENTIALS
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ImplementationUnavailableError
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.config_entry_oauth2_flow import (
    LocalOAuth2Implementation,
    async_add_implementation_provider,
    async_register_implementation,
)
from homeassistant.helpers.translation import async_get_translations
from homeassistant.setup import async_setup_component
from homeassistant.util import slugify
import jwt
import pytest
from yarl import URL

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.sources.dexcom.oauth import REGIONS
from simulator import CATALOGUE
from simulator.dexcom import DexcomRegion
from simulator.faults import Exchange, Fault
from tests.conftest import NOON, House
from tests.wear import wear

type Result = dict[str, Any]

FLOWS = "/api/config/config_entries/flow"
HERE = "https://example.com"
REDIRECT_URI = f"{HERE}/auth/external/callback"
SANDBOX_USER = "SandboxUser7"
SOMEBODY_ELSE = "SandboxUser6"
TOO_LONG = pytest.param("x" * 9000, id="too long")
LONG_NUMBER = pytest.param("9" * 5000, id="long number")


@dataclass
class Person:
    """Somebody at a browser: with Home Assistant in one tab, and sent to Dexcom's login page from there."""

    house: House
    here: TestClient[Any, Any]
    web: ClientSession
    login: RefreshToken

    async def _at_home(self, method: str, path: str, **sent: Any) -> Result:
        token = self.house.hass.auth.async_create_access_token(self.login)
        headers = {"Authorization": f"Bearer {token}", "HA-Frontend-Base": HERE}
        async with self.here.request(method, path, headers=headers, **sent) as response:
            assert response.status == 200, await response.text()
            result: Result = await response.json()
        await self.house.settle()
        return result

    async def choose_dexcom(self) -> Result:
        """Choose Dexcom from the menu."""
        menu = await self._at_home("POST", FLOWS, json={"handler": DOMAIN})
        assert (menu["type"], menu["step_id"]) == ("menu", "user")
        assert "dexcom" in menu["menu_options"]
        return await self.answer(menu, next_step_id="dexcom")

    async def begin(self) -> Result:
        """Choose Dexcom from the menu, where there are credentials."""
        form = await self.choose_dexcom()
        assert (form["type"], form["step_id"], form["errors"]) == ("form", "dexcom", {})
        return form

    async def reconfigure(self, entry: ConfigEntry) -> Result:
        """Choose to change an entry."""
        asked = {"handler": DOMAIN, "entry_id": entry.entry_id}
        form = await self._at_home("POST", FLOWS, json=asked)
        assert (form["type"], form["step_id"]) == ("form", "dexcom_reconfigure")
        return form

    async def asked_to_log_in_again(self) -> Result:
        """Open the question that a dead login left."""
        [flow] = self.house.hass.config_entries.flow.async_progress_by_handler(DOMAIN)
        assert flow["context"]["source"] == SOURCE_REAUTH
        form = await self.look(flow["flow_id"])
        assert (form["type"], form["step_id"]) == ("form", "dexcom_reauth")
        return form

    async def answer(self, step: Result, **typed: Any) -> Result:
        """Fill in a form."""
        return await self._at_home("POST", f"{FLOWS}/{step['flow_id']}", json=typed)

    async def look(self, flow_id: str) -> Result:
        """See how a flow goes on."""
        return await self._at_home("GET", f"{FLOWS}/{flow_id}")

    async def at_dexcom(self, step: Result, user: str, *, action: str = "login") -> URL:
        """Log in, or not, at the page one is sent to; return where that page sends one back to."""
        assert (step["type"], step["step_id"]) == ("external", "auth"), step
        page = URL(step["url"])
        async with self.web.get(page) as response:
            assert response.status == 200, await response.text()
        chosen = {"user": user, "action": action}
        async with self.web.post(page, data=chosen, allow_redirects=False) as response:
            back = URL(response.headers["Location"])
        assert str(back.with_query(None)) == REDIRECT_URI
        return back

    async def come_back(self, step: Result, back: URL) -> Result:
        """Follow the redirect, and see how the flow goes on."""
        async with self.here.get(back.raw_path_qs) as response:
            assert response.status == 200, await response.text()
        return await self.look(step["flow_id"])

    async def log_in(
        self, step: Result, user: str = SANDBOX_USER, *, action: str = "login"
    ) -> Result:
        """Go to Dexcom's page and back."""
        return await self.come_back(step, await self.at_dexcom(step, user, action=action))

    async def add(self, region: DexcomRegion, user: str = SANDBOX_USER, **typed: Any) -> Result:
        """Set up a wearer, with the only app or that of the region."""
        step = await self.answer(await self.begin(), region=region.url, **typed)
        if step["type"] == "form":
            assert step["step_id"] == "pick_implementation"
            step = await self.answer(step, implementation=app_of(region))
        return await self.log_in(step, user)


@pytest.fixture
async def person(
    house: House,
    hass_client_no_auth: Callable[[], Awaitable[TestClient[Any, Any]]],
    hass_access_token: str,
    caplog: pytest.LogCaptureFixture,
) -> AsyncGenerator[Person]:
    """A person, and Home Assistant as a browser sees it."""
    # It wants to know the time zone of a time that stands still.
    caplog.set_level(logging.CRITICAL, "aiohttp.access")
    for component in ("http", "auth", "config", "application_credentials"):
        assert await async_setup_component(house.hass, component, {})
    login = house.hass.auth.async_validate_access_token(hass_access_token)
    assert login is not None
    async with ClientSession() as web:
        yield Person(house, await hass_client_no_auth(), web, login)


@pytest.fixture
async def us(house: House) -> DexcomRegion:
    """A region whose app this house has credentials of, and two people who wear something."""
    for user in (SANDBOX_USER, SOMEBODY_ELSE):
        wear(house.sim.dexcom.wearer(user), NOON - timedelta(hours=2), NOON + timedelta(hours=4))
    await enter_credentials(house.hass, house.sim.dexcom)
    return house.sim.dexcom


async def enter_credentials(hass: HomeAssistant, region: DexcomRegion, **changes: str) -> str:
    """Enter the credentials of a region's app, as the dialog does; return what they are known by."""
    assert await async_setup_component(hass, "application_credentials", {})
    given = {
        "domain": DOMAIN,
        "client_id": region.client_id,
        "client_secret": region.client_secret,
        "name": region.name,
    }
    item: dict[str, str] = await hass.data[CREDENTIALS].async_create_item(given | changes)
    return item["id"]


def app_of(region: DexcomRegion) -> str:
    """What the first credentials of a region's app are known by."""
    return slugify(f"{DOMAIN}.{region.client_id}")


def added(house: House, result: Result) -> ConfigEntry:
    """The entry that a flow made."""
    assert result["type"] == "create_entry", result
    entry = house.hass.config_entries.async_get_entry(result["result"]["entry_id"])
    assert entry is not None
    return entry


async def assert_ended(house: House, result: Result, reason: str) -> None:
    """The flow is over for a reason that a sentence tells."""
    assert (result["type"], result.get("reason")) == ("abort", reason), result
    told_by = result.get("translation_domain") or DOMAIN
    sentences = await async_get_translations(house.hass, "en", "config", [told_by])
    assert sentences[f"component.{told_by}.config.abort.{reason}"]
    assert house.hass.config_entries.flow.async_progress_by_handler(DOMAIN) == []


def suggested(form: Result) -> dict[str, Any]:
    """What the fields of a form hold when it is shown."""
    return {
        field["name"]: field["description"]["suggested_value"]
        for field in form["data_schema"]
        if "description" in field
    }


# A wearer is added.


async def test_two_minutes_to_a_wearer(house: House, person: Person, us: DexcomRegion) -> None:
    form = await person.begin()
    step = await person.answer(form, region=f" {us.url}/ ", name=" Oma ")

    page = URL(step["url"])
    assert str(page.with_query(None)) == f"{us.url}/v3/oauth2/login"
    sent = dict(page.query)
    del sent["state"]
    assert sent == {
        "client_id": us.client_id,
        "redirect_uri": REDIRECT_URI,
        "response_type": "code",
        "scope": "offline_access",
    }
    entry = added(house, await person.log_in(step))

    assert entry.title == "Oma"
    assert entry.unique_id == us.wearer(SANDBOX_USER).user_id
    assert entry.state is ConfigEntryState.LOADED
    assert entry.options == {}
    assert {key: entry.data[key] for key in ("source", "region", "auth_implementation")} == {
        "source": "dexcom",
        "region": us.url,
        "auth_implementation": app_of(us),
    }
    token = entry.data["token"]
    assert token["redirect_uri"] == REDIRECT_URI
    assert token["expires_at"] == house.now.timestamp() + 7200
    names = {device.name for device in dr.async_get(house.hass).devices}
    assert names == {"Oma", "Dexcom cloud Oma"}
    assert house.state("sensor", "status").state == "ok"
    assert [request.grant_type for request in us.token_log] == ["authorization_code"]


@pytest.mark.parametrize("name", [{}, {"name": ""}, {"name": "   "}])
async def test_a_wearer_without_a_name(
    house: House, person: Person, us: DexcomRegion, name: dict[str, str]
) -> None:
    assert added(house, await person.add(us, **name)).title == "Dexcom"
    names = {device.name for device in dr.async_get(house.hass).devices}
    assert names == {"Dexcom", "Dexcom cloud"}


@pytest.mark.parametrize(
    ("region", "host"),
    [*REGIONS.items(), ("dexcom.example.com", "https://dexcom.example.com")],
)
async def test_every_region_has_its_own_login_page(
    person: Person, us: DexcomRegion, region: str, host: str
) -> None:
    step = await person.answer(await person.begin(), region=region)
    assert str(URL(step["url"]).with_query(None)) == f"{host}/v3/oauth2/login"


@pytest.mark.parametrize(
    "refused",
    [
        "http://api.dexcom.com",
        "https://user:secret@api.example.com",
        "https://api.example.com/?region=us",
        "Europe",
        "",
    ],
)
async def test_an_address_that_nobody_is_sent_to(
    house: House, person: Person, us: DexcomRegion, refused: str
) -> None:
    form = await person.answer(await person.begin(), region=refused, name="Oma")
    assert (form["type"], form["errors"]) == ("form", {"region": "invalid_url"})
    assert suggested(form) == {"region": refused, "name": "Oma"}
    step = await person.answer(form, region=us.url, name="Opa")
    assert added(house, await person.log_in(step)).title == "Opa"


async def test_two_regions_each_refreshing_at_its_own_host(house: House, person: Person) -> None:
    regions = [house.sim.dexcom.region(name) for name in ("us", "ous")]
    for region in regions:
        wear(region.wearer(SANDBOX_USER))
        await enter_credentials(house.hass, region)
    entries = [added(house, await person.add(region, name=region.name)) for region in regions]
    assert len({entry.unique_id for entry in entries}) == 2

    # Each step is sooner than the next token is due.
    for _ in range(5):
        await house.pass_time(minutes=30)

    for entry, region in zip(entries, regions, strict=True):
        grants = [request.grant_type for request in region.token_log]
        assert grants == ["authorization_code", "refresh_token"]
        assert {request.status for request in region.token_log} == {200}
        assert house.state("sensor", "status", entry=entry).state == "ok"  # type: ignore[arg-type]
    assert {request.status for request in house.sim.log} <= {200, 302}


async def test_wearers_of_one_region_side_by_side(
    house: House, person: Person, us: DexcomRegion
) -> None:
    first = added(house, await person.add(us, name="Oma"))
    second = added(house, await person.add(us, SOMEBODY_ELSE, name="Opa"))
    assert first.unique_id != second.unique_id
    assert (first.state, second.state) == (ConfigEntryState.LOADED, ConfigEntryState.LOADED)


@pytest.mark.parametrize("loaded", [True, False])
async def test_the_same_account_again(
    house: House, person: Person, us: DexcomRegion, loaded: bool
) -> None:
    entry = added(house, await person.add(us))
    if not loaded:
        await house.hass.config_entries.async_unload(entry.entry_id)
    before = dict(entry.data)
    await assert_ended(house, await person.add(us, name="Again"), "already_configured")
    assert entry.data == before
    assert entry.title == "Dexcom"


async def test_the_same_account_in_two_tabs(house: House, person: Person, us: DexcomRegion) -> None:
    steps = [await person.answer(await person.begin(), region=us.url) for _ in range(2)]
    added(house, await person.log_in(steps[0]))
    await assert_ended(house, await person.log_in(steps[1]), "already_configured")


# What goes wrong, and what the person is told.


async def test_no_credentials_yet(house: House, person: Person) -> None:
    """They are asked for first: what is typed before that would be lost."""
    await assert_ended(house, await person.choose_dexcom(), "missing_credentials")
    await enter_credentials(house.hass, house.sim.dexcom)
    added(house, await person.add(house.sim.dexcom))


async def test_what_was_typed_is_there_again_until_it_is_of_use(
    house: House, person: Person, us: DexcomRegion
) -> None:
    form = await person.begin()
    assert suggested(form) == {"region": "Outside the United States"}
    step = await person.answer(form, region=us.url, name="Oma")
    await assert_ended(house, await person.log_in(step, action="cancel"), "access_refused")
    form = await person.begin()
    assert suggested(form) == {"region": us.url, "name": "Oma"}
    form = await person.answer(form, region="Nowhere", name="Opa")
    assert suggested(form) == {"region": "Nowhere", "name": "Opa"}
    added(house, await person.log_in(await person.answer(form, region=us.url, name="Opa")))
    assert suggested(await person.begin()) == {"region": "Outside the United States"}


@pytest.mark.parametrize(
    ("country", "region", "label"),
    [
        ("US", "us", "United States"),
        ("JP", "jp", "Japan"),
        ("NL", "ous", "Outside the United States"),
        (None, "ous", "Outside the United States"),
    ],
)
async def test_the_region_is_that_of_the_home_and_read_as_words(
    house: House, person: Person, us: DexcomRegion, country: str | None, region: str, label: str
) -> None:
    house.hass.config.country = country
    form = await person.begin()
    [field] = [field for field in form["data_schema"] if field["name"] == "region"]
    assert field["default"] == region
    assert suggested(form) == {"region": label}
    offered = field["selector"]["select"]["options"]
    assert {option["label"] for option in offered} >= {label, "Sandbox (made-up people)"}
    # Home Assistant shows the value of a choice that can be typed.
    assert all(option["value"] == option["label"] for option in offered)
    step = await person.answer(form, region=label)
    assert step["url"].startswith(f"{REGIONS[region]}/v3/oauth2/login")


async def test_refused_on_dexcoms_page(house: House, person: Person, us: DexcomRegion) -> None:
    step = await person.answer(await person.begin(), region=us.url)
    await assert_ended(house, await person.log_in(step, action="cancel"), "access_refused")
    assert us.token_log == []


async def test_a_wrong_secret(house: House, person: Person) -> None:
    region = house.sim.dexcom
    await enter_credentials(house.hass, region, client_secret="swordfish")
    step = await person.answer(await person.begin(), region=region.url)
    await assert_ended(house, await person.log_in(step), "wrong_client")


async def test_a_way_back_that_was_forged(house: House, person: Person, us: DexcomRegion) -> None:
    """Nobody has a login of theirs taken for somebody else's by sending them to an address."""
    step = await person.answer(await person.begin(), region=us.url)
    back = await person.at_dexcom(step, SANDBOX_USER)
    head, body, signature = back.query["state"].split(".")
    unsigned = {"alg": "none", "typ": "JWT"}
    nobodys = urlsafe_b64encode(json.dumps(unsigned).encode()).decode().rstrip("=")
    for state in (
        "",
        "x",
        f"{head}.{body}.",
        f"{head}.{body}.{signature[::-1]}",
        f"{nobodys}.{body}.",
        jwt.encode({"flow_id": step["flow_id"], "redirect_uri": REDIRECT_URI}, "guessed-" * 4),
    ):
        async with person.here.get(back.update_query(state=state).raw_path_qs) as response:
            assert response.status == 400
        assert (await person.look(step["flow_id"]))["type"] == "external"
    assert house.sim.requests("dexcom.token") == []
    assert house.hass.data.get("webhook", {}) == {}
    added(house, await person.come_back(step, back))


async def test_a_code_that_is_too_old(house: House, person: Person, us: DexcomRegion) -> None:
    step = await person.answer(await person.begin(), region=us.url)
    back = await person.at_dexcom(step, SANDBOX_USER)
    await house.pass_time(seconds=60)
    await assert_ended(house, await person.come_back(step, back), "code_refused")


async def test_a_code_that_was_used(house: House, person: Person, us: DexcomRegion) -> None:
    step = await person.answer(await person.begin(), region=us.url)
    back = await person.at_dexcom(step, SANDBOX_USER)
    used = {
        "grant_type": "authorization_code",
        "code": back.query["code"],
        "redirect_uri": REDIRECT_URI,
        "client_id": us.client_id,
        "client_secret": us.client_secret,
    }
    async with person.web.post(f"{us.url}/v3/oauth2/token", data=used) as response:
        assert response.status == 200
    await assert_ended(house, await person.come_back(step, back), "code_refused")


@pytest.mark.parametrize("endpoint", ["dexcom.token", "dexcom.data_range"])
async def test_an_error_and_its_way_out(
    house: House,
    person: Person,
    us: DexcomRegion,
    caplog: pytest.LogCaptureFixture,
    endpoint: str,
) -> None:
    caplog.set_level(logging.DEBUG, "custom_components.care_alerts")
    reasons = {
        "400_bare": "cannot_connect",
        "401_bare": "cannot_connect",
        "403_bare": "cannot_connect",
        "404_bare": "cannot_connect",
        "page_401": "cannot_connect",
        "page_403": "cannot_connect",
        "page_451": "cannot_connect",
        "429_bare": "rate_limited",
        "429_seconds": "rate_limited",
        "500_bare": "cannot_connect",
        "503_http_date": "cannot_connect",
        "reset": "cannot_connect",
        "cut_body": "cannot_connect",
        "redirect": "cannot_connect",
        "not_json": "cannot_connect",
        "deep_json": "cannot_connect",
        "empty_object": "cannot_connect",
        "wrong_content_type": "cannot_connect",
        "wrong_types_top_is_list": "cannot_connect",
        "wrong_types_strings_are_numbers": "cannot_connect",
        "wrong_types_values_are_null": "cannot_connect",
    }
    for fault, reason in reasons.items():
        house.sim.faults.add(endpoint, CATALOGUE[fault]())
        await assert_ended(house, await person.add(us), reason)
        house.sim.faults.clear()
    assert us.client_secret not in caplog.text
    assert us.wearer(SANDBOX_USER).user_id not in caplog.text
    added(house, await person.add(us))


async def test_a_number_that_came_as_text(house: House, person: Person, us: DexcomRegion) -> None:
    house.sim.faults.add("dexcom.token", CATALOGUE["wrong_types_numbers_are_strings"]())
    entry = added(house, await person.add(us))
    assert entry.data["token"]["expires_in"] == 7200


def token_answer(**changes: Any) -> Fault:
    """A token server that says something else; `...` for what it leaves out."""

    async def respond(exchange: Exchange) -> web.StreamResponse:
        answer = await exchange.proceed()
        assert isinstance(answer, web.Response)
        assert isinstance(answer.body, bytes)
        told = json.loads(answer.body) | changes
        return web.json_response({key: told[key] for key in told if told[key] is not ...})

    return Fault("token answer", respond)


@pytest.mark.parametrize(
    "told", ["soon", "", ..., None, [7200], {}, -1, 0, 1e300, "nan", LONG_NUMBER, 7200000]
)
async def test_a_token_that_lives_for_no_known_time(
    house: House, person: Person, us: DexcomRegion, told: Any
) -> None:
    """It lives as long as they usually do."""
    house.sim.faults.add("dexcom.token", token_answer(expires_in=told), times=1)
    entry = added(house, await person.add(us))
    assert entry.data["token"]["expires_in"] == 7200
    assert not list(house.sim.faults)


@pytest.mark.parametrize("told", [..., None, ""])
async def test_a_login_that_could_not_be_renewed(
    house: House, person: Person, us: DexcomRegion, told: Any
) -> None:
    house.sim.faults.add("dexcom.token", token_answer(refresh_token=told), times=1)
    await assert_ended(house, await person.add(us), "no_refresh_token")

    entry = added(house, await person.add(us))
    before = dict(entry.data)
    house.sim.faults.add("dexcom.token", token_answer(refresh_token=told), times=1)
    step = await person.answer(await person.reconfigure(entry), region=us.url)
    await assert_ended(house, await person.log_in(step), "no_refresh_token")
    assert entry.data == before


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
@pytest.mark.parametrize(
    "told", ["new\r\nline", "\x00", "tab\tbed", "a b", "schlüssel", TOO_LONG, 17, ["a"], {}, True]
)
async def test_what_can_be_no_token_is_refused_with_a_sentence(
    house: House,
    person: Person,
    us: DexcomRegion,
    caplog: pytest.LogCaptureFixture,
    name: str,
    told: Any,
) -> None:
    house.sim.faults.add("dexcom.token", token_answer(**{name: told}), times=1)
    await assert_ended(house, await person.add(us), "cannot_connect")
    assert "Traceback" not in caplog.text


async def test_nothing_is_kept_that_a_token_server_says_besides(
    house: House, person: Person, us: DexcomRegion
) -> None:
    """Home Assistant writes its entries as a whole, and often."""
    much = {f"claim {number}": "x" * 1000 for number in range(3000)}
    house.sim.faults.add("dexcom.token", token_answer(**much, redirect_uri="https://example.org"))
    entry = added(house, await person.add(us))
    kept = {"access_token", "refresh_token", "expires_in", "expires_at", "redirect_uri"}
    assert entry.data["token"].keys() == kept
    assert entry.data["token"]["redirect_uri"] == REDIRECT_URI

    us.expire_access_tokens()
    await house.pass_time(minutes=31)
    assert house.state("sensor", "status").state == "ok"
    assert us.token_log[-1].grant_type == "refresh_token"
    assert entry.data["token"].keys() == kept
    assert entry.data["token"]["redirect_uri"] == REDIRECT_URI


@pytest.mark.parametrize(
    ("endpoint", "patience", "reason"),
    [("dexcom.token", 31, "oauth_timeout"), ("dexcom.data_range", 151, "cannot_connect")],
)
async def test_dexcom_takes_too_long(
    house: House, person: Person, us: DexcomRegion, endpoint: str, patience: int, reason: str
) -> None:
    house.sim.faults.add(endpoint, CATALOGUE["hang"]())
    adding = asyncio.create_task(person.add(us))
    await house.sim.arrival(endpoint)
    house.freezer.tick(patience)
    await assert_ended(house, await adding, reason)


async def test_credentials_that_are_kept_elsewhere_and_not_to_be_had(
    house: House, person: Person
) -> None:
    async def unavailable(hass: HomeAssistant, domain: str) -> list[Any]:
        raise ImplementationUnavailableError("offline")

    async_add_implementation_provider(house.hass, "cloud", unavailable)
    await assert_ended(house, await person.choose_dexcom(), "oauth_implementation_unavailable")


# The login is dead.


async def test_reauth(house: House, person: Person, us: DexcomRegion) -> None:
    """Access was withdrawn in Dexcom's app; the person errs in every way first."""
    entry = added(house, await person.add(us, name="Oma"))
    unique_id, dead = entry.unique_id, entry.data["token"]
    us.revoke(us.wearer(SANDBOX_USER))
    await house.pass_time(minutes=31)
    assert house.state("sensor", "status").state == "login_failed"

    form = await person.asked_to_log_in_again()
    assert form["description_placeholders"]["name"] == "Oma"
    refused = await person.log_in(await person.answer(form), action="cancel")
    await assert_ended(house, refused, "access_refused")
    assert entry.data["token"]["access_token"] == dead["access_token"]

    # Until then it asks again, an hour later each.
    await house.pass_time(hours=1, seconds=2)
    form = await person.asked_to_log_in_again()
    somebody_else = await person.log_in(await person.answer(form), SOMEBODY_ELSE)
    await assert_ended(house, somebody_else, "wrong_account")
    assert entry.data["token"]["access_token"] == dead["access_token"]

    await house.pass_time(hours=1, seconds=2)
    form = await person.asked_to_log_in_again()
    result = await person.log_in(await person.answer(form))
    await assert_ended(house, result, "reauth_successful")
    assert entry.data["token"]["refresh_token"] not in (dead["refresh_token"], None)
    assert (entry.unique_id, entry.title) == (unique_id, "Oma")
    assert entry.data["region"] == us.url
    assert entry.state is ConfigEntryState.LOADED
    assert house.state("sensor", "status").state == "ok"
    for _ in range(5):
        await house.pass_time(minutes=30)
    assert house.state("sensor", "status").state == "ok"


async def test_reauth_finds_the_app_among_others(house: House, person: Person) -> None:
    regions = [house.sim.dexcom.region(name) for name in ("us", "ous")]
    for region in regions:
        await enter_credentials(house.hass, region)
    entry = added(house, await person.add(regions[1]))
    entry.async_start_reauth(house.hass)
    await house.settle()
    step = await person.answer(await person.asked_to_log_in_again())
    await assert_ended(house, await person.log_in(step), "reauth_successful")
    assert entry.data["auth_implementation"] == app_of(regions[1])


@pytest.mark.parametrize("others", [False, True])
async def test_the_credentials_were_deleted(house: House, person: Person, others: bool) -> None:
    """Nobody can use the tokens then. The person is asked, and can enter credentials again."""
    region, hass = house.sim.dexcom, house.hass
    wear(region.wearer(SANDBOX_USER))
    if others:
        await enter_credentials(hass, house.sim.dexcom.region("ous"))
    entry = await house.set_up(await house.dexcom_entry())
    data = {**entry.data, "auth_implementation": "deleted"}
    hass.config_entries.async_update_entry(entry, data=data)
    await hass.config_entries.async_reload(entry.entry_id)
    await house.settle()
    assert house.state("sensor", "status").state == "login_failed"

    step = await person.answer(await person.asked_to_log_in_again())
    if others:
        assert step["step_id"] == "pick_implementation"
        step = await person.answer(step, implementation="app-us")
    await assert_ended(house, await person.log_in(step), "reauth_successful")
    assert entry.data["auth_implementation"] == "app-us"
    assert house.state("sensor", "status").state == "ok"
    assert region.token_log[-1].status == 200


async def test_credentials_of_something_else(house: House) -> None:
    """They would be sent to who knows where."""
    entry = await house.dexcom_entry(data={"auth_implementation": "stranger"})
    elsewhere = f"{house.sim.url}/elsewhere"
    stranger = LocalOAuth2Implementation(
        house.hass, "stranger", "id", "secret", elsewhere, elsewhere
    )
    async_register_implementation(house.hass, DOMAIN, stranger)
    await house.set_up(entry)
    before = entry.state
    assert before is ConfigEntryState.SETUP_ERROR
    assert house.sim.log == []
    [flow] = house.hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert flow["context"]["source"] == SOURCE_REAUTH


async def test_credentials_that_are_not_to_be_had_now(house: House) -> None:
    """That is no dead login."""
    entry = await house.dexcom_entry(data={"auth_implementation": "cloud"})

    async def unavailable(hass: HomeAssistant, domain: str) -> list[Any]:
        raise ImplementationUnavailableError("offline")

    async_add_implementation_provider(house.hass, "cloud", unavailable)
    await house.set_up(entry)
    before = entry.state
    assert before is ConfigEntryState.SETUP_RETRY
    assert house.hass.config_entries.flow.async_progress_by_handler(DOMAIN) == []


# Something is changed.


async def test_reconfigure(house: House, person: Person, us: DexcomRegion) -> None:
    entry = added(house, await person.add(us, name="Oma"))
    before = entry.data["token"]
    form = await person.reconfigure(entry)
    assert suggested(form) == {"region": us.url}
    form = await person.answer(form, region="http://api.dexcom.com")
    assert form["errors"] == {"region": "invalid_url"}

    step = await person.answer(form, region=f"{us.url}/")

    await assert_ended(house, await person.log_in(step), "reconfigure_successful")
    assert entry.data["token"]["refresh_token"] != before["refresh_token"]
    assert (entry.data["region"], entry.title) == (us.url, "Oma")
    assert entry.state is ConfigEntryState.LOADED


async def test_reconfigure_with_another_account(
    house: House, person: Person, us: DexcomRegion
) -> None:
    entry = added(house, await person.add(us))
    before = dict(entry.data)
    step = await person.answer(await person.reconfigure(entry), region=us.url)
    await assert_ended(house, await person.log_in(step, SOMEBODY_ELSE), "wrong_account")
    step = await person.answer(await person.reconfigure(entry), region=us.url)
    await assert_ended(house, await person.log_in(step, action="cancel"), "access_refused")
    assert entry.data == before
    assert entry.state is ConfigEntryState.LOADED


async def test_reconfigure_to_another_region(
    house: House, person: Person, us: DexcomRegion
) -> None:
    """An account belongs to one region, and its id with it: in another one nobody is the same."""
    ous = house.sim.dexcom.region("ous")
    await enter_credentials(house.hass, ous)
    entry = added(house, await person.add(us))
    before = dict(entry.data)
    step = await person.answer(await person.reconfigure(entry), region=ous.url)
    step = await person.answer(step, implementation=app_of(ous))
    assert str(URL(step["url"]).with_query(None)) == f"{ous.url}/v3/oauth2/login"
    await assert_ended(house, await person.log_in(step), "wrong_account")
    assert entry.data == before


async def test_the_apps_secret_was_changed(house: House, person: Person, us: DexcomRegion) -> None:
    """Credentials that are in use cannot be deleted: new ones are entered beside them, and chosen."""
    entry = added(house, await person.add(us))
    us.client.client_secret = "renewed"
    us.expire_access_tokens()
    await house.pass_time(minutes=31)
    assert house.state("sensor", "status").state == "unreachable"

    renewed = await enter_credentials(house.hass, us, name="renewed")
    step = await person.answer(await person.reconfigure(entry), region=us.url)
    assert step["step_id"] == "pick_implementation"
    step = await person.answer(step, implementation=renewed)

    await assert_ended(house, await person.log_in(step), "reconfigure_successful")
    assert entry.data["auth_implementation"] == renewed
    assert house.state("sensor", "status").state == "ok"


async def test_reconfigure_while_a_new_login_is_asked_for(
    house: House, person: Person, us: DexcomRegion
) -> None:
    entry = added(house, await person.add(us))
    us.revoke(us.wearer(SANDBOX_USER))
    await house.pass_time(minutes=31)
    await person.asked_to_log_in_again()
    step = await person.answer(await person.reconfigure(entry), region=us.url)
    await assert_ended(house, await person.log_in(step), "reconfigure_successful")
    assert house.state("sensor", "status").state == "ok"
