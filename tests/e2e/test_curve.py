"""The curve and the timeline against the truth: each reading, gap, threshold and alert where the simulator has it.

A bad night of a Tidepool child, some of it uploaded an hour late, and of a Dexcom wearer, which arrives hours after it.
"""

from datetime import datetime, timedelta
from math import cos, pi
import re
from typing import Any, Final

from playwright.async_api import Browser, Page, expect

from scripts.real_home import RealHome
from scripts.sources import set_up_dexcom, set_up_tidepool
from simulator import Simulator

from .conftest import TEXTS, screenshot
from .test_care_dashboard import act, find, opened, take_over

SAYS: Final[dict[str, str]] = TEXTS["common"]
FIVE: Final = timedelta(minutes=5)
MG_DL: Final = 18.0156
URGENT_LOW, HIGH = 3.0, 12.0

DRAWN: Final = """
  name => {
    const find = root => [...root.querySelectorAll("*")].flatMap(one => [
      ...(one.matches("care-alerts-glucose") ? [one] : []),
      ...(one.shadowRoot ? find(one.shadowRoot) : []),
    ]);
    const [card] = find(document).filter(one => one.shadowRoot.querySelector("section")?.ariaLabel?.includes(name));
    const { plot, drawing } = card?.plot ?? {};
    return plot && {
      points: plot.data[0].map((at, index) => [at, plot.data[1][index]]),
      axis: [plot.scales.y.min, plot.scales.y.max],
      thresholds: drawing.thresholds.flatMap(({ kind, steps }) => steps.map(({ value }) => [kind, value])),
      marks: drawing.marks.map(({ at, kind }) => [at, kind]),
      arrivals: drawing.arrivals,
    };
  }
"""


async def drawn(page: Page, name: str) -> dict[str, Any]:
    """What the curve of somebody is drawn of."""
    await page.wait_for_function(DRAWN, arg=name)
    found: dict[str, Any] = await page.evaluate(DRAWN, name)
    return found


def points_of(truth: dict[datetime, float]) -> list[tuple[int, float]]:
    """The points that there have to be: seconds and mmol/L."""
    return [(int(at.timestamp()), round(value, 1)) for at, value in sorted(truth.items())]


def as_drawn(points: list[list[float | None]]) -> list[tuple[int, float]]:
    """The points that there are, without the gaps between them."""
    return [(int(at), round(value, 1)) for at, value in points if at and value is not None]


def gaps_of(points: list[list[float | None]]) -> list[float]:
    """In the middle of which time nothing is drawn."""
    return [at for at, value in points if value is None and at is not None]


async def test_each_point_is_where_it_was_observed(
    home: RealHome, simulator: Simulator, browser: Browser
) -> None:
    tidepool = simulator.tidepool
    now = simulator.clock.now().replace(microsecond=0)
    mila = tidepool.add_child("Mila")
    mila.share_with(tidepool.account)
    mila.set_settings(
        tidepool.account,
        {
            "urgentLow": {
                "enabled": True,
                "threshold": {"units": "mmol/L", "value": URGENT_LOW},
            },
            "high": {"enabled": True, "threshold": {"units": "mmol/L", "value": HIGH}},
        },
    )
    # Two lows in eleven hours, an hour for which nothing ever comes, and one that comes later.
    truth: dict[datetime, float] = {}
    for number in range(132, 0, -1):
        at, hours = now - number * FIVE, number / 12
        if not 6 < hours <= 7:
            truth[at] = round(6.2 - 3.7 * cos(2 * pi * (hours - 4) / 5) ** 9, 1)
    late = {at: value for at, value in truth.items() if 2 < (now - at) / timedelta(hours=1) <= 3}
    for at, value in truth.items():
        if at not in late:
            mila.add_reading(at, value, uploaded_at=at)
    await set_up_tidepool(home, simulator)
    await take_over(home)
    page = await opened(browser, home, "now", width=1280, height=1000)

    before = await drawn(page, "Mila")
    assert as_drawn(before["points"]) == points_of(
        {at: value for at, value in truth.items() if at not in late}
    )
    assert len(gaps_of(before["points"])) == 2
    assert before["axis"] == [2.2, 22.2]
    assert sorted(before["thresholds"]) == [["high", HIGH], ["urgent_low", URGENT_LOW]]

    # What was missing is uploaded: it stands where it was observed.
    for at, value in late.items():
        mila.add_reading(at, value, uploaded_at=now)
    # Hours back is looked once an hour, and when the source starts.
    [entry] = await home.entries("care_alerts")
    await home.post(
        "/api/services/homeassistant/reload_config_entry", {"entry_id": entry["entry_id"]}
    )
    wanted = points_of(truth)

    async def is_all() -> bool:
        return as_drawn((await drawn(page, "Mila"))["points"]) == wanted

    await until_drawn(page, is_all)
    after = await drawn(page, "Mila")
    assert as_drawn(after["points"]) == wanted
    [gap] = gaps_of(after["points"])
    begins, ends = now - timedelta(hours=7), now - timedelta(hours=6)
    assert begins.timestamp() < gap < ends.timestamp()
    # When that came says nothing of what was observed before she was followed.
    assert after["arrivals"] == []

    # Each alert is where its first reading was, and once in the timeline.
    lows = episodes_of(truth)
    alerts = [int(at) for at, kind in after["marks"] if kind == "alert"]
    assert alerts == [int(at.timestamp()) for at in lows]
    lines = page.locator("care-alerts-timeline").first.locator("article", has_text="Urgent low")
    await expect(lines).to_have_count(len(lows))
    times = [found[0] for text in await lines.all_inner_texts() if (found := CLOCK.search(text))]
    assert times == [f"{at:%H:%M}" for at in reversed(lows)]
    await screenshot(page, "curve-tidepool")


CLOCK: Final = re.compile(r"\d\d:\d\d")


def episodes_of(truth: dict[datetime, float]) -> list[datetime]:
    """When each run of urgently low readings began; nothing in between is in range."""
    begun: list[datetime] = []
    was_low = False
    for at, value in sorted(truth.items()):
        if value <= URGENT_LOW and not was_low:
            begun.append(at)
        was_low = value <= URGENT_LOW
    return begun


async def test_what_arrives_hours_later_stands_where_it_was(
    home: RealHome, simulator: Simulator, browser: Browser
) -> None:
    now = simulator.clock.now().replace(microsecond=0)
    wearer = simulator.dexcom.add_wearer("SandboxUser6")
    newest = now - timedelta(minutes=65)
    truth = {newest - number * FIVE: 100 + number % 40 for number in range(100)}
    for at, value in truth.items():
        wearer.add_egv(at, value)
    await set_up_dexcom(home, simulator.dexcom, wearer, "Anna")
    await take_over(home)
    page = await opened(browser, home, "now", width=1280, height=1000)
    found = await drawn(page, "Anna")
    assert as_drawn(found["points"]) == [
        (int(at.timestamp()), round(value / MG_DL, 1))
        if found["axis"] == [2.2, 22.2]
        else (int(at.timestamp()), value)
        for at, value in sorted(truth.items())
    ]

    # An alert that is observed an hour before it arrives, and who took it.
    wearer.add_alert("urgentLow", newest, state="activeAlarming")
    await ask(home)
    alert = page.locator("care-alerts-timeline").first.locator("article", has_text="Urgent low")
    await expect(alert).to_contain_text(f"{newest:%H:%M}")
    await act(home, "acknowledge", entity_id=await find(home, "binary_sensor", "urgent_low"))
    await expect(alert).to_contain_text("Acknowledged by Demo after 0 min.")
    marks = (await drawn(page, "Anna"))["marks"]
    assert [int(newest.timestamp()), "alert"] in [[int(at), kind] for at, kind in marks]
    [taken] = [at for at, kind in marks if kind == "acknowledged"]
    assert abs(taken - simulator.clock.now().timestamp()) < 120
    await screenshot(page, "curve-dexcom")


async def ask(home: RealHome) -> None:
    """Have every source asked."""
    for entity in await home.entities("care_alerts"):
        if entity["translation_key"] == "refresh":
            await home.post("/api/services/button/press", {"entity_id": entity["entity_id"]})


async def until_drawn(page: Page, is_so: Any) -> None:
    """Wait until the curve has followed."""
    for _ in range(200):
        if await is_so():
            return
        await page.evaluate("() => new Promise(requestAnimationFrame)")
