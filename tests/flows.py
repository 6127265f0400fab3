"""The steps of a config flow as a person walks through them."""

from typing import Any

from homeassistant.config_entries import SOURCE_USER, ConfigFlowResult
from homeassistant.data_entry_flow import FlowResultType

from custom_components.care_alerts.const import DOMAIN

from .conftest import House


async def begin(house: House, source: str) -> ConfigFlowResult:
    """Choose a source from the menu."""
    flows = house.hass.config_entries.flow
    menu = await flows.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert (menu["type"], menu["step_id"]) == (FlowResultType.MENU, "user")
    assert source in menu["menu_options"]
    form = await flows.async_configure(menu["flow_id"], {"next_step_id": source})
    assert (form["type"], form["step_id"]) == (FlowResultType.FORM, source)
    assert form["errors"] == {}
    return form


async def answer(house: House, form: ConfigFlowResult, **typed: Any) -> ConfigFlowResult:
    """Fill in a form."""
    result = await house.hass.config_entries.flow.async_configure(form["flow_id"], typed)
    await house.settle()
    return result


def suggested(form: ConfigFlowResult) -> dict[str, Any]:
    """What the fields of a form hold when it is shown."""
    schema = form["data_schema"]
    assert schema is not None
    return {
        str(field): field.description["suggested_value"]
        for field in schema.schema
        if field.description and "suggested_value" in field.description
    }
