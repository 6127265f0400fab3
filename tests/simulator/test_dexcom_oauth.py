"""The simulated Dexcom's OAuth: as strict as the real one."""

from collections.abc import Callable
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs

from aiohttp import BasicAuth, FormData
import pytest
from yarl import URL

from simulator.dexcom.oauth import is_registered

from .dexcom_client import CALLBACK, NOW, Client


class Page(HTMLParser):
    """What there is on a page."""

    def __init__(self, text: str) -> None:
        """Read the page."""
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note a text."""
        if data.strip():
            self.texts.append(data.strip())


async def page(dexcom: Client, query: dict[str, str]) -> tuple[int, str, str]:
    """Return status, type and text of the login page."""
    async with dexcom.session.get(
        f"{dexcom.region.url}/v3/oauth2/login", params=query, allow_redirects=False
    ) as response:
        return response.status, response.content_type, await response.text()


async def test_login_page_offers_the_users(dexcom: Client) -> None:
    dexcom.region.add_wearer("<b>Odd & Co</b>")
    status, kind, text = await page(dexcom, dexcom.query())
    assert (status, kind) == (200, "text/html")
    shown = Page(text)
    users = [f"SandboxUser{number}" for number in range(1, 8)]
    assert [t for t in shown.texts if t in users] == users
    assert "<b>Odd & Co</b>" in shown.texts
    tags = [(tag, attributes.get("id")) for tag, attributes in shown.tags]
    assert ("select", "user") in tags
    assert ("button", "login") in tags
    assert ("button", "cancel") in tags
    assert ("label", {"for": "user"}) in shown.tags
    # The form goes back to where the page came from, the query with it.
    assert ("form", {"method": "post"}) in shown.tags
    assert "script" not in {tag for tag, _ in shown.tags}


async def test_logging_in_leads_back_with_a_code(dexcom: Client) -> None:
    status, location = await dexcom.login()
    assert status == 302
    assert isinstance(location, URL)
    assert str(location.with_query(None)) == CALLBACK
    assert set(location.query) == {"code", "state"}
    assert location.query["state"] == "a b&c"


async def test_cancelling_leads_back_with_a_refusal(dexcom: Client) -> None:
    status, location = await dexcom.login(form={"user": "SandboxUser7", "action": "cancel"})
    assert status == 302
    assert isinstance(location, URL)
    assert dict(location.query) == {"error": "access_denied", "state": "a b&c"}
    _, location = await dexcom.login(dexcom.query(state=None), {"action": "cancel"})
    assert isinstance(location, URL)
    assert dict(location.query) == {"error": "access_denied"}


@pytest.mark.parametrize("form", [{"user": "Nobody", "action": "login"}, {"user": "SandboxUser7"}])
async def test_nonsense_in_the_form_is_refused(dexcom: Client, form: dict[str, str]) -> None:
    assert (await dexcom.login(form=form))[0] == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "unknown"},
        {"client_id": None},
        {"client_id": "demo-dexcom-client-ous"},
        {"redirect_uri": None},
        {"redirect_uri": "http://homeassistant.local:8123/elsewhere"},
        {"redirect_uri": f"{CALLBACK}?a=b"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_app_or_address_is_never_redirected_to(
    dexcom: Client, changes: dict[str, str | None], method: str
) -> None:
    query = dexcom.query(**changes)
    if method == "POST":
        assert (await dexcom.login(query))[0] == 400
    else:
        assert (await page(dexcom, query))[0] == 400


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"scope": "egv"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
    ],
)
async def test_other_mistakes_lead_back(
    dexcom: Client, changes: dict[str, str | None], error: str
) -> None:
    async with dexcom.session.get(
        f"{dexcom.region.url}/v3/oauth2/login",
        params=dexcom.query(**changes),
        allow_redirects=False,
    ) as response:
        assert response.status == 302
        query = parse_qs(URL(response.headers["Location"]).raw_query_string)
    assert query == {"error": [error], "state": ["a b&c"]}


async def test_login_takes_each_parameter_once_and_get_or_post(dexcom: Client) -> None:
    url = f"{dexcom.region.url}/v3/oauth2/login"
    twice = [*dexcom.query().items(), ("state", "another")]
    async with dexcom.session.get(url, params=twice) as response:
        assert response.status == 400
    async with dexcom.session.put(url, params=dexcom.query()) as response:
        assert response.status == 405


@pytest.mark.parametrize(
    ("uri", "registered"),
    [
        ("https://my.home-assistant.io/redirect/oauth", True),
        ("https://example.com/auth/external/callback", True),
        ("http://192.0.2.7:8123/auth/external/callback", True),
        ("https://example.com/ha/auth/external/callback", True),
        ("https://my.home-assistant.io/redirect/oauth/", False),
        ("http://my.home-assistant.io/redirect/oauth", False),
        ("https://example.com/auth/external/callback/", False),
        ("https://example.com/auth/external/callback?a=b", False),
        ("https://example.com/auth/external/callback?", False),
        ("https://example.com/auth/external/callback#x", False),
        ("https://example.com/?x=/auth/external/callback", False),
        ("homeassistant://auth/external/callback", False),
        ("/auth/external/callback", False),
        ("http://[/auth/external/callback", False),
        (f"https://{'a' * 120}.example.com/auth/external/callback", False),
        ("", False),
    ],
)
def test_registered_redirect_uris(uri: str, registered: bool) -> None:
    assert is_registered(uri) is registered


async def test_a_code_gives_tokens_that_work(dexcom: Client) -> None:
    status, tokens = await dexcom.token(dexcom.code_form(await dexcom.code()))
    assert status == 200
    assert set(tokens) == {"access_token", "refresh_token", "expires_in", "token_type"}
    assert (tokens["expires_in"], tokens["token_type"]) == (7200, "Bearer")
    assert set(dexcom.tokens) == set(tokens)
    dexcom.tokens = tokens
    assert (await dexcom.ask("devices"))[1]["userId"] == dexcom.wearer.user_id


async def test_a_code_works_once(dexcom: Client) -> None:
    form = dexcom.code_form(await dexcom.code())
    assert (await dexcom.token(form))[0] == 200
    assert await dexcom.token(form) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(("seconds", "status"), [(59, 200), (60, 400)])
async def test_a_code_lives_a_minute(dexcom: Client, seconds: int, status: int) -> None:
    code = await dexcom.code()
    dexcom.sim.clock.advance(timedelta(seconds=seconds))
    assert (await dexcom.token(dexcom.code_form(code)))[0] == status


type Mistakes = list[tuple[dict[str, str | None], str]]
"""What is changed in a good form, and the error that it earns."""

MISTAKES: Mistakes = [
    ({"grant_type": None}, "invalid_request"),
    ({"grant_type": ""}, "invalid_request"),
    ({"grant_type": "password"}, "unsupported_grant_type"),
    ({"client_id": None}, "invalid_client"),
    ({"client_id": "unknown"}, "invalid_client"),
    ({"client_secret": None}, "invalid_client"),
    ({"client_secret": "wrong"}, "invalid_client"),
    ({"client_secret": "demo-dexcom-secret-ous"}, "invalid_client"),
    ({"scope": "egv"}, "invalid_scope"),
]


CODE_MISTAKES: Mistakes = [
    *MISTAKES,
    ({"code": None}, "invalid_request"),
    ({"code": "unknown"}, "invalid_grant"),
    ({"redirect_uri": None}, "invalid_request"),
    ({"redirect_uri": "https://my.home-assistant.io/redirect/oauth"}, "invalid_grant"),
]
REFRESH_MISTAKES: Mistakes = [
    *MISTAKES,
    ({"refresh_token": None}, "invalid_request"),
    ({"refresh_token": "unknown"}, "invalid_grant"),
    ({"redirect_uri": "https://example.com/"}, "invalid_request"),
]


async def test_mistakes_with_a_code(dexcom: Client) -> None:
    for changes, error in CODE_MISTAKES:
        form = dexcom.code_form(await dexcom.code(), **changes)
        assert await dexcom.token(form) == (400, {"error": error}), changes


async def test_mistakes_with_a_refresh_token(dexcom: Client) -> None:
    for changes, error in REFRESH_MISTAKES:
        form = dexcom.refresh_form(**changes)
        assert await dexcom.token(form) == (400, {"error": error}), changes
    # A mistake does not spend the token.
    assert (await dexcom.token(dexcom.refresh_form()))[0] == 200


async def test_the_secret_belongs_into_the_body(dexcom: Client) -> None:
    basic = BasicAuth(dexcom.region.client_id, dexcom.region.client_secret)
    for form in (dexcom.refresh_form(), dexcom.refresh_form(client_id=None, client_secret=None)):
        assert await dexcom.token(form, auth=basic) == (400, {"error": "invalid_client"})


async def test_only_a_form_is_taken(dexcom: Client) -> None:
    form = dexcom.refresh_form()
    refused = (400, {"error": "invalid_request"})
    url = f"{dexcom.region.url}/v3/oauth2/token"
    async with dexcom.session.post(url, json=form) as response:
        assert (response.status, await response.json()) == refused
    async with dexcom.session.post(url, params=form) as response:
        assert (response.status, await response.json()) == refused
    assert await dexcom.token(FormData(form, default_to_multipart=True)) == refused
    twice = FormData([*form.items(), ("client_id", form["client_id"])])
    assert await dexcom.token(twice) == refused
    assert (await dexcom.token(form, method="PUT"))[0] == 405
    assert (await dexcom.token(form))[0] == 200


async def test_a_refresh_token_works_once_and_the_newest_stays_good(dexcom: Client) -> None:
    first = dexcom.tokens
    status, second = await dexcom.token(dexcom.refresh_form())
    assert status == 200
    assert second["refresh_token"] != first["refresh_token"]
    assert await dexcom.token(dexcom.refresh_form()) == (400, {"error": "invalid_grant"})
    dexcom.tokens = second
    assert (await dexcom.ask("devices"))[0] == 200
    assert (await dexcom.token(dexcom.refresh_form(redirect_uri=CALLBACK)))[0] == 200
    spent = [first["refresh_token"], second["refresh_token"]]
    assert dexcom.region.used_refresh_tokens == set(spent)
    assert dexcom.region.token_log == [
        ("refresh_token", spent[0], 200, NOW),
        ("refresh_token", spent[0], 400, NOW),
        ("refresh_token", spent[1], 200, NOW),
    ]
    assert dexcom.region.token_log[0].refresh_token == spent[0]


async def test_an_access_token_lives_two_hours(dexcom: Client) -> None:
    dexcom.sim.clock.advance(timedelta(seconds=7199))
    assert (await dexcom.ask("devices"))[0] == 200
    dexcom.sim.clock.advance(timedelta(seconds=1))
    assert (await dexcom.ask("devices"))[0] == 401
    dexcom.tokens = (await dexcom.token(dexcom.refresh_form()))[1]
    assert (await dexcom.ask("devices"))[0] == 200


async def test_a_refresh_token_dies_in_time(dexcom: Client) -> None:
    dexcom.sim.clock.advance(timedelta(days=90, seconds=-1))
    dexcom.tokens = (await dexcom.token(dexcom.refresh_form()))[1]
    dexcom.region.oauth.refresh_lifetime = timedelta(days=1)
    dexcom.sim.clock.advance(timedelta(days=1))
    assert await dexcom.token(dexcom.refresh_form()) == (400, {"error": "invalid_grant"})


async def test_expired_access_tokens_can_be_refreshed(dexcom: Client) -> None:
    dexcom.region.expire_access_tokens()
    assert (await dexcom.ask("devices"))[0] == 401
    dexcom.tokens = (await dexcom.token(dexcom.refresh_form()))[1]
    assert (await dexcom.ask("devices"))[0] == 200


async def test_revoked_means_log_in_again(dexcom: Client) -> None:
    other = dexcom.region.grant(dexcom.region.wearer("SandboxUser6"))
    dexcom.region.revoke(dexcom.wearer)
    assert (await dexcom.ask("devices"))[0] == 401
    assert await dexcom.token(dexcom.refresh_form()) == (400, {"error": "invalid_grant"})
    bearer = f"Bearer {other['access_token']}"
    assert (await dexcom.ask("devices", authorization=bearer))[0] == 200
    dexcom.tokens = (await dexcom.token(dexcom.code_form(await dexcom.code())))[1]
    assert (await dexcom.ask("devices"))[0] == 200


async def test_a_token_is_for_its_app(dexcom: Client) -> None:
    other = dexcom.region.add_client("another-app", "another-secret")
    theirs = {"client_id": other.client_id, "client_secret": other.client_secret}
    refused = (400, {"error": "invalid_grant"})
    assert await dexcom.token(dexcom.refresh_form(**theirs)) == refused
    assert await dexcom.token(dexcom.code_form(await dexcom.code(), **theirs)) == refused


async def test_a_changed_secret_is_asked_for(dexcom: Client) -> None:
    old = dexcom.refresh_form()
    dexcom.region.client.client_secret = "changed"
    assert await dexcom.token(old) == (400, {"error": "invalid_client"})
    assert (await dexcom.token(dexcom.refresh_form()))[0] == 200


@pytest.mark.parametrize(
    "forge",
    [
        lambda token: token.replace(".", ""),
        lambda token: f".{token.partition('.')[2]}",
        lambda token: token[:-1] + ("0" if token[-1] != "0" else "1"),
        lambda token: "A" + token[1:],
        lambda token: "\N{SNOWMAN}",
    ],
)
async def test_a_forged_token_is_no_token(dexcom: Client, forge: Callable[[str], str]) -> None:
    forged = forge(dexcom.tokens["refresh_token"])
    refused = (400, {"error": "invalid_grant"})
    assert await dexcom.token(dexcom.refresh_form(refresh_token=forged)) == refused


async def test_regions_do_not_know_each_others_tokens_apps_and_codes(dexcom: Client) -> None:
    abroad = Client(dexcom.sim, dexcom.session, dexcom.sim.dexcom.region("ous"))
    assert abroad.region.url == f"{dexcom.sim.url}/dexcom-ous"
    assert abroad.region.client_id == "demo-dexcom-client-ous"
    assert (await abroad.ask("devices"))[0] == 200
    code = await dexcom.code()
    home, dexcom.tokens = dexcom.tokens, abroad.tokens
    assert (await dexcom.ask("devices"))[0] == 401
    refused = (400, {"error": "invalid_grant"})
    assert await dexcom.token(dexcom.refresh_form()) == refused
    assert await abroad.token(abroad.code_form(code)) == refused
    assert await abroad.token(
        abroad.refresh_form(client_id=dexcom.region.client_id, refresh_token=home["refresh_token"])
    ) == (400, {"error": "invalid_client"})
    # Not even where both regions know the app.
    abroad.region.add_client(dexcom.region.client_id, dexcom.region.client_secret)
    bearer = f"Bearer {home['access_token']}"
    assert (await abroad.ask("devices", authorization=bearer))[0] == 401
    names = [entry.endpoint for entry in dexcom.sim.log]
    assert names.count("dexcom-ous.token") == 2
    assert names.count("dexcom.token") == 1


async def test_tokens_outlive_the_simulator(dexcom: Client) -> None:
    """A demo home keeps its tokens while the simulator is started anew."""
    dexcom.tokens = (await dexcom.token(dexcom.refresh_form()))[1]
    await dexcom.sim.stop()
    again: Any = type(dexcom.sim)(NOW + timedelta(hours=3), 0)
    async with again:
        later = Client(again, dexcom.session)
        later.tokens = dexcom.tokens
        assert (await later.ask("devices"))[0] == 401
        later.tokens = (await later.token(later.refresh_form()))[1]
        assert (await later.ask("devices"))[0] == 200
