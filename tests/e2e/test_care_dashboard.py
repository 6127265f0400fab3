"""The dashboard: taken over in one step, read on a phone and a tablet, by day and by night."""

from datetime import datetime, timedelta
from math import exp
import re
from typing import Any, Final, Literal

from playwright.async_api import Browser, Page, expect
import pytest

from scripts.real_home import RealHome
from scripts.sources import add_dashboard, set_up_dexcom, set_up_lumen, set_up_tidepool
from simulator import CATALOGUE, Simulator
from simulator.dexcom import Wearer

from .conftest import TEXTS, does_not_scroll_sideways, in_colours, log_in, page_of, screenshot
from .pages import line, need, needs_you, press, section

SAYS: Final[dict[str, str]] = TEXTS["common"]
URL_PATH: Final = "care-people"
CURVE: Final = "custom:care-alerts-glucose"

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
    await expect(need(page, "Anna: Low · medium severity")).to_be_visible()
    config = await care.ws({"type": "lovelace/config", "url_path": "care-alerts"})
    assert config == {"strategy": {"type": "custom:care-alerts"}}


@pytest.mark.parametrize("colours", ["light", "dark"])
async def test_it_says_what_was_when_and_who_took_it(
    care: RealHome, browser: Browser, colours: Literal["light", "dark"]
) -> None:
    await take_over(care)
    medication = await find(care, "binary_sensor", "medication")
    await act(care, "acknowledge", entity_id=medication)
    for width, height in ((1280, 2000), (400, 1700)):
        page = await opened(browser, care, "now", width=width, height=height)
        await in_colours(page, colours)

        low = need(page, "Anna: Low · medium severity")
        await expect(low).to_contain_text(
            re.compile(r"Was 3\.8 mmol/L at (\w{3} )?\d\d:\d\d \(1 h 1\d min ago\)\.")
        )
        await expect(low).to_contain_text(SAYS["dashboard_nobody_has_it"])
        await expect(low.get_by_role("button")).to_have_count(2)
        await expect(line(page, "Anna").locator("s")).to_contain_text("3.7 mmol/L")
        anna = section(page, "Anna")
        await expect(anna.locator("care-alerts-glucose canvas")).to_be_visible()

        timeline = anna.locator("care-alerts-timeline")
        await expect(timeline.locator("article")).to_have_count(2)
        await expect(timeline.locator("article").nth(0)).to_contain_text(
            re.compile(r"Low · medium severity.*Glucose then: 3\.8 mmol/L\.\s*$")
        )
        await expect(timeline.locator("article").nth(1)).to_contain_text(
            re.compile(
                r"High · medium severity.*Glucose then: 1[34]\.\d mmol/L\."
                r" The alert ended at (\w{3} )?\d\d:\d\d\."
            )
        )

        owned = need(page, "maria.keller: Medication: Many not logged · high severity")
        await expect(owned).to_contain_text(re.compile(r"Demo has it since (\w{3} )?\d\d:\d\d\."))
        await expect(owned).to_contain_text(SAYS["dashboard_not_over"])
        await expect(owned.get_by_role("button")).to_have_text([SAYS["dashboard_unacknowledge"]])
        await expect(
            need(page, "maria.keller: Weight: Losing fast · high severity")
        ).to_be_visible()
        await expect(needs_you(page).locator("article").first).to_contain_text("Weight")
        await expect(needs_you(page).locator("article").last).to_contain_text("Medication")

        henk = line(page, "henk.devries")
        await expect(henk).to_contain_text(re.compile(r"Data to .*\(\d+ h \d+ min ago\)"))
        await expect(henk).to_contain_text("Lumen is never of now.")
        # Good news needs nobody: it is no episode, and stands in the details.
        await expect(section(page, "henk.devries")).to_contain_text(
            SAYS["dashboard_timeline_empty"]
        )
        await expect(needs_you(page)).not_to_contain_text("Goal reached")
        await expect(page.get_by_text("not a medical device")).to_be_visible()
        for source in ("Lumen", "Dexcom", "Tidepool"):
            tile = page.locator("hui-grid-section", has_text=source).last
            await expect(tile).to_contain_text("Not too long yet")

        await does_not_scroll_sideways(page)
        await screenshot(page, f"dashboard-{width}-{colours}", in_readme=True)

        await page.goto(f"{care.url}/{URL_PATH}/details")
        await expect(section(page, "maria.keller")).to_contain_text("Adherence in 7 days")
        await expect(section(page, "henk.devries")).to_contain_text("Goal reached")
        await expect(section(page, "maria.keller").locator("article").first).to_be_visible()
        await screenshot(page, f"dashboard-details-{width}-{colours}")
        await page.context.close()


async def test_silence_and_drills_are_told(
    care: RealHome, simulator: Simulator, browser: Browser
) -> None:
    await take_over(care)
    page = await opened(browser, care, "now")
    await expect(need(page, "Anna: Low")).to_be_visible()
    anna = line(page, "Anna")

    simulator.faults.add("*", CATALOGUE["503_bare"]())
    await press(page, await find(care, "button", "refresh", "Dexcom cloud Anna"))
    await expect(anna).to_contain_text("Not reachable")
    await expect(anna).to_contain_text("Low · medium severity")
    await expect(anna.locator("s")).to_contain_text("3.7 mmol/L")
    await expect(needs_you(page)).to_contain_text("Not known: Anna.")
    simulator.faults.clear()

    high = await find(care, "binary_sensor", "high", "Anna")
    await act(care, "send_test_alert", entity_id=high)
    drill = need(page, "Anna: DRILL: High")
    await expect(drill).to_contain_text(SAYS["dashboard_drill_runs"])
    # Behind all that is real.
    await expect(needs_you(page).locator("article").last).to_contain_text("DRILL")
    await act(care, "acknowledge", entity_id=high)
    await expect(drill).to_contain_text("Demo has it since")
    await expect(section(page, "Anna").locator("article").first).to_contain_text("DRILL: High")


async def test_what_others_have_written_is_no_markup(care: RealHome, browser: Browser) -> None:
    hostile = '"></ha-alert><img src=/x.png><h1>Over ![](/x.png) [All well](/x) `code` *all*'
    await take_over(care)
    ids = {device["name"]: device["id"] for device in await care.devices()}
    rename = {"type": "config/device_registry/update", "name_by_user": hostile}
    await care.ws(rename | {"device_id": ids["Anna"]})
    page = await opened(browser, care, "now")
    await expect(need(page, f"{hostile}: Low")).to_be_visible()
    await expect(line(page, hostile)).to_be_visible()
    await expect(section(page, hostile).locator("article").first).to_be_visible()
    for card in ("needs-you", "person", "glucose", "timeline"):
        made = page.locator(f"care-alerts-{card}").locator("img, h1, code, em")
        await expect(made).to_have_count(0)


async def test_a_source_may_be_hidden(care: RealHome, browser: Browser) -> None:
    """Its people are people all the same."""
    await take_over(care)
    medication = await find(care, "binary_sensor", "medication")
    device_of = {entity["entity_id"]: entity["device_id"] for entity in await care.entities()}
    source = {d["id"]: d["via_device_id"] for d in await care.devices()}[device_of[medication]]
    for entity in await care.entities("care_alerts"):
        if entity["device_id"] == source:
            update = {"type": "config/entity_registry/update", "hidden_by": "user"}
            await care.ws(update | {"entity_id": entity["entity_id"]})
    page = await opened(browser, care, "now")
    for person, alerts in (("maria.keller", 3), ("henk.devries", 0), ("Anna", 1)):
        await expect(line(page, person)).to_be_visible()
        await expect(section(page, person).locator("care-alerts-timeline h2")).to_be_visible()
        await expect(need(page, f"{person}: ")).to_have_count(alerts)


async def test_a_touch_is_enough(care: RealHome, browser: Browser) -> None:
    await take_over(care)
    page = await opened(browser, care, "now", width=400, height=900)
    anna = need(page, "Anna: Low")

    async def touch(name: str) -> None:
        await anna.get_by_role("button", name=name).click()

    await touch("Acknowledge")
    await expect(anna).to_contain_text("Demo has it since")
    await touch("Undo")
    await expect(anna).to_contain_text(SAYS["dashboard_nobody_has_it"])
    await touch("Snooze 30 min")
    await expect(anna).to_contain_text("Snoozed until")
    await touch("End snooze")
    await expect(anna).not_to_contain_text("Snoozed until")

    await needs_you(page).get_by_role("button", name="Acknowledge all 3 of maria").click()
    owned = need(page, "maria.keller: ").filter(has_text="Demo has it since")
    await expect(owned).to_have_count(3)

    lumen = page.locator("hui-tile-card").filter(has_text="Test alert").nth(1)
    await lumen.click()
    warning = page.get_by_text(SAYS["dashboard_test_alert_confirm"])
    await expect(warning).to_be_visible()
    await page.get_by_role("button", name="OK").click()
    await expect(need(page, "henk.devries: DRILL")).to_be_visible()


async def test_thresholds_stand_in_the_curve(care: RealHome, browser: Browser) -> None:
    """In the unit of the glucose there, in words beside it, too."""
    await take_over(care)
    page = await opened(browser, care, "now", height=1800)
    curve = section(page, "Mila").locator("care-alerts-glucose")
    await expect(curve).to_contain_text(
        re.compile(r"Alerts at: Urgent low \d\.\d mmol/L, Low \d\.\d mmol/L, High \d+\.\d mmol/L")
    )
    await expect(section(page, "Anna").locator("care-alerts-glucose")).not_to_contain_text(
        "Alerts at"
    )
    for choice in ("3 h", "24 h", "14 days"):
        await curve.get_by_role("button", name=choice).click()
        await expect(curve).to_contain_text(re.compile(r"In \d+ h between \d+\.\d mmol/L and"))
    await curve.locator(".plot").focus()
    await page.keyboard.press("End")
    await page.keyboard.press("ArrowLeft")
    await expect(curve).to_contain_text(re.compile(r"\d\d:\d\d: \d+\.\d mmol/L[.,]"))
    await curve.get_by_text(SAYS["dashboard_as_table"]).click()
    await expect(curve.get_by_role("row").nth(1)).to_contain_text("mmol/L")
    await page.goto(f"{care.url}/{URL_PATH}/details")
    settings = section(page, "Mila").locator("hui-number-entity-row")
    for name in ("High threshold", "Low threshold", "Urgent low threshold"):
        await expect(settings.filter(has_text=name).first).to_be_visible()


async def test_all_glucose_is_said_in_the_unit_of_the_sensor(
    care: RealHome, browser: Browser
) -> None:
    await take_over(care)
    page = await opened(browser, care, "now")
    await expect(line(page, "Anna")).to_contain_text("3.7 mmol/L")
    await care.ws(
        {
            "type": "config/entity_registry/update",
            "entity_id": await find(care, "sensor", "glucose", "Anna"),
            "options_domain": "sensor",
            "options": {"unit_of_measurement": "mg/dL"},
        }
    )
    await expect(line(page, "Anna")).to_contain_text(re.compile(r"6[67] mg/dL"))
    await expect(need(page, "Anna: Low")).to_contain_text(re.compile(r"Was 6[89] mg/dL"))
    anna = section(page, "Anna")
    await expect(anna.locator("article").first).to_contain_text(
        re.compile(r"Glucose then: 6[89] mg/dL\.")
    )
    await expect(anna.locator("care-alerts-glucose")).to_contain_text(re.compile(r"6[67] mg/dL"))
    await expect(anna).not_to_contain_text("mmol/L")


async def test_the_cards_can_be_picked(care: RealHome, browser: Browser) -> None:
    """In the editor: by name, as a suggestion for an entity, and with a form."""
    await take_over(care)
    page = await opened(browser, care, "now")
    await expect(need(page, "Anna: Low")).to_be_visible()
    glucose = await find(care, "sensor", "glucose", "Anna")
    offered = await page.evaluate(
        """async glucose => {
          const { hass } = document.querySelector("home-assistant");
          const made = [];
          for (const { type, name, description, getEntitySuggestion } of window.customCards) {
            if (!type.startsWith("care-alerts-")) continue;
            const card = customElements.get(type);
            const form = card.getConfigForm();
            const labels = form.schema.map(field => form.computeLabel(field, hass.localize));
            const config = card.getStubConfig(hass);
            document.createElement(type).setConfig(config);
            made.push([type, name, description, labels, getEntitySuggestion(hass, glucose)?.config ?? null]);
          }
          return made;
        }""",
        glucose,
    )
    assert [name for _, name, *_ in offered] == [
        SAYS[f"dashboard_card_{card}"]
        for card in ("needs_you", "person", "glucose", "timeline", "report")
    ]
    assert [one[3][0] for one in offered] == [
        SAYS["dashboard_editor_people"],
        SAYS["dashboard_editor_people"],
        SAYS["dashboard_editor_person"],
        SAYS["dashboard_editor_person"],
        SAYS["dashboard_editor_person"],
    ]
    suggested = [one[4]["type"] for one in offered if one[4]]
    assert suggested == ["custom:care-alerts-person", "custom:care-alerts-glucose"]


async def test_a_card_is_changed_in_a_form(
    home: RealHome, simulator: Simulator, browser: Browser
) -> None:
    await set_up_dexcom(home, simulator.dexcom, tell_glucose(simulator), "Anna")
    await take_over(home)
    (anna,) = (device["id"] for device in await home.devices() if device["name"] == "Anna")
    section_of_one = {"type": "grid", "cards": [{"type": CURVE, "device_id": anna}]}
    config = {"views": [{"path": "now", "type": "sections", "sections": [section_of_one]}]}
    await home.ws({"type": "lovelace/config/save", "url_path": URL_PATH, "config": config})
    page = await opened(browser, home, "now?edit=1")
    await expect(page.locator("care-alerts-glucose canvas")).to_be_visible()
    await page.locator("hui-card-edit-mode").first.hover()
    await page.locator("hui-card-edit-mode").first.locator(".edit-overlay, .control").first.click()
    form = page.locator("hui-dialog-edit-card")
    await expect(form).to_contain_text(SAYS["dashboard_card_glucose"])
    for field in ("person", "hours", "close"):
        await expect(form).to_contain_text(SAYS[f"dashboard_editor_{field}"])
    await expect(form.locator("care-alerts-glucose canvas")).to_be_visible()
    await screenshot(page, "card-editor")


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
    answered = now - timedelta(minutes=1)
    jill.add_device_alert(now - timedelta(minutes=3), "urgentLow", acknowledged=answered)
    await set_up_dexcom(home, simulator.dexcom, wearer, "Anna")
    await set_up_tidepool(home, simulator)
    await take_over(home)

    page = await opened(browser, home, "now")
    for person, alert, notes in (
        ("Anna", "Low · medium severity", ["Observed until"]),
        (
            "Jill",
            "Urgent low · high severity",
            [f"Handled on the device at {answered:%H:%M}.", "The alert ended at"],
        ),
    ):
        lines = section(page, person).locator("care-alerts-timeline article").filter(has_text=alert)
        await expect(lines).to_have_count(len(notes))
        for shown, note in zip(await lines.all(), notes, strict=True):
            assert note in await shown.inner_text()
        key = alert.partition(" ·")[0].lower().replace(" ", "_")
        sensor = await find(home, "binary_sensor", key, person)
        state = await home.get(f"/api/states/{sensor}")
        answer = await home.post(
            "/api/services/care_alerts/get_alerts?return_response",
            {"entity_id": sensor, "alert_types": [key]},
        )
        episodes = answer["service_response"]["episodes"]
        ids = [await shown.get_attribute("data-episode") for shown in await lines.all()]
        assert ids == [one["episode_id"] for one in reversed(episodes)]
        assert state["state"] == "on"
        assert state["attributes"]["episode_id"] == ids[0]


async def test_without_a_source_it_says_where_to_begin(home: RealHome, browser: Browser) -> None:
    """A source that was removed again: the module is there until the next restart."""
    async with Simulator(scenario="demo") as simulator:
        entry_id = await set_up_lumen(home, simulator)
        await take_over(home)
        await home.delete(f"/api/config/config_entries/entry/{entry_id}")
    page = await opened(browser, home, "now")
    await expect(page.get_by_text("No source is set up yet.")).to_be_visible()
    await expect(page.get_by_role("link", name="Add one")).to_be_visible()
