"""What would keep an alert from being heard: each by itself, and nothing where all is well."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from homeassistant.config_entries import ConfigEntryState, ConfigSubentryData
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.care_alerts.responses.heard import NOT_SEEN_FOR, obstacles
from custom_components.care_alerts.responses.household import Household
from custom_components.care_alerts.responses.store import ResponseStore

from .house import caregiver, household_entry, plan

WEBHOOK = "0123"
PHONE = {"name": "Anna", "phone": "Pocket"}
PUSHED = {"push_token": "t", "push_url": "https://push.example.com"}

type Found = tuple[str, dict[str, str], bool]


@dataclass
class Rooms:
    """A house in which everything is heard: Anna and her phone, a lamp, a speaker, a voice, and a plan."""

    hass: HomeAssistant
    app: dict[str, Any] = field(default_factory=lambda: dict(PUSHED))
    state: ConfigEntryState = ConfigEntryState.LOADED
    later: timedelta = timedelta()
    """So long after all that is in it was last heard of."""
    device_id: str = ""
    anna: dict[str, Any] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(
        default_factory=lambda: [
            {"step_id": "1", "after": 0, "tell": ["on_duty"]},
            {"step_id": "2", "after": 5, "tell": ["everybody", "anna"]},
            {
                "step_id": "3",
                "after": 10,
                "lights": ["light.lamp"],
                "speakers": ["media_player.hall"],
                "tts": "tts.voice",
            },
        ]
    )
    more: list[ConfigSubentryData] = field(default_factory=list)
    is_empty: bool = False
    off: set[str] = field(default_factory=set)
    registration: MockConfigEntry = None  # type: ignore[assignment]

    def furnish(self) -> None:
        """Have all that is in it."""
        self.registration = MockConfigEntry(
            domain="mobile_app",
            data={"webhook_id": WEBHOOK, "app_data": self.app},
            state=self.state,
        )
        self.registration.add_to_hass(self.hass)
        device = dr.async_get(self.hass).async_get_or_create(
            config_entry_id=self.registration.entry_id,
            identifiers={("mobile_app", "pocket")},
            name="Pocket",
        )
        self.device_id = device.id
        for entity_id in "light.lamp", "media_player.hall", "tts.voice", "notify.sms":
            self.hass.states.async_set(entity_id, "unknown")
        self.sensor("dnd_sensor", "priority_only")
        self.sensor("volume_alarm", "7")

    def sensor(
        self, which: str, state: str | None, *, domain: str = "sensor", platform: str = "mobile_app"
    ) -> None:
        """Have something of the phone in a state, or in none."""
        entity = er.async_get(self.hass).async_get_or_create(
            domain,
            platform,
            f"{WEBHOOK}_{which}",
            device_id=self.device_id,
            config_entry=self.registration,
        )
        if state is None:
            self.hass.states.async_remove(entity.entity_id)
        else:
            self.hass.states.async_set(entity.entity_id, state, force_update=True)

    def leave(self) -> None:
        """Have no caregivers, and no plans but those that come."""
        self.is_empty = True

    def set(self, entity_id: str, state: str | None) -> None:
        """Have an entity in a state, or in none."""
        if state is None:
            self.hass.states.async_remove(entity_id)
        else:
            self.hass.states.async_set(entity_id, state)

    def found(self) -> list[Found]:
        """What would keep an alert from being heard."""
        anna = {"phones": [self.device_id], "notify": ["notify.sms"]} | self.anna
        parts = [] if self.is_empty else [caregiver("Anna", **anna), plan("Night", self.steps)]
        store = ResponseStore(self.hass)
        store.kept.off = self.off
        household = Household(self.hass, household_entry(*parts, *self.more), store)
        now = dt_util.utcnow() + self.later
        return [
            (one.key, dict(one.placeholders), one.is_broken)
            for one in obstacles(self.hass, household, now)
        ]


def gone(entity_id: str, of: str) -> Found:
    """What is no more."""
    return "heard_entity_gone", {"entity": entity_id, "of": of}, True


def unavailable(name: str, of: str) -> Found:
    """What is out of reach for now."""
    return "heard_entity_unavailable", {"entity": name, "of": of}, False


SILENT: Found = ("heard_phone_silent", PHONE, False)
NO_VOLUME: Found = ("heard_alarm_volume_off", PHONE, False)
NOT_SEEN: Found = ("heard_phone_not_seen", PHONE, False)


@pytest.fixture
async def rooms(hass: HomeAssistant) -> AsyncGenerator[Rooms]:
    """The house."""
    rooms = Rooms(hass)
    yield rooms
    # The app itself is not here to be stopped.
    rooms.registration.mock_state(hass, ConfigEntryState.NOT_LOADED)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda rooms: None, []),
        # The phone.
        (lambda rooms: rooms.sensor("dnd_sensor", "off"), []),
        (lambda rooms: rooms.sensor("dnd_sensor", "alarms_only"), []),
        (lambda rooms: rooms.sensor("dnd_sensor", "total_silence"), [SILENT]),
        (lambda rooms: rooms.sensor("dnd_sensor", None), []),
        (lambda rooms: rooms.sensor("volume_alarm", "0"), [NO_VOLUME]),
        (lambda rooms: rooms.sensor("volume_alarm", "0.0"), [NO_VOLUME]),
        (lambda rooms: rooms.sensor("volume_alarm", "1"), []),
        (lambda rooms: rooms.sensor("volume_ringer", "0"), []),
        (lambda rooms: rooms.sensor("zen_mode", "total_silence"), []),
        (lambda rooms: rooms.sensor("volume_alarm", "total_silence"), []),
        (lambda rooms: rooms.sensor("dnd_sensor", "0"), []),
        (
            lambda rooms: (
                rooms.sensor("dnd_sensor", None),
                rooms.sensor("volume_alarm", "0"),
            ),
            [NO_VOLUME],
        ),
        (
            lambda rooms: (
                rooms.sensor("dnd_sensor", "total_silence"),
                rooms.sensor("volume_alarm", "0"),
            ),
            [SILENT, NO_VOLUME],
        ),
        # Of another integration that calls it so.
        (
            lambda rooms: rooms.sensor("dnd_sensor", "total_silence", platform="other"),
            [],
        ),
        # Who.
        (
            lambda rooms: rooms.anna.update(phones=[], notify=[]),
            [("heard_no_phone", {"name": "Anna"}, True)],
        ),
        (lambda rooms: rooms.anna.update(phones=[]), []),
        (lambda rooms: rooms.anna.update(notify=[]), []),
        (
            lambda rooms: rooms.anna.update(phones=["thrown away"]),
            [("heard_phone_gone", {"name": "Anna"}, True)],
        ),
        # What is sent to, lit and spoken with.
        (lambda rooms: rooms.set("notify.sms", None), [gone("notify.sms", "Anna")]),
        (lambda rooms: rooms.set("notify.sms", "unavailable"), [unavailable("sms", "Anna")]),
        (lambda rooms: rooms.set("light.lamp", None), [gone("light.lamp", "Night")]),
        (lambda rooms: rooms.set("light.lamp", "unavailable"), [unavailable("lamp", "Night")]),
        (lambda rooms: rooms.set("light.lamp", "off"), []),
        (lambda rooms: rooms.set("media_player.hall", None), [gone("media_player.hall", "Night")]),
        (lambda rooms: rooms.set("tts.voice", None), [gone("tts.voice", "Night")]),
        (
            lambda rooms: rooms.steps.append({"step_id": "4", "after": 9, "lights": ["light.no"]}),
            [gone("light.no", "Night")],
        ),
        # Each is said once.
        (
            lambda rooms: rooms.steps.extend(
                {"step_id": f"{after}", "after": after, "lights": ["light.no"]}
                for after in (20, 30)
            ),
            [gone("light.no", "Night")],
        ),
        # Whom a plan tells.
        (
            lambda rooms: rooms.steps.append({"step_id": "4", "after": 9, "tell": ["ben"]}),
            [("heard_caregiver_gone", {"plan": "Night"}, True)],
        ),
        (
            lambda rooms: (
                rooms.steps.append({"step_id": "4", "after": 9, "tell": ["ben"]}),
                rooms.more.append(caregiver("Ben", notify=["notify.sms"])),
            ),
            [],
        ),
        # The household.
        (
            lambda rooms: rooms.leave(),
            [("heard_no_caregivers", {}, True), ("heard_no_plan", {}, False)],
        ),
        (
            lambda rooms: (rooms.leave(), rooms.more.append(plan("Day"))),
            [("heard_no_caregivers", {}, True)],
        ),
        (
            lambda rooms: rooms.off.add("night"),
            [("heard_plan_off", {"plan": "Night"}, False)],
        ),
        # A plan that is off complains of nothing else, and one that is on goes on.
        (
            lambda rooms: (
                rooms.off.add("night"),
                rooms.set("light.lamp", None),
                rooms.more.append(plan("Day")),
            ),
            [("heard_plan_off", {"plan": "Night"}, False)],
        ),
    ],
)
async def test_what_would_keep_it_from_being_heard(
    rooms: Rooms, change: Callable[[Rooms], object], found: list[Found]
) -> None:
    rooms.furnish()
    change(rooms)
    assert rooms.found() == found


@pytest.mark.parametrize(
    ("app", "state", "found"),
    [
        ({"push_websocket_channel": True}, ConfigEntryState.LOADED, []),
        (
            {"push_token": "t"},
            ConfigEntryState.LOADED,
            [("heard_phone_takes_no_pushes", PHONE, True)],
        ),
        ({}, ConfigEntryState.LOADED, [("heard_phone_takes_no_pushes", PHONE, True)]),
        # One whose registration does not run is not there.
        (PUSHED, ConfigEntryState.NOT_LOADED, [("heard_phone_gone", {"name": "Anna"}, True)]),
    ],
)
async def test_how_a_phone_is_registered(
    rooms: Rooms, app: dict[str, Any], state: ConfigEntryState, found: list[Found]
) -> None:
    rooms.app, rooms.state = app, state
    rooms.furnish()
    assert rooms.found() == found


SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("later", "found"),
    [(timedelta(0), []), (NOT_SEEN_FOR, []), (NOT_SEEN_FOR + SECOND, [NOT_SEEN])],
)
async def test_a_phone_that_was_not_heard_of(
    rooms: Rooms, freezer: Any, later: timedelta, found: list[Found]
) -> None:
    """Frozen: to the second."""
    rooms.later = later
    rooms.furnish()
    assert rooms.found() == found


async def test_what_is_heard_of_one_of_its_sensors_is_heard_of_the_phone(
    rooms: Rooms, freezer: Any
) -> None:
    rooms.furnish()
    freezer.tick(NOT_SEEN_FOR + SECOND)
    # What is sent to it is no sign of life.
    rooms.sensor("notify", "2026-05-01T00:00:00+00:00", domain="notify")
    assert rooms.found() == [NOT_SEEN]
    rooms.sensor("battery", "50")
    assert rooms.found() == []


async def test_without_its_sensors_nothing_is_known_of_a_phone(rooms: Rooms) -> None:
    rooms.furnish()
    rooms.sensor("dnd_sensor", None)
    rooms.sensor("volume_alarm", None)
    rooms.later = 10 * NOT_SEEN_FOR
    assert rooms.found() == []


async def test_what_is_only_registered_is_out_of_reach_and_not_gone(rooms: Rooms) -> None:
    """Its integration is being set up, or was switched off."""
    rooms.furnish()
    lamp = er.async_get(rooms.hass).async_get_or_create("light", "test", "lamp")
    rooms.steps = [{"step_id": "1", "after": 0, "lights": [lamp.entity_id]}]
    assert rooms.found() == [unavailable(lamp.entity_id, "Night")]
