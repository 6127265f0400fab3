"""The dashboard's module: served and loaded once, and its texts."""

from collections.abc import Awaitable, Callable
from html import unescape
import json
from pathlib import Path
import re
from typing import Any

from aiohttp.test_utils import TestClient
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.frontend import DATA_EXTRA_MODULE_URL
from homeassistant.core import HomeAssistant
from homeassistant.helpers.template import Template
from homeassistant.setup import async_setup_component
import pytest

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.dashboard import MODULE, MODULE_URL

from .conftest import House

COMPONENT = MODULE.parent.parent
SOURCES = "\n".join(
    path.read_text() for path in sorted(Path(__file__).parent.parent.glob("frontend/src/**/*.ts"))
)

type Client = Callable[[], Awaitable[TestClient[Any, Any]]]


async def test_every_page_loads_the_module(hass: HomeAssistant, hass_client: Client) -> None:
    assert await async_setup_component(hass, "frontend", {})
    assert await async_setup_component(hass, DOMAIN, {})

    version = json.loads((COMPONENT / "manifest.json").read_text())["version"]
    address = f"{MODULE_URL}?v={version}"
    assert hass.data[DATA_EXTRA_MODULE_URL].urls == {address}
    client = await hass_client()
    # An address that a browser kept from before an upgrade has to answer, too.
    for url in (address, f"{MODULE_URL}?v=0.0.1"):
        response = await client.get(url)
        assert response.status == 200
        assert response.content_type == "text/javascript"
        assert await response.text() == MODULE.read_text()


async def test_two_sources_need_it_once(house: House, hass_storage: dict[str, Any]) -> None:
    assert await async_setup_component(house.hass, "frontend", {})
    await house.set_up(house.entry())
    await house.set_up(await house.dexcom_entry())
    urls = house.hass.data[DATA_EXTRA_MODULE_URL].urls
    assert len([url for url in urls if url.startswith(MODULE_URL)]) == 1
    assert not [key for key in hass_storage if key.startswith("lovelace")], "nothing stays behind"


async def test_without_pages_there_is_none(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    assert "frontend" not in hass.config.components
    assert not [
        resource
        for resource in hass.http.app.router.resources()
        if resource.canonical == MODULE_URL
    ]


def test_texts() -> None:
    """Every text that the module says is there, and the other way round for those that are its own."""
    common = json.loads((COMPONENT / "translations" / "en.json").read_text())["common"]
    ours = {key.removeprefix("dashboard_") for key in common if key.startswith("dashboard_")}
    said = set(re.findall(r'\b(?:localize|say)\(\s*"(\w+)"', SOURCES))
    assert ours <= said <= ours | common.keys()


def test_placeholders() -> None:
    common = json.loads((COMPONENT / "translations" / "en.json").read_text())["common"]
    given = {name: {"time", "age"} for name in ("timeAndAge", "when", "at")}
    for key, values in re.findall(
        r'\blocalize\(\s*"(\w+)",\s*(\{.*?\}|timeAndAge|when|at)(?=[),(])', SOURCES, re.DOTALL
    ):
        names = given.get(values) or set(re.findall(r"[{,]\s*(\w+)(?=\s*[:,}])", values))
        names |= {"time", "age"} if "...timeAndAge" in values or "...when" in values else set()
        text = common.get(f"dashboard_{key}") or common[key]
        assert set(re.findall(r"\{(\w+)\}", text)) <= names, key


@pytest.mark.parametrize("address", ["://", '"//', "'//", "`//", "import{", "import(", "import "])
def test_nothing_is_fetched_from_elsewhere(address: str) -> None:
    code, notices = MODULE.read_text().split("/*! Bundled license information:")
    assert address not in code.removeprefix(code.split("\n")[0])
    assert "BSD-3-Clause" in notices
    assert MODULE.stat().st_size < 250_000


@pytest.mark.parametrize(
    "hostile",
    [
        '"></ha-alert><img src=https://evil.example/p.png><h1>Over',
        "![](https://evil.example/p.png) [All is well](https://evil.example)\n\n# Over",
        "www.evil.example `code` *all* _is_ ~well~ | a\n\n- b\n\n{{ 7 * 7 }}{% raw %}",
        "&lt;script&gt; &#60;script&#62;",
        "Zoë, 愛, \N{FAMILY} & Σ²",
    ],
)
def test_what_others_have_written_is_no_markup(hass: HomeAssistant, hostile: str) -> None:
    """Nobody may put a picture, a link or "Over" before a caregiver's eyes: a guest with a note, or a vendor."""
    (macro,) = re.findall(
        r"\{%- macro literal\(text\) -%\}.*?\{%- endmacro -%\}", SOURCES, re.DOTALL
    )
    rendered = Template(macro + "{{ literal(text) }}", hass).async_render(
        {"text": hostile}, parse_result=False
    )
    assert re.fullmatch(r"(?:[^\W_]| |&#\d+;)+", rendered)
    assert unescape(rendered) == hostile


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-11-30T09:05:00+00:00", "09:05"),
        ("2026-11-29T09:05:00+00:00", "So 09:05"),
        ("2026-11-09T09:05:00+00:00", "9. Nov., 09:05"),
    ],
)
async def test_a_time_of_another_day_has_its_day(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, moment: str, said: str
) -> None:
    """As the user's language writes it, which the module puts into the template."""
    await hass.config.async_set_time_zone("UTC")
    freezer.move_to("2026-11-30T12:00:00+00:00")
    (macro,) = re.findall(
        r"\{%- macro clock\(moment\) -%\}.*?\{%- endmacro -%\}", SOURCES, re.DOTALL
    )
    for written, put_in in (
        ("${JSON.stringify(shortWeekdays(locale))}", '["Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"]'),
        ('${JSON.stringify(shortDates(locale, "DAY"))}', str([""] * 10 + ["DAY. Nov.", ""])),
        ("${clock}", "%H:%M"),
    ):
        assert written in macro
        macro = macro.replace(written, put_in)
    template = Template(macro + "{{ clock(moment | as_datetime) }}", hass)
    assert template.async_render({"moment": moment}, parse_result=False) == said


def test_all_that_others_have_written_goes_through_that() -> None:
    shown = [
        output
        for output in re.findall(r"\{\{(.*?)\}\}", SOURCES)
        if re.search(r'\bstate_translated\(|"note"|"acknowledged_by"', output)
    ]
    assert len(shown) == 1
    assert [output for output in shown if "literal(state_" not in output] == []
