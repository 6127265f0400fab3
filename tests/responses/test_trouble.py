"""Trouble of sources: who is told of it, once, what is tried again and when, and how it is taken back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import device_registry as dr
import pytest

from custom_components.care_alerts.alerts.freshness import Status
from custom_components.care_alerts.responses.household import Household
from custom_components.care_alerts.responses.notification import Level, Notification
from custom_components.care_alerts.responses.plan import Text
from custom_components.care_alerts.responses.store import ResponseStore
from custom_components.care_alerts.responses.trouble import (
    TRIED_AGAIN_AFTER,
    Troubles,
    is_entity,
    note_of,
    push_note,
    text_for,
    troubles,
)
from custom_components.care_alerts.sources.coordinator import SourceCoordinator
from tests.alerts.build import FRESH
from tests.home import CLEAR

from .build import minute
from .house import Data, caregiver, household_entry, plan
from .stand_in import Running, says, source
from .test_localize import loaded

__all__ = ["loaded"]

SMS, CHAT, HALL = "notify.sms", "notify.chat", "notify.hall"


@dataclass
class House:
    """Sources, whoever looks after whom, and what was sent to them; one who is `deaf` takes nothing."""

    hass: HomeAssistant
    store: ResponseStore
    troubles: Troubles
    sent: list[tuple[str, str | None]] = field(default_factory=list)
    deaf: set[str] = field(default_factory=set)
    saved: int = 0

    def entity(self, entity_id: str) -> None:
        """Have a notify entity."""
        self.hass.states.async_set(entity_id, "unknown")

    def phone(self, name: str) -> str:
        """Have a phone; its device."""
        entry = Running(
            domain="mobile_app",
            entry_id=name,
            data={"webhook_id": name, "app_data": {"push_token": "t", "push_url": "u"}},
        )
        entry.add_to_hass(self.hass)
        return (
            dr.async_get(self.hass)
            .async_get_or_create(config_entry_id=name, identifiers={("mobile_app", name)})
            .id
        )

    async def takes(self, whom: str, title: str | None) -> None:
        """What is outside is sent something."""
        if whom in self.deaf:
            raise TimeoutError
        self.sent.append((whom, title))

    async def async_send_message(self, message: str, *, target: list[str], **more: Any) -> None:
        """As the app's own service of notifications."""
        await self.takes(target[0], None if message == CLEAR else more["title"])

    def household(self, *parts: Any) -> Household:
        """Who looks after them."""
        return Household(self.hass, household_entry(*parts, plan()), self.store)

    async def tell(
        self, household: Household | None, at: float = 0
    ) -> list[tuple[str, str | None]]:
        """Have the house look at a minute; return what was sent by that: to whom, and its title (None: it was taken away)."""
        self.sent.clear()
        await self.troubles.tell(household, minute(at))
        return sorted(self.sent, key=str)

    @property
    def told(self) -> Mapping[tuple[str, str], str]:
        """Who knows of what, as it is kept."""
        return dict(self.store.kept.silent)


@pytest.fixture
def house(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    loaded: set[str],
) -> House:
    """A house of whose sources nothing is known yet."""
    loaded.add("en")
    store = ResponseStore(hass)
    house = House(hass, store, Troubles(hass, store))

    async def send(call: ServiceCall) -> None:
        await house.takes(call.data["entity_id"], call.data["title"])

    save = store.save

    async def count() -> None:
        house.saved += 1
        await save()

    monkeypatch.setattr(store, "save", count)
    hass.services.async_register("notify", "send_message", send)
    hass.data["mobile_app"] = {"notify": house}
    return house


def silent(*sources: SourceCoordinator, is_silent: bool = True) -> None:
    """Have it be announced that sources are silent, or are not."""
    for one in sources:
        one.store.responses.silence_announced = is_silent


async def test_what_is_trouble(hass: HomeAssistant) -> None:
    source(hass, "Well")
    lumen = source(hass, "Lumen")
    for failure, status, is_announced, found in (
        (None, Status.OK, None, None),
        (None, Status.OK, False, None),
        (None, Status.NO_NEW_DATA, False, None),
        (None, Status.NO_NEW_DATA, True, "no_new_data"),
        (None, Status.LOGIN_FAILED, False, "login_failed"),
        (None, Status.PERMISSION_LOST, None, "permission_lost"),
        (Status.UNREACHABLE, Status.OK, False, None),
        (Status.UNREACHABLE, Status.NO_NEW_DATA, True, "unreachable"),
        (Status.LOGIN_FAILED, Status.OK, False, "login_failed"),
        (Status.RATE_LIMITED, Status.PERMISSION_LOST, None, None),
    ):
        lumen.backoff.failure = failure
        says(lumen, {}, freshness=replace(FRESH, status=status))
        lumen.store.responses.silence_announced = is_announced
        assert troubles(hass) == ({"lumen": (lumen, found)} if found else {})


async def test_each_of_those_on_duty_is_told_once_and_when_it_is_something_else(
    house: House,
) -> None:
    hass = house.hass
    for one in (SMS, CHAT, HALL):
        house.entity(one)
    phone = house.phone("annas")
    hass.states.async_set("schedule.ben", "off")
    household = house.household(
        caregiver("Anna", phones=[phone], notify=[SMS]),
        caregiver("Ben", notify=[CHAT], duty="schedule.ben"),
        caregiver("Carl", notify=[HALL]),
    )
    household._rota.schedules["schedule.ben"] = False  # type: ignore[index]
    lumen = source(hass, "Lumen", "maria")
    nobodys = source(hass, "Nobody's")
    assert await house.tell(household) == []
    silent(lumen, nobodys)
    titles = "Lumen is silent"
    assert await house.tell(household) == [(to, titles) for to in ("annas", HALL, SMS)]
    assert set(house.told) == {(to, "lumen") for to in (phone, SMS, HALL)}
    assert house.saved == 1
    assert await house.tell(household, 60) == []
    assert house.saved == 1
    # Of another kind it is news; what is kept is on disk.
    lumen.backoff.failure = Status.LOGIN_FAILED
    assert await house.tell(household, 61) == [(to, titles) for to in ("annas", HALL, SMS)]
    again = ResponseStore(hass)
    await again.load()
    assert dict(again.kept.silent) == {(to, "lumen"): "login_failed" for to in (phone, SMS, HALL)}
    # It is over: messages stay where they are, and are forgotten; from the phone it is taken away.
    lumen.backoff.failure = None
    silent(lumen, is_silent=False)
    assert await house.tell(household, 62) == [("annas", None)]
    assert house.told == {}
    assert house.saved == 3
    assert await house.tell(household, 63) == []


async def test_what_was_not_taken_is_tried_again_after_a_while_and_keeps_no_other(
    house: House,
) -> None:
    house.entity(SMS)
    phone = house.phone("annas")
    household = house.household(caregiver("Anna", phones=[phone], notify=[SMS]))
    lumen = source(house.hass, "Lumen", "maria")
    silent(lumen)
    house.deaf.add("annas")
    title = "Lumen is silent"
    assert await house.tell(household, 0) == [(SMS, title)]
    assert house.told == {(SMS, "lumen"): "ok"}
    house.deaf.clear()
    minutes = TRIED_AGAIN_AFTER / timedelta(minutes=1)
    for too_soon in (0, minutes - 0.1, 0.1 - minutes):
        assert await house.tell(household, too_soon) == []
    assert house.saved == 1
    house.deaf.add("annas")
    assert await house.tell(household, minutes) == []
    # Nothing was told, so nothing is to be kept.
    assert house.saved == 1
    house.deaf.clear()
    assert await house.tell(household, minutes + 1) == []
    # A clock that was set back keeps nobody waiting, and what was told in the end is not tried again.
    assert await house.tell(household, 0) == [("annas", title)]
    silent(lumen, is_silent=False)
    assert await house.tell(household, minutes + 1) == [("annas", None)]


async def test_what_could_not_be_taken_away_is_tried_again(house: House) -> None:
    phone = house.phone("annas")
    household = house.household(caregiver("Anna", phones=[phone]))
    lumen = source(house.hass, "Lumen", "maria")
    silent(lumen)
    await house.tell(household)
    silent(lumen, is_silent=False)
    house.deaf.add("annas")
    assert await house.tell(None, 1) == []
    house.deaf.clear()
    assert house.told
    assert await house.tell(None, 5) == []
    assert await house.tell(None, 6) == [("annas", None)]
    assert house.told == {}


@pytest.mark.parametrize("whom", ["a phone that is gone", SMS])
async def test_what_cannot_be_taken_away_is_done_with(house: House, whom: str) -> None:
    """Of who has thrown the phone away nothing is waited for."""
    source(house.hass, "Lumen", "maria")
    house.store.kept.silent[whom, "lumen"] = "ok"
    assert await house.tell(None) == []
    assert house.told == {}


@pytest.mark.parametrize(
    ("state", "is_known", "is_over"),
    [
        (ConfigEntryState.LOADED, True, True),
        (ConfigEntryState.NOT_LOADED, True, False),
        (ConfigEntryState.SETUP_RETRY, True, False),
        (None, False, True),
    ],
)
async def test_it_is_over_of_what_runs_or_is_no_more(
    house: House, state: ConfigEntryState | None, is_known: bool, is_over: bool
) -> None:
    """One that is only reloaded says nothing; and there are others that run."""
    source(house.hass, "Another", "maria")
    if is_known:
        entry = source(house.hass, "Lumen", "maria").config_entry
        assert state
        entry.mock_state(house.hass, state)  # type: ignore[attr-defined]
    source(house.hass, "A third", "maria")
    house.store.kept.silent[SMS, "lumen"] = "ok"
    await house.tell(None)
    assert bool(house.told) is not is_over


async def test_only_of_whom_a_plan_is_for_that_wants_it(house: House) -> None:
    house.entity(SMS)
    silent(source(house.hass, "Lumen", "maria"))
    elsewhere: Data = {"whose": {"device_id": ["another"]}}
    quiet: Data = {"source_silent": False}
    plans: list[tuple[list[Data], bool]] = [
        ([], False),
        ([quiet], False),
        ([elsewhere], False),
        ([elsewhere, quiet], False),
        ([quiet, {}], True),
    ]
    for theirs, is_told in plans:
        parts = [plan(f"Plan {number}", **one) for number, one in enumerate(theirs)]
        entry = household_entry(caregiver("Anna", notify=[SMS]), *parts)
        household = Household(house.hass, entry, house.store)
        assert bool(await house.tell(household)) is is_told, theirs


def test_what_everybody_reads_is_neutral_if_anybody_wants_it_so(
    hass: HomeAssistant,
) -> None:
    household = Household(
        hass,
        household_entry(
            caregiver("Anna", phones=["annas", "hall"], notify=[SMS, CHAT]),
            caregiver("Ben", phones=["hall", "bens"], notify=[CHAT, HALL], text="neutral"),
        ),
        ResponseStore(hass),
    )
    assert {one: text_for(household, one) for one in ("annas", "hall", "bens", "x")} == {
        "annas": Text.FULL,
        "hall": Text.NEUTRAL,
        "bens": Text.NEUTRAL,
        "x": Text.FULL,
    }
    assert [text_for(household, one) for one in (SMS, CHAT, HALL)] == [
        Text.FULL,
        Text.NEUTRAL,
        Text.NEUTRAL,
    ]
    assert is_entity(SMS)
    assert not is_entity("annas")


async def test_who_wants_no_health_data_gets_none_while_others_do(house: House) -> None:
    for one in (SMS, HALL):
        house.entity(one)
    household = house.household(
        caregiver("Anna", notify=[SMS]), caregiver("Ben", notify=[HALL], text="neutral")
    )
    silent(source(house.hass, "Lumen", "maria"))
    assert await house.tell(household) == [(HALL, "Care Alerts"), (SMS, "Lumen is silent")]


async def test_what_is_said_of_it(house: House) -> None:
    hass = house.hass
    lumen = source(hass, "Lumen", "maria", "ben")
    now = minute(90)

    def said(text: Text = Text.FULL) -> Notification:
        return note_of(hass, lumen, "unreachable", text, now)

    assert said().message == "Nothing new has come: Not reachable. Alerts may be missing."
    assert said().when is None
    freshness = replace(FRESH, data_through=minute(0), silent_people=frozenset({"maria", "ben"}))
    says(lumen, {"maria": [], "ben": []}, freshness=freshness)
    note = said()
    first, reach = note.message.splitlines()
    assert "ben, maria: Not reachable." in first
    assert "1 h 30 min ago" in reach
    assert (note.level, note.when, note.tag) == (
        Level.RINGING,
        minute(0),
        "care_alerts_source_lumen",
    )
    neutral = said(Text.NEUTRAL)
    assert (neutral.level, neutral.tag) == (note.level, note.tag)
    assert "maria" not in neutral.message


async def test_who_was_not_told_is_known(house: House, caplog: pytest.LogCaptureFixture) -> None:
    note = Notification(tag="care_alerts_source_lumen", title="Lumen is silent", message="It is.")
    assert not await push_note(house.hass, "no phone", note)
    phone = house.phone("annas")
    assert await push_note(house.hass, phone, note)
    assert "was not told" not in caplog.text
    house.deaf.add("annas")
    with caplog.at_level("DEBUG", "custom_components.care_alerts"):
        assert not await push_note(house.hass, phone, note)
    assert "A phone was not told: the push service did not answer" in caplog.text
    assert house.sent == [("annas", "Lumen is silent")]
