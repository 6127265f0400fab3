"""The plainest client of Dexcom there is."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import ClientSession, FormData
from yarl import URL

from simulator import Simulator
from simulator.dexcom import DexcomRegion, Wearer

NOW = datetime(2026, 5, 5, 9, tzinfo=UTC)
CALLBACK = "http://homeassistant.local:8123/auth/external/callback"


class Client:
    """Asks one region for one wearer."""

    def __init__(
        self, sim: Simulator, session: ClientSession, region: DexcomRegion | None = None
    ) -> None:
        """Log SandboxUser7 in, without the dance."""
        self.sim = sim
        self.session = session
        self.region = region or sim.dexcom
        self.wearer: Wearer = self.region.add_wearer()
        self.tokens = self.region.grant(self.wearer)

    def move_to(self, moment: datetime) -> None:
        """Go to a time and be logged in then."""
        self.sim.clock.set(moment)
        self.tokens = self.region.grant(self.wearer)

    async def ask(
        self,
        endpoint: str,
        params: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        authorization: str | None = None,
    ) -> tuple[int, Any]:
        """Return status and JSON of a data endpoint."""
        bearer = f"Bearer {self.tokens['access_token']}"
        async with self.session.request(
            method,
            f"{self.region.url}/v3/users/self/{endpoint}",
            params=params,
            headers={"Authorization": bearer if authorization is None else authorization},
        ) as response:
            return response.status, await response.json()

    async def window(self, endpoint: str = "alerts", **hours: float) -> dict[str, Any]:
        """Return the answer for a window in hours from now; a day until an hour ahead."""
        start = NOW + timedelta(hours=hours.get("start", -24))
        end = NOW + timedelta(hours=hours.get("end", 1))
        status, body = await self.ask(endpoint, dates(start, end))
        assert status == 200, body
        assert isinstance(body, dict)
        return body

    async def records(self, endpoint: str = "alerts", **hours: float) -> list[dict[str, Any]]:
        """Return the records of a window."""
        records: list[dict[str, Any]] = (await self.window(endpoint, **hours))["records"]
        return records

    def query(self, **changes: str | None) -> dict[str, str]:
        """Return a good query for the login page, with some parameters changed, or left out."""
        query = {
            "client_id": self.region.client_id,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "offline_access",
            "state": "a b&c",
        }
        return _changed(query, changes)

    async def login(
        self, query: dict[str, str] | None = None, form: Mapping[str, str] | None = None
    ) -> tuple[int, URL | str]:
        """Send the login page's form; return status and where it leads, or the page."""
        async with self.session.post(
            f"{self.region.url}/v3/oauth2/login",
            params=query or self.query(),
            data=form or {"user": self.wearer.name, "action": "login"},
            allow_redirects=False,
        ) as response:
            location = response.headers.get("Location")
            return response.status, URL(location) if location else await response.text()

    async def code(self) -> str:
        """Log in and return the code."""
        status, location = await self.login()
        assert status == 302
        assert isinstance(location, URL)
        return location.query["code"]

    def code_form(self, code: str, /, **changes: str | None) -> dict[str, str]:
        """Return a good form for redeeming a code, with some fields changed, or left out."""
        form = {
            "grant_type": "authorization_code",
            "client_id": self.region.client_id,
            "client_secret": self.region.client_secret,
            "code": code,
            "redirect_uri": CALLBACK,
        }
        return _changed(form, changes)

    def refresh_form(self, **changes: str | None) -> dict[str, str]:
        """Return a good form for refreshing, with some fields changed, or left out."""
        form = {
            "grant_type": "refresh_token",
            "client_id": self.region.client_id,
            "client_secret": self.region.client_secret,
            "refresh_token": self.tokens["refresh_token"],
        }
        return _changed(form, changes)

    async def token(
        self, form: Mapping[str, str] | FormData, **options: Any
    ) -> tuple[int, dict[str, Any]]:
        """Return status and JSON of the token endpoint."""
        method = options.pop("method", "POST")
        async with self.session.request(
            method, f"{self.region.url}/v3/oauth2/token", data=form, **options
        ) as response:
            body = await response.json()
            assert isinstance(body, dict)
            return response.status, body


def dates(start: datetime, end: datetime) -> dict[str, str]:
    """Return a window as the query says it."""
    return {"startDate": f"{start:%Y-%m-%dT%H:%M:%S}", "endDate": f"{end:%Y-%m-%dT%H:%M:%S}"}


def _changed(good: dict[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """Return fields with changes; None leaves one out."""
    return {name: value for name, value in {**good, **changes}.items() if value is not None}
