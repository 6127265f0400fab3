"""The dashboard: taken over in one step, read on a phone and a tablet, by day and by night."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from math import exp
import re
from statistics import fmean
from typing import Any, Final, Literal

from playwright.async_api import Browser, Page, expect
import pytest

from scripts.real_home import RealHome
from scripts.sources import add_dashboard, set_up_dexcom, set_up_lumen, set_up_tidepool
from simulator import Simulator
from simulator.dexcom import Wearer

from .conftest import TEXTS, log_in, page_of, screenshot
from .pages import section

SAYS: Final[dict[str, str]] = TEXTS["common"]
URL_PATH: Final = "care-people"
THRESHOLDS: Final = ("urgent_low_threshold", "low_threshold", "high_threshold")

expect.set_options(timeout=30_000)


def tell_glucose(simulator: Simulator) -> Wearer:
    """Add a wearer who was low an hour and ten minutes ago, which is news now, and high for a while last evening."""
    wearer, now = simulator.dexcom.add_wearer("SandboxUser6"), simulator.clock.now()

    def glucose(moment: datetime) -> float:
        ago = (now - moment) / timedelta(minutes=1)
        high = 140 * exp(-(((ago - 640) / 85) ** 2))
        return 118 + high - max(175 - ago, 0) * 52 / 110

    wearer.add_session(now - timedelta(hours=14), now - timedelta(minutes=61), glucose)
    return wearer


async def find(home: RealHome, domain: str, key: str, person: str | None = None) -> str:
    """The id of the first entity of this kind (of a person), by its translation key."""
    people = {device["id"]: device["name"] for device in await home.devices()}
    entities = await home.entities("care_alerts")
    return next(
        str(entity["entity_id"])
        for entity in entities
        if entity["translation_key"] == key
        and entity["entity_id"].startswith(f"{domain}.")
        and person in (None, people[entity["device_id"]])
    )


async def remember(
    home: RealHome, entity_id: str, samples: Iterable[tuple[datetime, float]]
) -> None:
    """Give an entity a past: hourly means of what came when (mmol/L), as the recorder would have kept them.

    A graph draws an hour's mean from the end of that hour on: each is put an hour earlier, to stand where it belongs.
    """
    now, hours = datetime.now(UTC), dict[datetime, list[float]]()
    for moment, value in samples:
        if now - timedelta(hours=13) < moment <= now:
            hours.setdefault(moment.replace(minute=0, second=0, microsecond=0), []).append(value)
    await home.ws(
        {
            "type": "recorder/import_statistics",
            "metadata": {
                "mean_type": 1,
                "has_sum": False,
                "name": None,
                "source": "recorder",
                "statistic_id": entity_id,
                "unit_class": "blood_glucose_concentration",
                "unit_of_measurement": "mmol/L",
            },
            "stats": [
                {
                    "start": (hour - timedelta(hours=1)).isoformat(),
                    "mean": fmean(values),
                    "min": min(values),
                    "max": max(values),
                }
                for hour, values in sorted(hours.items())
            ],
        }
    )


async def remember_glucose(home: RealHome, simulator: Simulator) -> None:
    """Give the glucose of both who wear a sensor, and Mila's thresholds, a past."""
    wearer, mila = simulator.dexcom.wearer("SandboxUser6"), simulator.tidepool.child("Mila")
    worn = [(egv.uploaded_at, egv.fields["value"] / 18.0156) for egv in wearer.egvs]
    await remember(home, await find(home, "sensor", "glucose", "Anna"), worn)
    read = [(one.uploaded_at, one.fields["value"]) for one in mila.records if one.type == "cbg"]
    await remember(home, await find(home, "sensor", "glucose", "Mila"), read)
    for key in THRESHOLDS:
        number = await find(home, "number", key, "Mila")
        value = float((await home.get(f"/api/states/{number}"))["state"])
        await remember(home, number, [(moment, value) for moment, _ in read])


async def show(home: RealHome, entity_id: str, state: str, **attributes: Any) -> None:
    """Let an entity show something on top of what it shows."""
    shown = await home.get(f"/api/states/{entity_id}")
    await home.post(
        f"/api/states/{entity_id}",
        {"state": state, "attributes": shown["attributes"] | attributes},
    )


async def act(home: RealHome, service: str, **data: Any) -> None:
    """Do something as the home's user."""
    await home.post(f"/api/services/care_alerts/{service}", data)


async def take_over(home: RealHome) -> None:
    """Make a dashboard of the strategy, as the dialog does."""
    await add_dashboard(home, URL_PATH)


async def opened(browser: Browser, home: RealHome, view: str, **size: int) -> Page:
    """The dashboard on a screen of this size."""
    page = await page_of(browser, **size)
    await log_in(page, home)
    await page.goto(f"{home.url}/{URL_PATH}/{view}")
    return page


@pytest.fixture
async def care(home: RealHome, simulator: Simulator) -> RealHome:
    """A home that follows the demo people, a wearer who has been low, and a child with thresholds."""
    simulator.load("demo")
    wearer = tell_glucose(simulator)
    await set_up_lumen(home, simulator)
    await set_up_dexcom(home, simulator.dexcom, wearer, "Anna")
    tidepool = simulator.tidepool
    tidepool.child("Jonas").stop_sharing(tidepool.account)
    await set_up_tidepool(home, simulator)
    return home


async def test_it_is_taken_over_in_one_step(care: RealHome, browser: Browser) -> None:
    page = await page_of(browser)
    await log_in(page, care)
    await page.goto(f"{care.url}/config/lovelace/dashboards")
    await page.get_by_text("Add dashboard").click()
    offer = page.locator("dashboard-card").filter(has_text="Care Alerts")
    await expect(offer).to_contain_text("whether their sources speak")
    await offer.click()
    dialog = page.locator("dialog-lovelace-dashboard-detail")
    await dialog.get_by_text("Create", exact=True).click()

    # It stands in the sidebar, and is this strategy and nothing else.
    made = page.locator("ha-sidebar").get_by_text("Care Alerts")
    await expect(made).to_be_visible()
    await made.click()
    await expect(section(page, "Anna")).to_contain_text("Low alert · medium severity")
    config = await care.ws({"type": "lovelace/config", "url_path": "care-alerts"})
    assert config == {"strategy": {"type": "custom:care-alerts"}}


@pytest.mark.parametrize("colours", ["light", "dark"])
async def test_it_says_what_was_when_and_who_took_it(
    care: RealHome, simulator: Simulator, browser: Browser, colours: Literal["light", "dark"]
) -> None:
    await remember_glucose(care, simulator)
    await take_over(care)
    medication = await find(care, "binary_sensor", "medication")
    await act(care, "acknowledge", entity_id=medication, note="Called, will look in at noon")
    await act(care, "snooze", entity_id=medication, duration={"hours": 2})
    for width, height in ((1280, 2440), (400, 1500)):
        page = await opened(browser, care, "now", width=width, height=height)
        await page.emulate_media(color_scheme=colours)

        anna = section(page, "Anna")
        low = anna.locator("ha-alert")
        await expect(low).to_have_count(1)
        await expect(low).to_contain_text("Low alert · medium severity")
        await expect(low).to_contain_text(
            re.compile(r"Was observed at (\w{3} )?\d\d:\d\d \(1 h 1\d min ago\)\.")
        )
        await expect(low).to_contain_text(SAYS["dashboard_unacknowledged"])
        await expect(anna).to_contain_text("3.7 mmol/L · ")
        await expect(anna.locator("hui-history-graph-card canvas")).to_be_visible()

        timeline = anna.locator("care-alerts-timeline")
        await expect(timeline.locator("article")).to_have_count(2)
        await expect(timeline.locator("article").nth(0)).to_contain_text(
            re.compile(r"Low · medium severity.*Glucose then: 3\.8 mmol/L\.$")
        )
        await expect(timeline.locator("article").nth(1)).to_contain_text(
            re.compile(
                r"High · medium severity.*Glucose then: 1[34]\.\d mmol/L\."
                r" Reported as ended at \d\d:\d\d\."
            )
        )

        maria = section(page, "maria.keller")
        await expect(maria.locator("ha-alert")).to_have_count(3)
        owned = maria.locator(
            "ha-alert", has_text="Medication alert: Many doses not logged · high severity"
        )
        await expect(owned).to_contain_text(re.compile(r"Acknowledged by Demo \(\d\d:\d\d\)\."))
        await expect(owned).to_contain_text(SAYS["dashboard_not_over"])
        await expect(owned).to_contain_text("Called, will look in at noon")
        await expect(owned).to_contain_text(re.compile(r"Snoozed until (\w{3} )?\d\d:\d\d\."))
        await expect(maria.get_by_text(SAYS["dashboard_acknowledge"], exact=True)).to_have_count(2)
        await expect(maria.get_by_text(SAYS["dashboard_unacknowledge"])).to_have_count(1)
        await expect(maria.get_by_text(SAYS["dashboard_unsnooze"])).to_have_count(1)
        await expect(maria.get_by_text("Snooze 30 min")).to_have_count(2)

        henk = section(page, "henk.devries")
        await expect(henk.locator("ha-alert")).to_have_count(0)
        await expect(henk).to_contain_text(
            re.compile(
                r"No active alert is known\. The data reach to .* nothing is known of the time"
            )
        )
        good = henk.locator("article").first
        await expect(good).to_contain_text("Weight: Goal reached")
        await expect(good).not_to_contain_text("·")
        await expect(page.get_by_text("not a medical device")).to_be_visible()
        for source in ("Lumen", "Dexcom", "Tidepool"):
            tile = page.locator("hui-grid-section", has_text=source).last
            await expect(tile).to_contain_text("Not too long yet")

        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width
        await screenshot(page, f"dashboard-{width}-{colours}", in_readme=True)

        await page.goto(f"{care.url}/{URL_PATH}/details")
        await expect(section(page, "maria.keller")).to_contain_text("Adherence in 7 days")
        await expect(section(page, "maria.keller").locator("article").first).to_be_visible()
        await screenshot(page, f"dashboard-details-{width}-{colours}")
        await page.context.close()


async def test_silence_and_drills_are_told(care: RealHome, browser: Browser) -> None:
    await take_over(care)
    dexcom = await find(care, "sensor", "glucose")
    people = {entity["entity_id"]: entity["device_id"] for entity in await care.entities()}
    page = await opened(browser, care, "now")
    anna = section(page, "Anna")
    await expect(anna.locator("ha-alert")).to_have_count(1)
    silent = await find(care, "binary_sensor", "silent", "Anna")
    reach = await find(care, "sensor", "data_through", "Anna")

    await show(care, silent, "on", status="unreachable")
    told = anna.locator("ha-alert", has_text="is silent")
    await expect(told).to_contain_text("Not reachable. The data reach to")
    await expect(anna.locator("hui-heading-badge, hui-entity-heading-badge").first).to_contain_text(
        "Not reachable"
    )
    await show(care, reach, "unknown")
    await expect(told).to_contain_text(SAYS["dashboard_no_reach"])

    low, high = [await find(care, "binary_sensor", key) for key in ("low", "high")]
    await act(care, "send_test_alert", entity_id=high)
    await act(care, "acknowledge", entity_id=high, note="<b>{{ 1 + 1 }}</b>")
    drill = anna.locator("ha-alert", has_text="DRILL: High alert")
    await expect(drill).to_contain_text(SAYS["dashboard_drill_runs"])
    await expect(drill).to_contain_text("<b>{{ 1 + 1 }}</b>")
    await expect(anna.locator("article").first).to_contain_text("DRILL: High")

    for key in ("active_alerts", "glucose"):
        of_anna = next(
            e["entity_id"]
            for e in await care.entities("care_alerts")
            if e["translation_key"] == key and e["device_id"] == people[dexcom]
        )
        await show(care, of_anna, "unavailable")
    await show(care, low, "unavailable", drill=None)
    unknown = anna.locator("ha-alert", has_text=SAYS["dashboard_nothing_known"])
    await expect(unknown).to_contain_text(SAYS["dashboard_nothing_known_text"])
    await expect(anna).to_contain_text(SAYS["dashboard_no_glucose"])
    await expect(anna).not_to_contain_text("No active alert is known")


async def test_what_others_have_written_is_no_markup(care: RealHome, browser: Browser) -> None:
    hostile = '"></ha-alert><img src=/x.png><h1>Over ![](/x.png) [All well](/x) `code` *all*'
    lines = f"{hostile}\n\n# Over\n\n- www.evil.example"
    await take_over(care)
    low, medication = [await find(care, "binary_sensor", key) for key in ("low", "medication")]
    await act(care, "acknowledge", entity_id=low, note=lines)
    await show(care, await find(care, "sensor", "medication_status"), hostile)
    await show(care, await find(care, "sensor", "glucose_trend"), hostile)
    await care.ws(
        {"type": "config/entity_registry/update", "entity_id": medication, "name": hostile}
    )
    page = await opened(browser, care, "now")
    anna, maria = section(page, "Anna"), section(page, "maria.keller")
    await expect(anna.locator("ha-alert i")).to_have_text(lines)
    await expect(anna.locator("ha-markdown h2")).to_contain_text(f"mmol/L · {hostile}")
    await expect(maria.locator("ha-alert")).to_have_count(3)
    named = maria.locator("ha-alert", has_text="Over")
    await expect(named).to_contain_text(f"{hostile}: {hostile} · high severity")
    await expect(named).to_contain_text(SAYS["dashboard_unacknowledged"])
    for person in (anna, maria):
        made = person.locator("ha-markdown").locator("img, a, h1, ul, code, em")
        await expect(made).to_have_count(0)


async def test_a_source_may_be_hidden(care: RealHome, browser: Browser) -> None:
    """Its people are people all the same."""
    await take_over(care)
    medication = await find(care, "binary_sensor", "medication")
    device_of = {entity["entity_id"]: entity["device_id"] for entity in await care.entities()}
    source = {d["id"]: d["via_device_id"] for d in await care.devices()}[device_of[medication]]
    own = {
        entity["translation_key"]: entity["entity_id"]
        for entity in await care.entities("care_alerts")
        if entity["device_id"] == source
    }

    async def update(entity_id: str, **changes: str) -> None:
        await care.ws({"type": "config/entity_registry/update", "entity_id": entity_id} | changes)

    # Why a source is silent, nobody says: that it is has to be said all the same.
    await update(own.pop("status"), disabled_by="user")
    await show(care, await find(care, "binary_sensor", "silent", "maria.keller"), "on")
    page = await opened(browser, care, "now")
    told = section(page, "maria.keller").locator("ha-alert", has_text="is silent")
    await expect(told).to_contain_text("The data reach to")

    for entity_id in own.values():
        await update(entity_id, hidden_by="user")
    await page.reload()
    for person, alerts in (("maria.keller", 4), ("henk.devries", 0), ("Anna", 1)):
        await expect(
            section(page, person).locator("care-alerts-timeline article").first
        ).to_be_visible()
        await expect(section(page, person).locator("ha-alert")).to_have_count(alerts)


async def test_a_touch_is_enough(care: RealHome, browser: Browser) -> None:
    await take_over(care)
    page = await opened(browser, care, "now", width=400, height=900)
    anna = section(page, "Anna")

    async def touch(name: str) -> None:
        await anna.locator("hui-tile-card").filter(has_text=name).click()

    await touch("Acknowledge")
    await expect(anna.locator("ha-alert")).to_contain_text("Acknowledged by Demo")
    await touch("Undo")
    await expect(anna.locator("ha-alert")).to_contain_text(SAYS["dashboard_unacknowledged"])
    await touch("Snooze 30 min")
    await expect(anna.locator("ha-alert")).to_contain_text("Snoozed until")
    await touch("End snooze")
    await expect(anna.locator("ha-alert")).not_to_contain_text("Snoozed until")

    maria = section(page, "maria.keller")
    await maria.locator("hui-tile-card").filter(has_text="Acknowledge all").click()
    for box in range(3):
        await expect(maria.locator("ha-alert").nth(box)).to_contain_text("Acknowledged by Demo")

    lumen = page.locator("hui-tile-card").filter(has_text="Test alert").nth(1)
    await lumen.click()
    warning = page.get_by_text(SAYS["dashboard_test_alert_confirm"])
    await expect(warning).to_be_visible()
    await page.get_by_role("button", name="OK").click()
    henk = section(page, "henk.devries").locator("ha-alert", has_text="DRILL")
    await expect(henk).to_be_visible()


async def test_thresholds_stand_in_the_glucose_graph(care: RealHome, browser: Browser) -> None:
    """In the unit of the glucose there, or they would be in a graph of their own."""
    await take_over(care)
    page = await opened(browser, care, "now", height=1800)
    mila = section(page, "Mila")
    await expect(mila.locator("ha-markdown h2")).to_contain_text("mmol/L")
    graph = mila.locator("hui-history-graph-card")
    await expect(graph.locator("canvas")).to_have_count(1)
    legend = graph.locator("ha-chart-base li")
    # From 2026.11 on the legend has a word of its own behind these.
    await expect(legend).to_contain_text(
        [
            re.compile(name)
            for name in ("Glucose", "Urgent low threshold", "Low threshold", "High threshold")
        ]
    )
    await expect(section(page, "Anna").locator("hui-history-graph-card")).not_to_contain_text(
        "threshold"
    )
    colours = await legend.locator(".legend-toggle ha-svg-icon").evaluate_all(
        "icons => icons.map(icon => getComputedStyle(icon).color)"
    )
    assert len(set(colours)) == 4
    await page.goto(f"{care.url}/{URL_PATH}/details")
    settings = section(page, "Mila").locator("hui-number-entity-row")
    for name in ("High threshold", "Low threshold", "Urgent low threshold"):
        await expect(settings.filter(has_text=name).first).to_be_visible()


async def test_the_timeline_says_the_glucose_in_the_unit_of_the_sensor(
    home: RealHome, simulator: Simulator, browser: Browser
) -> None:
    simulator.load("demo")
    await set_up_lumen(home, simulator)
    page = await page_of(browser)
    await log_in(page, home)
    await page.goto(home.url)
    await expect(page.locator("home-assistant-main")).to_be_attached()
    value, low, high = (SAYS[f"dashboard_glucose_then{ending}"] for ending in ("", "_low", "_high"))
    for details, unit, expected in (
        ({"glucose_mg_dl": 68}, "mmol/L", value.format(value="3.8", unit="mmol/L")),
        ({"glucose_mg_dl": 68}, "mg/dL", value.format(value="68", unit="mg/dL")),
        ({"glucose_mg_dl": 68}, None, value.format(value="68", unit="mg/dL")),
        ({"glucose_mmol_l": 4}, "mmol/L", value.format(value="4.0", unit="mmol/L")),
        ({"value_mmol_l": 14.04}, "mg/dL", value.format(value="253", unit="mg/dL")),
        ({"value_mmol_l": 14.04}, None, value.format(value="14.0", unit="mmol/L")),
        ({"value_mg_dl": 100}, "mmol/L", value.format(value="5.6", unit="mmol/L")),
        ({"glucose_mg_dl": 39, "glucose_out_of_range": "low"}, "mmol/L", low),
        ({"glucose_mg_dl": 401, "glucose_out_of_range": "high"}, "mg/dL", high),
        ({"value_mmol_l": 2.2, "out_of_range": "low"}, "mmol/L", low),
        ({"value_mmol_l": 22.3, "out_of_range": "high"}, "mg/dL", high),
        ({"glucose_mg_dl": 68, "glucose_out_of_range": None}, "mg/dL", "Glucose then: 68 mg/dL."),
        ({"glucose_mg_dl": "68"}, "mg/dL", ""),
        ({}, "mg/dL", ""),
    ):
        shown = await page.evaluate(
            """async ({ details, unit }) => {
                const { hass } = document.querySelector("home-assistant");
                const card = document.createElement("care-alerts-timeline");
                await customElements.whenDefined("care-alerts-timeline");
                document.body.append(card);
                const time = new Date().toISOString();
                const alert = {
                    alert_type: "low", severity: "medium", state: "active", late: false, drill: false,
                    episode_id: null, observed_at: time, received_at: time, details,
                };
                const response = { alerts: [alert], episodes: [], unavailable: [] };
                card.setConfig({ device_id: "somebody", glucose: "sensor.glucose" });
                card.hass = {
                    ...hass,
                    states: { "sensor.glucose": { attributes: { unit_of_measurement: unit } } },
                    callWS: async () => ({ response }),
                };
                for (;;) {
                    const line = card.shadowRoot?.querySelector("article span");
                    if (line) {
                        card.remove();
                        return line.querySelector("small")?.textContent ?? "";
                    }
                    await new Promise((done) => setTimeout(done, 10));
                }
            }""",
            {"details": details, "unit": unit},
        )
        assert shown == expected, (details, unit)


async def test_the_timeline_has_a_line_for_each_episode_that_the_sensors_know(
    home: RealHome, simulator: Simulator, browser: Browser
) -> None:
    now = simulator.clock.now()
    wearer, jill = tell_glucose(simulator), simulator.tidepool.add_child("Jill")
    for minutes_ago in (260, 170, 110):
        wearer.add_alert("low", now - timedelta(minutes=minutes_ago))
    account = simulator.tidepool.account
    jill.share_with(account)
    urgent_low = {"enabled": True, "threshold": {"units": "mmol/L", "value": 3.1}}
    jill.set_settings(account, {"urgentLow": urgent_low})
    for minutes_ago, value in ((20, 6.2), (15, 2.9), (9, 6.4), (3, 2.8)):
        jill.add_reading(now - timedelta(minutes=minutes_ago), value)
    await set_up_dexcom(home, simulator.dexcom, wearer, "Anna")
    await set_up_tidepool(home, simulator)
    await take_over(home)

    page = await opened(browser, home, "now")
    for person, alert, notes in (
        ("Anna", "Low · medium severity", ["Observed until"]),
        ("Jill", "Urgent low · high severity", ["", "Reported as ended at"]),
    ):
        lines = section(page, person).locator("care-alerts-timeline article").filter(has_text=alert)
        await expect(lines).to_have_count(len(notes))
        for line, note in zip(await lines.all(), notes, strict=True):
            assert note in await line.inner_text()
        key = alert.partition(" ·")[0].lower().replace(" ", "_")
        sensor = await find(home, "binary_sensor", key, person)
        state = await home.get(f"/api/states/{sensor}")
        answer = await home.post(
            "/api/services/care_alerts/get_alerts?return_response",
            {"entity_id": sensor, "alert_types": [key]},
        )
        episodes = answer["service_response"]["episodes"]
        assert len(episodes) == len(notes)
        assert state["state"] == "on"
        assert state["attributes"]["episode_id"] == episodes[-1]["episode_id"]


async def test_without_a_source_it_says_where_to_begin(home: RealHome, browser: Browser) -> None:
    """A source that was removed again: the module is there until the next restart."""
    async with Simulator(scenario="demo") as simulator:
        entry_id = await set_up_lumen(home, simulator)
        await take_over(home)
        await home.delete(f"/api/config/config_entries/entry/{entry_id}")
    page = await opened(browser, home, "now")
    await expect(page.get_by_text("No source is set up yet.")).to_be_visible()
    await expect(page.get_by_role("link", name="Add one")).to_be_visible()
