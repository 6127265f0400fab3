"""What automations wait for: each trigger, whose alerts, which of them, and what must not trigger."""

from tests.world import generation

from .conftest import Care, automate, trigger


async def test_an_alert_is_received(care: Care) -> None:
    heard = await automate(care.hass, trigger("alert_received"))
    care.alert(1)
    await care.morning(1)

    [told] = heard.triggers
    assert told["platform"] == "care_alerts.alert_received"
    assert told["title"] == told["description"] == "maria: Weight"
    assert told["alert"]["alert_type"] == "weight"
    assert told["alert"]["observed_at"] == generation(1).isoformat()
    assert told["entity_id"] == care.sensor()
    assert told["person"] == "maria"
    assert told["since"] == generation(1).isoformat()
    assert told["acknowledged"] is False
    assert told["opened_episode"] is True
