"""What the automation editor is told: our triggers and conditions by name, and that it may save them."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.care_alerts.condition import CONDITIONS
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.trigger import TRIGGERS
from tests.care import Care


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("trigger_platforms/subscribe", set(TRIGGERS)),
        ("condition_platforms/subscribe", set(CONDITIONS)),
    ],
)
async def test_the_editor_lists_them(
    care: Care, hass_ws_client: WebSocketGenerator, command: str, names: set[str]
) -> None:
    assert await async_setup_component(care.hass, "websocket_api", {})
    client = await hass_ws_client(care.hass)
    await client.send_json_auto_id({"type": command})
    assert (await client.receive_json())["success"]
    listed: dict[str, Any] = (await client.receive_json())["event"]
    ours = {
        name.removeprefix(f"{DOMAIN}."): described
        for name, described in listed.items()
        if name.startswith(f"{DOMAIN}.")
    }
    assert set(ours) == names
    for described in ours.values():
        assert described["target"]["device"] == [{"integration": DOMAIN}]
        assert described["target"]["entity"] == [{"integration": DOMAIN}]
        for field in described["fields"].values():
            assert "selector" in field


def defaults(hass: HomeAssistant, fields: dict[str, Any]) -> dict[str, Any]:
    """The options as the editor fills them in."""
    return {name: field["default"] for name, field in fields.items() if "default" in field}


async def test_what_the_editor_fills_in_can_be_saved(
    care: Care, hass_ws_client: WebSocketGenerator
) -> None:
    assert await async_setup_component(care.hass, "websocket_api", {})
    client = await hass_ws_client(care.hass)
    for kind, names in (("trigger", TRIGGERS), ("condition", CONDITIONS)):
        await client.send_json_auto_id({"type": f"{kind}_platforms/subscribe"})
        await client.receive_json()
        listed = (await client.receive_json())["event"]
        for name in names:
            config: dict[str, Any] = {
                kind: f"{DOMAIN}.{name}",
                "target": {"entity_id": [care.sensor()]},
            }
            if options := defaults(care.hass, listed[f"{DOMAIN}.{name}"]["fields"]):
                config["options"] = options
            await client.send_json_auto_id({"type": "validate_config", f"{kind}s": [config]})
            result = None
            while result is None or "result" not in result:
                result = await client.receive_json()
            assert result["result"][f"{kind}s"] == {"valid": True, "error": None}, name
