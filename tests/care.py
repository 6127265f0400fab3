"""A house with somebody to look after, and automations that write down what they are given."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Self

from homeassistant.auth.models import User
from homeassistant.core import Context, HomeAssistant, ServiceCall
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.sources.coordinator import SourceCoordinator
from simulator.lumen import LumenPerson
from tests.conftest import House, coordinator_of
from tests.world import add_alert, add_person, generation

AUTOMATION = "Watch"


@dataclass
class Heard:
    """What automations were triggered with, oldest first, and the contexts they ran in."""

    calls: list[ServiceCall] = field(default_factory=list)

    @property
    def triggers(self) -> list[dict[str, Any]]:
        """The trigger variables."""
        return [call.data["trigger"] for call in self.calls]

    def of(self, name: str) -> list[dict[str, Any]]:
        """The trigger variables of one trigger."""
        return [one for one in self.triggers if one["platform"] == f"{DOMAIN}.{name}"]

    def clear(self) -> None:
        """Forget it."""
        self.calls.clear()


type Automate = Callable[..., Coroutine[Any, Any, Heard]]


async def automate(hass: HomeAssistant, *triggers: dict[str, Any], **more: Any) -> Heard:
    """Set up an automation that writes down what triggers it; `more` is of the automation."""
    heard = Heard()

    async def add(call: ServiceCall) -> None:
        heard.calls.append(call)

    hass.services.async_register("test", "heard", add)
    config = {
        "alias": AUTOMATION,
        "mode": "queued",
        "max": 1000,
        "triggers": list(triggers),
        "actions": [{"action": "test.heard", "data": {"trigger": "{{ trigger }}"}}],
    }
    assert await async_setup_component(hass, "automation", {"automation": [config | more]})
    await hass.async_block_till_done()
    return heard


def trigger(name: str, target: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    """A trigger of ours."""
    config: dict[str, Any] = {"trigger": f"{DOMAIN}.{name}"}
    if target:
        config["target"] = target
    if options:
        config["options"] = options
    return config


@dataclass
class Care:
    """Maria's house: a source, one person followed, and words for what happens there."""

    house: House
    entry: MockConfigEntry
    maria: LumenPerson

    @classmethod
    async def of(cls, house: House) -> Self:
        """Maria's house, set up."""
        maria = add_person(house)
        return cls(house, await house.set_up(house.entry()), maria)

    @property
    def hass(self) -> HomeAssistant:
        """Home Assistant."""
        return self.house.hass

    @property
    def coordinator(self) -> SourceCoordinator:
        """The source's coordinator."""
        return coordinator_of(self.entry)

    def sensor(self, key: str = "weight") -> str:
        """Maria's sensor of an alert type."""
        return self.house.entity_id("binary_sensor", key, self.maria.shared_user_id)

    def attributes(self, key: str = "weight") -> dict[str, Any]:
        """What it says."""
        state = self.hass.states.get(self.sensor(key))
        assert state is not None
        return dict(state.attributes)

    def alert(
        self, number: int, kind: str = "WEIGHT", subtype: str = "TOO_FAST", **more: Any
    ) -> None:
        """Have an alert of a day."""
        add_alert(self.house, self.maria, number, kind, subtype, **more)

    async def morning(self, number: int) -> None:
        """Go to when the alerts of a day have been fetched."""
        await self.house.until(generation(number).replace(hour=6, minute=30, second=0))

    async def call(
        self,
        action: str,
        target: str | dict[str, Any] | None = None,
        *,
        user: User | None = None,
        **data: Any,
    ) -> dict[str, Any]:
        """Call an action of ours, aimed at the weight sensor if not said otherwise."""
        target = {"entity_id": self.sensor()} if target is None else target
        if isinstance(target, str):
            target = {"entity_id": target}
        answer = await self.hass.services.async_call(
            DOMAIN,
            action,
            target | data,
            blocking=True,
            return_response=True,
            context=Context(user_id=user.id) if user else None,
        )
        await self.house.settle()
        assert isinstance(answer, dict)
        return answer

    async def reload(self) -> None:
        """Stop the source and start it again."""
        await self.hass.config_entries.async_reload(self.entry.entry_id)
        await self.house.settle()
