"""A bad night end to end: a real Home Assistant, a browser, the blueprints, phones that push, lamps and a speaker.

Dexcom tells of an urgent low an hour after it, on the simulator's clock. Home Assistant's own clock is the machine's,
so the steps of the escalation are seconds here: less than the editor lets one enter. The phones are the app's real
registrations, with a push service on loopback; the lamps are outside of Home Assistant, behind template lights; the
speaker is the demo integration's, of which the volume and the given text are seen, and that the sound can be fetched.
There is no speech service that works without a network: `tts.voice` stands in. Not seen here: encrypted registrations,
and kills at other moments, of which `test_kill_process.py` has the alerts and `tests/services/test_snapshots.py` the lamps.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
import json
from pathlib import Path
import re
import shutil
from typing import Final

import aiohttp
from playwright.async_api import Browser, Page, expect
import pytest
from yarl import URL

from scripts.real_home import ROOT, Json, RealHome
from scripts.sources import add_dashboard, set_up_dexcom
from simulator import Simulator

from .conftest import TEXTS, log_in, page_of, screenshot, until
from .outside import CLEAR, Lamp, Look, Outside, Phone

SAYS: Final[dict[str, str]] = TEXTS["common"]
DASHBOARD: Final = "care-night"
SPEAKER: Final = "media_player.bedroom"
VOLUME: Final = 0.3
"""What the speaker is at by day."""

RED: Final[Look] = {"on": True, "brightness": 255, "rgb": [255, 0, 0], "kelvin": None}
LAMPS: Final[dict[str, Look]] = {
    "hall": {"on": True, "brightness": 90, "rgb": None, "kelvin": 2702},
    "stairs": {"on": False, "brightness": 120, "rgb": [10, 200, 30], "kelvin": None},
    "desk": {"on": True, "brightness": 33, "rgb": [0, 80, 160], "kelvin": None},
}
"""What each shines like before the night: white, not at all, in a colour."""


@dataclass
class Night:
    """The house in which it happens."""

    home: RealHome
    simulator: Simulator
    outside: Outside
    entry_id: str
    low_at: datetime
    """When Maria will have been urgently low."""
    anna: Phone
    ben: Phone
    carla: Phone

    @property
    def phones(self) -> list[Phone]:
        """All of them."""
        return [self.anna, self.ben, self.carla]

    async def pass_time(self, minutes: int) -> None:
        """Move the simulator's clock on, and ask Dexcom for news without waiting for what the house does then."""
        self.simulator.clock.advance(timedelta(minutes=minutes))
        button = await self.home.entity_id("button", "care_alerts", f"{self.entry_id}_refresh")
        await self.home.post("/api/services/button/press", {"entity_id": button})

    def is_written_down(self) -> bool:
        """Whether the registries are on the disk: Home Assistant takes its time, and without them nothing is as it was."""
        storage = self.home.directory / ".storage"
        return all(
            (path := storage / f"core.{registry}").exists() and content in path.read_text()
            for registry, content in (
                ("device_registry", self.carla.device_id),
                ("entity_registry", "automation.night_escalate"),
            )
        )

    async def urgent_low(self) -> Json:
        """The sensor of the alert."""
        [state] = [
            state
            for key, state in (await self.home.states("care_alerts")).items()
            if key.startswith("binary_sensor/") and key.endswith("_urgent_low")
        ]
        return state

    async def speaker(self) -> Json:
        """The attributes of the speaker."""
        attributes: Json = (await self.home.get(f"/api/states/{SPEAKER}"))["attributes"]
        return attributes

    def lamps_are(self, looks: dict[str, Look]) -> bool:
        """Whether they shine so; of a dark one only that it is dark."""
        return all(
            self.outside.lamps[name].look == look
            or (not look["on"] and not self.outside.lamps[name].look["on"])
            for name, look in looks.items()
        )

    def observed(self) -> str:
        """The time that is told."""
        form = "%H:%M" if self.low_at.date() == datetime.now(UTC).date() else "%Y-%m-%d %H:%M"
        return self.low_at.strftime(form)

    def lamps_and_looks(self) -> list[tuple[Lamp, Look]]:
        """Each lamp, and what it shone like before."""
        return [(lamp, LAMPS[name]) for name, lamp in self.outside.lamps.items()]

    def tells_of_it(self, notification: Json, first: str) -> None:
        """See that a notification breaks through, says what is known, and can be answered."""
        assert notification["title"] == "Maria: Urgent low"
        message = notification["message"]
        said = rf"{first}Observed at {self.observed()}, (58|59|1 h [0-9]) min ago\. Severity: high\. Source: Maria\."
        assert re.match(said, message), message
        data = notification["data"]
        assert [one["title"] for one in data["actions"]] == ["Acknowledge", "Snooze 30 min"]
        assert data["push"]["interruption-level"] == "critical"
        assert data["channel"] == "alarm_stream"
        assert data["tag"] == self.outside.pushed[0]["data"]["tag"], "one notification"

    async def all_know(self, who: str, pages: list[Page]) -> None:
        """See on every phone, every screen and in the entity that this person has taken it, and that it is not over."""
        said = f"{who} acknowledged this at "

        def phones_say_so() -> bool:
            return all(phone.screen[0]["message"].startswith(said) for phone in self.phones)

        await until(phones_say_so, "the phones say who acknowledged")
        for phone in self.phones:
            assert "That does not mean that it is over." in phone.screen[0]["message"]
            assert phone.screen[0]["data"]["push"]["interruption-level"] == "passive"
            assert not phone.screen[0]["data"]["actions"]
        for page in pages:
            told = page.locator("ha-alert", has_text="Urgent low alert")
            await expect(told).to_contain_text(f"Acknowledged by {who}")
            await expect(told).to_contain_text(SAYS["dashboard_not_over"])
        sensor = await self.urgent_low()
        assert sensor["state"] == "on"
        assert sensor["attributes"]["acknowledged"] is True
        assert sensor["attributes"]["acknowledged_by"] == who

    async def speech(self) -> dict[str, list[float]]:
        """Every text that the speaker was given, with its volumes from then on, by Home Assistant's history."""
        history: list[list[Json]] = await self.home.get(
            f"/api/history/period?filter_entity_id={SPEAKER}&significant_changes_only=0"
        )
        speech: dict[str, list[float]] = {}
        for state in history[0] if history else []:
            media = state["attributes"].get("media_content_id", "")
            if text := URL(media).query.get("message"):
                volumes, volume = speech.setdefault(text, []), state["attributes"]["volume_level"]
                if volumes[-1:] != [volume]:
                    volumes.append(volume)
        return speech

    async def spoken(self, times: int) -> bool:
        """Whether so many texts were spoken, and the speaker is as before."""
        speech = await self.speech()
        return len(speech) == times and all(one[-1] == VOLUME for one in speech.values())

    async def sound(self) -> str:
        """What a speaker would play that asks for what it was given; of our voice the text itself."""
        media = (await self.speaker())["media_content_id"]
        resolved = await self.home.ws(
            {"type": "media_source/resolve_media", "media_content_id": media}
        )
        async with (
            aiohttp.ClientSession(self.home.url, raise_for_status=True) as player,
            player.get(resolved["url"]) as sound,
        ):
            return await sound.text()

    def nothing_went_wrong(self) -> None:
        """See that Home Assistant complained of nothing, in any of its lives."""
        assert not [line for line in self.home.log("all").splitlines() if " ERROR " in line]

    async def screens(self, browser: Browser) -> list[Page]:
        """The dashboard on a phone and on a tablet."""
        address = await add_dashboard(self.home, DASHBOARD)
        pages = []
        for width, height in ((400, 900), (1280, 1000)):
            page = await page_of(browser, width=width, height=height)
            await log_in(page, self.home)
            await page.goto(f"{address}/now")
            pages.append(page)
        return pages


def glucose_of_the_night(low_at: datetime) -> Callable[[datetime], float]:
    """Slowly down to 53 mg/dL, and up again fifteen minutes later."""

    def glucose(moment: datetime) -> float:
        minutes = (moment - low_at) / timedelta(minutes=1)
        if minutes < -60:
            return 110
        return 53 - 0.95 * minutes if minutes <= 0 else 50 if minutes < 15 else 85

    return glucose


@asynccontextmanager
async def night_in(
    directory: Path, simulator: Simulator, *, second_after: float, house_after: float
) -> AsyncGenerator[Night]:
    """A house with everything set up, the evening before; the steps of the escalation in seconds."""
    wearer, now = simulator.dexcom.add_wearer("SandboxUser6"), simulator.clock.now()
    # Dexcom tells after an hour: in two minutes.
    low_at = now.replace(microsecond=0) - timedelta(minutes=58)
    wearer.add_session(
        low_at - timedelta(hours=10),
        low_at + timedelta(minutes=30),
        glucose_of_the_night(low_at),
    )
    home = RealHome(directory, username="anna")
    components = directory / "custom_components"
    components.mkdir(parents=True)
    # A package proper, or that of the working directory comes first.
    (components / "__init__.py").touch()
    (components / "care_alerts").symlink_to(ROOT / "custom_components" / "care_alerts")
    (components / "voice").symlink_to(Path(__file__).parent / "voice")
    shutil.copytree(ROOT / "blueprints", directory / "blueprints")
    home.prepare()
    async with Outside() as outside:
        outside.lamps = {name: Lamp(look) for name, look in LAMPS.items()}
        configuration, lights = outside.configuration()
        home.write_yaml("templates.yaml", lights)
        with (directory / "configuration.yaml").open("a") as file:
            for key, content in {
                "demo": {},
                "mobile_app": {},
                "voice": {},
                **configuration,
            }.items():
                file.write(f"{key}: {json.dumps(content)}\n")
        try:
            await home.start()
            entry_id = await set_up_dexcom(home, simulator.dexcom, wearer, "Maria")
            ben = await home.add_user("Ben")
            night = Night(
                home,
                simulator,
                outside,
                entry_id,
                low_at,
                await Phone.register(home, outside, "Anna's phone"),
                await Phone.register(home, outside, "Ben's phone", ben),
                await Phone.register(home, outside, "Carla's phone"),
            )
            await add_automations(night, second_after=second_after, house_after=house_after)
            await home.post(
                "/api/services/media_player/volume_set",
                {"entity_id": SPEAKER, "volume_level": VOLUME},
            )
            yield night
        finally:
            await home.stop()


async def add_automations(night: Night, *, second_after: float, house_after: float) -> None:
    """Make one of each blueprint that acts on an alert, as the editor does."""
    lights = [f"light.{name}" for name in LAMPS]
    automations: dict[str, Json] = {
        "phone": {"phones": [night.anna.device_id], "least_severity": "high"},
        "lights": {"lights": lights},
        "speak": {"tts": "tts.voice", "volume": 60, "speakers": [SPEAKER]},
        "escalate": {
            "first_phones": [night.ben.device_id],
            "second_phones": [night.carla.device_id],
            "second_after": second_after / 60,
            "house_after": house_after / 60,
            "lights": lights,
            "tts": ["tts.voice"],
            "volume": 80,
            "speakers": [SPEAKER],
            "longest": 5,
        },
    }
    for name, inputs in automations.items():
        path = f"care_alerts/{name}.yaml"
        await night.home.post(
            f"/api/config/automation/config/{name}",
            {"alias": f"Night {name}", "use_blueprint": {"path": path, "input": inputs}},
        )

    async def all_on() -> bool:
        states = {
            state["entity_id"]: state["state"] for state in await night.home.get("/api/states")
        }
        return all(states.get(f"automation.night_{name}") == "on" for name in automations)

    await until(all_on, "the automations are set up")


async def shows(pages: list[Page], text: str, times: int = 1) -> None:
    """See this on every screen, as often."""
    for page in pages:
        await expect(page.locator("ha-alert").get_by_text(text)).to_have_count(times)


@pytest.mark.timeout(300)
async def test_a_bad_night(tmp_path: Path, simulator: Simulator, browser: Browser) -> None:
    async with night_in(tmp_path / "home", simulator, second_after=8, house_after=25) as night:
        pages = await night.screens(browser)
        await shows(pages, "Low alert")
        assert (await night.urgent_low())["state"] == "off"
        assert not night.outside.pushed
        await night.pass_time(3)
        house_would_act = asyncio.get_running_loop().time() + 25
        await shows(pages, "Urgent low alert")

        # Who is told first: what was observed, when, how long ago, and what one can do.
        await until(lambda: bool(night.anna.pushed and night.ben.pushed), "phones ring")
        for phone in (night.anna, night.ben):
            night.tells_of_it(phone.pushed[0], "")
        # Nobody does anything: the lamps end up red, the next phone is told.
        await until(lambda: night.lamps_are(dict.fromkeys(LAMPS, RED)), "the lamps are red")
        await until(lambda: bool(night.carla.pushed), "the next phone rings")
        night.tells_of_it(night.carla.pushed[0], r"Nobody has acknowledged this for 0 min\. ")
        assert len(night.anna.pushed) == 1

        told = {name: len(lamp.shown) for name, lamp in night.outside.lamps.items()}
        await night.ben.press("Acknowledge")
        await night.all_know("Ben", pages)
        await until(lambda: night.lamps_are(LAMPS), "the lamps are as before")
        await screenshot(pages[0], "night-acknowledged")
        await until(partial(night.spoken, 1), "it has been spoken")
        [(text, volumes)] = (await night.speech()).items()
        assert text.startswith("Maria: Urgent low. Was observed at ")
        assert volumes == [0.6, VOLUME]
        assert await night.sound() == text

        # The moment for lights and speakers comes, and nothing happens: somebody takes care of it.
        pushed, began = len(night.outside.pushed), asyncio.get_running_loop().time()
        await asyncio.sleep(house_would_act + 4 - began)
        assert len(night.outside.pushed) == pushed
        for name, lamp in night.outside.lamps.items():
            assert len(lamp.shown) == told[name] + 1, "it was told once to be as before"
        assert await night.speech() == {text: volumes}
        assert (await night.speaker())["volume_level"] == VOLUME

        # It is over: the phones' screens are empty again.
        assert all(phone.screen for phone in night.phones)
        await night.pass_time(20)
        await until(lambda: not any(phone.screen for phone in night.phones), "screens are cleared")
        assert [phone.pushed[-1]["message"] for phone in night.phones] == [CLEAR] * 3
        assert (await night.urgent_low())["state"] == "off"
        night.nothing_went_wrong()


@pytest.mark.timeout(300)
async def test_a_bad_night_with_a_power_cut(
    tmp_path: Path, simulator: Simulator, browser: Browser
) -> None:
    async with night_in(tmp_path / "home", simulator, second_after=8, house_after=30) as night:
        pages = await night.screens(browser)
        await shows(pages, "Low alert")
        await until(night.is_written_down, "Home Assistant knows its devices after a kill")
        await night.pass_time(3)

        # In the middle: some phones have been told, lamps flash, the speaker is loud.
        async def in_the_middle() -> bool:
            return (
                bool(night.anna.pushed and night.ben.pushed)
                and all(lamp.shown for lamp in night.outside.lamps.values())
                and (await night.speaker())["volume_level"] == 0.6
            )

        await until(in_the_middle, "the house is in the middle of it")
        await night.home.kill()
        assert not night.carla.pushed
        assert not any(looks in lamp.shown for lamp, looks in night.lamps_and_looks())
        await night.home.start()

        # What was due meanwhile is made up for; what was kept is given back to the speaker.
        await until(lambda: bool(night.carla.pushed), "the next phone rings")
        night.tells_of_it(night.carla.pushed[0], r"Nobody has acknowledged this for [01] min\. ")
        assert night.anna.screen
        assert night.ben.screen
        # The escalation goes on: lamps and speech; and the speaker is at last what it was before the kill.
        await until(lambda: night.lamps_are(dict.fromkeys(LAMPS, RED)), "the lamps are red")

        async def house_has_spoken() -> bool:
            last = list((await night.speech()).items())[-1:]
            return [(text[-27:], volumes) for text, volumes in last] == [
                ("Nobody has acknowledged it.", [0.8, VOLUME])
            ]

        await until(house_has_spoken, "the house speaks, loudly, and is quiet again")

        told = {name: len(lamp.shown) for name, lamp in night.outside.lamps.items()}
        everything = pages[0].locator("hui-tile-card").filter(has_text="Acknowledge all")
        await shows(pages, SAYS["dashboard_unacknowledged"], 2)
        await everything.click()
        await shows(pages, "Acknowledged by Anna", 2)
        await night.all_know("Anna", pages)
        await until(lambda: night.lamps_are(LAMPS), "the lamps are as before")

        # Once, and not again when Home Assistant comes back once more, if it had the time to write down that it is done.
        await night.pass_time(0)
        await night.home.kill()
        pushed = len(night.outside.pushed)
        await night.home.start()
        await night.pass_time(0)
        # The demo's speaker does not know any more what it was, and nobody is owed anything.
        assert (await night.speaker())["volume_level"] == 1
        assert night.lamps_are(LAMPS)
        for name, lamp in night.outside.lamps.items():
            assert len(lamp.shown) == told[name] + 1, "it was told once to be as before"
        assert len(night.outside.pushed) == pushed
        assert (await night.urgent_low())["attributes"]["acknowledged_by"] == "Anna"
        night.nothing_went_wrong()
