"""What was is in the recorder's database: read after a restart, by the dashboard, the logbook and statistics, and in a browser."""

from datetime import UTC, datetime, timedelta

from playwright.async_api import Browser, expect

from scripts.real_home import RealHome
from scripts.sources import set_up_dexcom, set_up_lumen
from simulator import Simulator

from .conftest import screenshot, until
from .pages import need, section
from .test_care_dashboard import act, find, opened, take_over, tell_glucose

GRAPHS = "care-graphs"


async def test_history_outlives_a_restart(
    home: RealHome, simulator: Simulator, browser: Browser, database: str | None
) -> None:
    simulator.load("demo")
    await set_up_lumen(home, simulator)
    await set_up_dexcom(home, simulator.dexcom, tell_glucose(simulator), "Anna")
    began = (datetime.now(UTC) - timedelta(days=40)).isoformat()
    medication = await find(home, "binary_sensor", "medication", "maria.keller")
    note = "Called 💙, 100 % O'Neill"
    await act(home, "acknowledge", entity_id=medication, note=note)
    drilled = await find(home, "binary_sensor", "high", "Anna")
    await act(home, "send_test_alert", entity_id=drilled)

    async def statistics() -> dict[str, str]:
        listed = await home.ws({"type": "recorder/list_statistic_ids"})
        return {
            one["name"]: one["statistic_id"] for one in listed if one["source"] == "care_alerts"
        }

    async def all_is_told() -> bool:
        return {"Anna: Glucose (delayed)", "Anna: Low"} <= set(await statistics())

    await until(all_is_told, "statistics of all that there is")
    await home.restart()
    assert (await home.ws({"type": "recorder/info"}))["db_in_default_location"] is not bool(
        database
    )

    # Logbook
    lines = [
        f"{one['name']} {one['message']}"
        for one in await home.ws({"type": "logbook/get_events", "start_time": began})
        if one.get("domain") == "care_alerts"
    ]
    [acknowledged] = [line for line in lines if "acknowledged" in line]
    assert acknowledged.startswith("maria.keller Medication of ")
    assert acknowledged.endswith(
        f"was acknowledged by Demo. That does not mean it is over. Note: {note}"
    )
    assert [line for line in lines if line.startswith("Anna DRILL: ")]

    # Statistics
    ids = await statistics()
    ask = {"type": "recorder/statistics_during_period", "start_time": began}
    glucose, lows = ids["Anna: Glucose (delayed)"], ids["Anna: Low"]
    hours = await home.ws(ask | {"statistic_ids": [glucose], "period": "hour"})
    assert len(hours[glucose]) >= 12
    assert all(50 < one["min"] <= one["mean"] <= one["max"] < 300 for one in hours[glucose])
    days = await home.ws(ask | {"statistic_ids": [lows], "period": "day", "types": ["change"]})
    assert sum(one["change"] for one in days[lows]) == 1

    # States
    ask = {"type": "history/history_during_period", "start_time": began}
    states = (await home.ws(ask | {"entity_ids": [medication]}))[medication]
    assert [one["s"] for one in states].count("on") >= 1

    # Timeline
    device_of = {one["entity_id"]: one["device_id"] for one in await home.entities()}
    follow = {"type": "care_alerts/subscribe_person", "device_id": device_of[drilled], "hours": 24}
    async with home.listen(follow) as events:
        first = await anext(events)
    assert len(first["readings"]) > 100
    assert len(first["episodes"]) == 3

    await take_over(home)
    page = await opened(browser, home, "now", height=1800)
    await expect(need(page, "Anna: Low · medium severity")).to_be_visible()
    await expect(section(page, "Anna").locator("care-alerts-timeline article")).to_have_count(3)
    await expect(section(page, "Anna").locator("care-alerts-glucose canvas")).to_be_visible()
    await expect(need(page, "maria.keller: Medication")).to_contain_text("Demo has it since")
    await screenshot(page, "history-dashboard")

    await page.goto(f"{home.url}/logbook?entity_id={medication}")
    line = page.locator("ha-logbook-renderer").get_by_text("was acknowledged by Demo")
    await expect(line.first).to_be_visible()
    await screenshot(page, "history-logbook")

    await home.ws(
        {
            "type": "lovelace/dashboards/create",
            "url_path": GRAPHS,
            "title": "Graphs",
            "mode": "storage",
        }
    )
    card = {"type": "statistics-graph", "days_to_show": 30}
    cards = [
        card | {"entities": [lows], "stat_types": ["change"], "period": "day"},
        card | {"entities": [glucose], "stat_types": ["mean", "min", "max"], "period": "hour"},
    ]
    config = {"views": [{"cards": cards}]}
    await home.ws({"type": "lovelace/config/save", "url_path": GRAPHS, "config": config})
    await page.goto(f"{home.url}/{GRAPHS}")
    graphs = page.locator("hui-statistics-graph-card")
    await expect(graphs.locator("canvas")).to_have_count(2)
    await expect(graphs.nth(0)).to_contain_text("Anna: Low")
    await expect(page.get_by_text("No statistics found")).to_have_count(0)
    await screenshot(page, "history-statistics")
    assert " ERROR " not in home.log("all")
