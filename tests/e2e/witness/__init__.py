"""An integration for the tests: its action `witness.heard` writes its data down as a line of JSON, in `heard.jsonl`.

It is on its way to the disk when the action is over: killing the process does not take it back.
"""

import json
import os

from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType

CONFIG_SCHEMA = cv.empty_config_schema("witness")


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Open the file and register the action."""
    path = hass.config.path("heard.jsonl")
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    @callback
    def heard(call: ServiceCall) -> None:
        os.write(file, f"{json.dumps(dict(call.data))}\n".encode())

    hass.services.async_register("witness", "heard", heard)
    return True
