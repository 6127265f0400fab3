"""Settings as a person reads them: what each is called, what it was and what it is."""

from collections.abc import Iterable, Mapping

from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations

from ..alerts.snapshot import Setting
from ..const import DOMAIN
from .settings import NotDoneError, SettingConflict


async def setting_lines(hass: HomeAssistant, conflicts: Iterable[SettingConflict]) -> str:
    """What each was before and what it is, as lines of Markdown in the house's language."""
    texts = await _texts(hass, "entity", "common")
    return "\n".join(_line(one, texts) for one in conflicts)


async def why_not(hass: HomeAssistant, error: NotDoneError) -> str:
    """Why something was not done, in the house's language; settings are called what they are on a dashboard, not in an action."""
    texts = await _texts(hass, "entity", "exceptions")
    said = texts.get(f"component.{DOMAIN}.exceptions.{error.key}.message", error.key)
    named = {
        # An action's field for a threshold is called as its alert.
        name: _name(f"{value}_threshold", texts, default=_name(value, texts))
        if name in ("field", "other")
        else value
        for name, value in error.placeholders.items()
    }
    return said.format(**named)


async def _texts(hass: HomeAssistant, *categories: str) -> dict[str, str]:
    texts: dict[str, str] = {}
    for category in categories:
        texts |= await async_get_translations(hass, hass.config.language, category, {DOMAIN})
    return texts


def _name(
    key: str, texts: Mapping[str, str], domain: str = "number", default: str | None = None
) -> str:
    return texts.get(f"component.{DOMAIN}.entity.{domain}.{key}.name", default or key)


def _line(conflict: SettingConflict, texts: Mapping[str, str]) -> str:
    domain = "switch" if isinstance(conflict.before.value, bool) else "number"
    name = _name(conflict.key, texts, domain)
    before, theirs = (_shown(one, texts) for one in (conflict.before, conflict.theirs))
    return f"- {name}: {before} → **{theirs}**"


def _shown(setting: Setting, texts: Mapping[str, str]) -> str:
    match setting.value:
        case None:
            return "-"
        case bool(is_on):
            state = "on" if is_on else "off"
            return texts.get(f"component.{DOMAIN}.entity.switch.low.state.{state}", state)
        case value:
            sign = texts.get(f"component.{DOMAIN}.common.decimal_sign", ".")
            return f"{value:g}".replace(".", sign) + f" {setting.unit}"
