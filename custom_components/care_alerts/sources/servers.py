"""The choice of a vendor's server in a form: those there are, or an address of one's own."""

from collections.abc import Mapping
from typing import Self

from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import SelectOptionDict, SelectSelector, SelectSelectorConfig
from homeassistant.helpers.translation import async_get_translations

from ..const import DOMAIN


class ServerChoice:
    """A form's field for a server.

    Where anything can be typed, Home Assistant shows the value that was chosen instead of its label.
    So the labels are the values here; the names of the servers are understood as well.
    """

    def __init__(self, labels: Mapping[str, str]) -> None:
        """Offer servers by their names, each with what a person reads."""
        self._labels = labels
        self._names = {label: name for name, label in labels.items()}

    @classmethod
    async def load(cls, hass: HomeAssistant, field: str, names: Mapping[str, object]) -> Self:
        """Offer the servers of a field, which is also the key of their labels."""
        texts = await async_get_translations(hass, hass.config.language, "selector", [DOMAIN])
        path = f"component.{DOMAIN}.selector.{field}.options"
        return cls({name: texts.get(f"{path}.{name}", name) for name in names})

    @property
    def selector(self) -> SelectSelector:
        """The field itself."""
        options = [SelectOptionDict(value=label, label=label) for label in self._names]
        return SelectSelector(SelectSelectorConfig(options=options, custom_value=True))

    def shown(self, server: str) -> str:
        """What the field holds for a server."""
        return self._labels.get(server, server)

    def chosen(self, typed: str) -> str:
        """The name of the server that the field holds, or the address as it was typed."""
        return self._names.get(typed, typed)
