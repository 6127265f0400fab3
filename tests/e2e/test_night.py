"""A bad night end to end: a real Home Assistant, a browser, a household, phones that push, lamps and a speaker.

Dexcom tells of an urgent low an hour after it, on the simulator's clock. Home Assistant's own clock is the machine's,
so nobody waits ten minutes for a step here: a push that is refused makes the next one due now. The phones are the
app's real registrations, with a push service on loopback; the lamps are outside of Home Assistant, behind template
lights; the speaker is the demo integration's, of which the volume and the given text are seen, and that the sound can
be fetched. There is no speech service that works without a network: `tts.voice` stands in. Not seen here: encrypted
registrations, and kills at other moments, which `tests/responses/` has.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
import json
from pathlib import Path
import re
from typing import Final

import aiohttp
from playwright.async_api import Browser, Page, expect
from yarl import URL

from scripts.real_home import ROOT, Json, RealHome
from scripts.sources import add_dashboard, set_up_dexcom
from simulator import Simulator

from .conftest import TEXTS, log_in, page_of, screenshot, until
from .outside import CLEAR, Lamp, Look, Outside, Phone
from .pages import need, needs_you

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
    """Of who is on duty: an Android phone."""
    ben: Phone
    """An iPhone that is called as Anna's."""
    hall: Phone
    """On a wall, for everybody to see."""

    @property
    def phones(self) -> list[Phone]:
        """All of them."""
        return [self.anna, self.ben, self.hall]

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
                ("device_registry", self.hall.device_id),
                ("entity_registry", "may_not_be_heard"),
                ("config_entries", "Bad night"),
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

    def tells_of_it(self, notification: Json) -> None:
        """See that a notification breaks through, says what is known, and can be answered."""
        assert notification["title"] == "Maria: Urgent low"
        observed, glucose, who = notification["message"].splitlines()[:3]
        ago = r"\((58|59|1 h [0-9]) min ago\)"
        assert re.fullmatch(
            rf"Was observed at {self.observed()} {ago}, high severity\.", observed
        ), observed
        assert re.fullmatch(rf"Glucose was 2\.9 mmol/L .* at {self.observed()} {ago}\.", glucose), (
            glucose
        )
        assert who == "Nobody has it yet."
        data = notification["data"]
        assert [one["title"] for one in data["actions"]] == ["I have it", "Snooze 30 min"]
        assert data["push"]["interruption-level"] == "critical"
        assert data["channel"] == "alarm_stream"
        assert data["url"].startswith(f"/{DASHBOARD}/")

    def is_neutral(self, notification: Json) -> None:
        """See that nobody who passes by reads whose it is, or what."""
        assert notification["title"] == "Care Alerts"
        said = json.dumps(notification).casefold()
        for word in ("maria", "low", "glucose", "mg/dl", self.observed()):
            assert word not in said.replace("interruption-level", ""), word

    async def all_know(self, who: str, pages: list[Page]) -> None:
        """See on every phone, every screen and in the entity that this person has taken it, and that it is not over."""

        def phones_say_so() -> bool:
            return all(
                f"{who} has it since " in phone.screen[0]["message"] for phone in self.phones
            )

        await until(phones_say_so, "the phones say who has it")
        for phone in self.phones:
            assert "That does not mean that it is over." in phone.screen[0]["message"]
            assert phone.screen[0]["data"]["push"]["interruption-level"] == "passive"
            assert "actions" not in phone.screen[0]["data"]
        for page in pages:
            told = need(page, "Urgent low")
            await expect(told).to_contain_text(f"{who} has it since")
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

    def nothing_went_wrong(self, besides: str) -> None:
        """See that Home Assistant complained of nothing, in any of its lives, but for one integration."""
        lines = [line for line in self.home.log("all").splitlines() if " ERROR " in line]
        assert not [line for line in lines if besides not in line]

    async def screens(self, browser: Browser) -> list[Page]:
        """The dashboard on a phone and on a tablet."""
        address = f"{self.home.url}/{DASHBOARD}"
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
async def night_in(directory: Path, simulator: Simulator) -> AsyncGenerator[Night]:
    """A house with everything set up, the evening before."""
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
                await Phone.register(home, outside, "Phone", os_name="Android", push_token="annas"),
                await Phone.register(home, outside, "Phone", ben, os_name="iOS", push_token="bens"),
                await Phone.register(home, outside, "Tablet", ben),
            )
            await add_dashboard(home, DASHBOARD)
            await add_household(night)
            await home.post(
                "/api/services/media_player/volume_set",
                {"entity_id": SPEAKER, "volume_level": VOLUME},
            )
            yield night
        finally:
            await home.stop()


async def add_household(night: Night) -> None:
    """Have Anna on duty, Ben and a tablet besides, and a plan: Anna; then everybody; then lights and speech."""
    home = night.home
    form = await home.start_flow("care_alerts")
    form = await home.flow_step(form["flow_id"], {"next_step_id": "household"})
    done = await home.flow_step(form["flow_id"], {"caregivers": []})
    entry_id = done["result"]["entry_id"]
    parts = {"type": "config_entries/subentries/list", "entry_id": entry_id}
    for proposed in await home.ws(parts):
        await home.ws(
            {
                "type": "config_entries/subentries/delete",
                "entry_id": entry_id,
                "subentry_id": proposed["subentry_id"],
            }
        )
    for name, phone, more in (
        ("Anna", night.anna, {}),
        ("Ben", night.ben, {}),
        ("Hall", night.hall, {"text": "neutral"}),
    ):
        await home.add_subentry(
            entry_id, "caregiver", {"name": name, "phones": [phone.device_id], **more}
        )
    ids = {one["title"]: one["subentry_id"] for one in await home.ws(parts)}
    steps = [
        {"after": 0, "tell": [ids["Anna"]]},
        {
            "after": 30,
            "tell": ["everybody"],
            "lights": [f"light.{name}" for name in LAMPS],
            "flash": True,
            "speakers": [SPEAKER],
            "tts": "tts.voice",
            "volume": 60,
        },
    ]
    done = await home.add_subentry(
        entry_id, "plan", {"name": "Bad night", "least_severity": "high", "steps": steps}
    )
    assert done["type"] == "create_entry", done


async def shows(pages: list[Page], text: str, times: int = 1) -> None:
    """See this on every screen, as often."""
    for page in pages:
        await expect(need(page, text)).to_have_count(times)


async def test_a_bad_night(tmp_path: Path, simulator: Simulator, browser: Browser) -> None:
    async with night_in(tmp_path / "home", simulator) as night:
        pages = await night.screens(browser)
        await shows(pages, "Low · medium severity")
        assert (await night.urgent_low())["state"] == "off"
        assert not night.outside.pushed
        # Anna's phone is off.
        night.outside.unreachable.add(night.anna.name)
        await night.pass_time(3)
        await shows(pages, "Urgent low · high severity")

        # Nobody waits for what cannot come: everybody is told, each of two phones that are called alike.
        await until(lambda: bool(night.ben.pushed and night.hall.pushed), "the others ring")
        night.tells_of_it(night.ben.pushed[0])
        night.is_neutral(night.hall.pushed[0])
        assert not night.anna.pushed
        await until(lambda: night.lamps_are(dict.fromkeys(LAMPS, RED)), "the lamps are red")
        night.outside.unreachable.clear()

        told = {name: len(lamp.shown) for name, lamp in night.outside.lamps.items()}
        pushed = len(night.ben.pushed)
        await night.ben.press("I have it")
        await until(lambda: bool(night.anna.screen), "Anna's phone knows, now that it is on")
        await night.all_know("Ben", pages)
        await until(lambda: night.lamps_are(LAMPS), "the lamps are as before")
        assert len(night.ben.pushed) == pushed + 1, "updated in place"
        await screenshot(pages[0], "night-acknowledged")
        await until(partial(night.spoken, 1), "it has been spoken")
        [(text, volumes)] = (await night.speech()).items()
        assert text.startswith("Maria: Urgent low. Was observed at ")
        assert volumes == [0.6, VOLUME]
        assert await night.sound() == text
        for name, lamp in night.outside.lamps.items():
            assert len(lamp.shown) == told[name] + 1, "it was told once to be as before"

        # It is over: the phones' screens are empty again.
        await night.pass_time(20)
        await until(lambda: not any(phone.screen for phone in night.phones), "screens are cleared")
        assert [phone.pushed[-1]["message"] for phone in night.phones] == [CLEAR] * 3
        assert (await night.urgent_low())["state"] == "off"
        # But for the push that was refused, which the app's integration says.
        night.nothing_went_wrong(besides="mobile_app")


async def test_a_bad_night_with_a_power_cut(
    tmp_path: Path, simulator: Simulator, browser: Browser
) -> None:
    async with night_in(tmp_path / "home", simulator) as night:
        pages = await night.screens(browser)
        await shows(pages, "Low · medium severity")
        await until(night.is_written_down, "Home Assistant knows its devices after a kill")
        night.outside.unreachable.add(night.anna.name)
        await night.pass_time(3)

        # In the middle: phones have been told, lamps flash, the speaker is loud.
        async def in_the_middle() -> bool:
            return (
                bool(night.ben.pushed and night.hall.pushed)
                and all(lamp.shown for lamp in night.outside.lamps.values())
                and (await night.speaker())["volume_level"] == 0.6
            )

        await until(in_the_middle, "the house is in the middle of it")
        await night.home.kill()
        await night.home.start()

        # What nobody knows to be done is done again, and says so; the speaker is at last what it was before the kill.
        await until(lambda: len(night.ben.pushed) > 1, "the phone rings again")
        assert night.ben.screen[0]["message"].endswith("You may have been told before.")
        await until(lambda: night.lamps_are(dict.fromkeys(LAMPS, RED)), "the lamps are red")

        async def has_spoken() -> bool:
            # A speaker of the demo knows nothing of what it did before the kill.
            speaker = await night.speaker()
            said = URL(speaker.get("media_content_id", "")).query.get("message")
            return bool(said) and speaker["volume_level"] == VOLUME

        await until(has_spoken, "the house speaks again, and is quiet after")

        told = {name: len(lamp.shown) for name, lamp in night.outside.lamps.items()}
        night.outside.unreachable.clear()
        everything = needs_you(pages[0]).get_by_role("button", name="Acknowledge all 2")
        await shows(pages, SAYS["dashboard_nobody_has_it"], 2)
        await everything.click()
        await shows(pages, "Anna has it since", 2)
        await night.pass_time(0)
        await until(lambda: all(phone.screen for phone in night.phones), "all phones show it")
        await night.all_know("Anna", pages)
        await until(lambda: night.lamps_are(LAMPS), "the lamps are as before")

        # Once, and not again when Home Assistant comes back once more.
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
        night.nothing_went_wrong(besides="mobile_app")
