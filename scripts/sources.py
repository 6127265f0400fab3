"""What a user adds to a real home: the simulator's accounts, through the real config flow, and the dashboard."""

import aiohttp

from scripts.real_home import HomeError, Json, RealHome
from simulator import Simulator
from simulator.dexcom import DexcomRegion, Wearer

DOMAIN = "care_alerts"


async def set_up_lumen(home: RealHome, simulator: Simulator) -> str:
    """Add the simulator's Lumen account; return the entry's id.

    Raises:
        HomeError: the config flow refuses it.

    """
    lumen = simulator.lumen
    flow = await _begin(home, "lumen")
    flow = await home.flow_step(flow["flow_id"], {"base_url": lumen.url, "api_key": lumen.api_key})
    return _entry_of(flow)


async def set_up_dexcom(home: RealHome, region: DexcomRegion, wearer: Wearer, name: str) -> str:
    """Add a wearer of a simulated region, as `set_up_lumen`: credentials, login page, and what it leads to."""
    credentials = await add_credentials(home, region)
    flow = await _begin(home, "dexcom")
    flow = await home.flow_step(flow["flow_id"], {"region": region.url, "name": name})
    if flow["type"] == "form":
        flow = await home.flow_step(flow["flow_id"], {"implementation": credentials})
    await log_in_at(flow["url"], wearer)
    return _entry_of(await home.flow(flow["flow_id"]))


async def set_up_tidepool(home: RealHome, simulator: Simulator) -> str:
    """Add the simulator's first Tidepool account, as `set_up_lumen`."""
    tidepool = simulator.tidepool
    flow = await _begin(home, "tidepool")
    flow = await home.flow_step(
        flow["flow_id"],
        {
            "environment": tidepool.url,
            "username": tidepool.account.username,
            "password": tidepool.account.password,
        },
    )
    return _entry_of(flow)


async def add_dashboard(home: RealHome, url_path: str = "care-alerts") -> str:
    """Add the dashboard that Care Alerts brings along, as Home Assistant's own dialog does; return its address."""
    there = await home.ws({"type": "lovelace/dashboards/list"})
    if not any(dashboard["url_path"] == url_path for dashboard in there):
        await home.ws(
            {
                "type": "lovelace/dashboards/create",
                "url_path": url_path,
                "title": "Care Alerts",
                "icon": "mdi:home-heart",
                "show_in_sidebar": True,
                "require_admin": False,
            }
        )
    config = {"strategy": {"type": "custom:care-alerts"}}
    await home.ws({"type": "lovelace/config/save", "url_path": url_path, "config": config})
    return f"{home.url}/{url_path}"


async def add_credentials(home: RealHome, region: DexcomRegion) -> str:
    """Give Home Assistant the app of a region, unless it has it; return the id of the credentials."""
    for known in await home.ws({"type": "application_credentials/list"}):
        if known["client_id"] == region.client_id:
            return str(known["id"])
    created = await home.ws(
        {
            "type": "application_credentials/create",
            "domain": DOMAIN,
            "client_id": region.client_id,
            "client_secret": region.client_secret,
            "name": f"Demo app, {region.name}",
        }
    )
    return str(created["id"])


async def log_in_at(url: str, wearer: Wearer) -> None:
    """Do what a person does on the vendor's login page, and follow its way back to Home Assistant.

    Raises:
        HomeError: it leads nowhere.

    """
    form = {"user": wearer.name, "action": "login"}
    async with aiohttp.ClientSession() as browser, browser.get(url) as page:
        page.raise_for_status()
        async with browser.post(url, data=form) as back:
            if not back.ok:
                raise HomeError(f"the way back from the login page ends: {await back.text()}")


async def _begin(home: RealHome, source: str) -> Json:
    flow = await home.start_flow(DOMAIN)
    return await home.flow_step(flow["flow_id"], {"next_step_id": source})


def _entry_of(flow: Json) -> str:
    """Return the id of the entry that a flow ends with."""
    if flow["type"] != "create_entry":
        raise HomeError(
            f"the config flow did not accept the simulator: {flow.get('errors') or flow.get('reason')}"
        )
    return str(flow["result"]["entry_id"])
