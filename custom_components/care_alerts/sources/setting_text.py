"""Settings as a person reads them: what each is called, what it was and what it is."""

from collections.abc import Iterable, Mapping

from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations

from ..alerts.snapshot import Setting
from ..const import DOMAIN
from .settings import SettingConflict


async def setting_lines(hass: HomeAssistant, conflicts: Iterable[SettingConflict]) -> str:
    """What each was before and what it is, as lines of Markdown in the house's language."""
    texts: dict[str, str] = {}
    for category in ("entity", "common"):
        texts |= await async_get_translations(hass, hass.config.language, category, {DOMAIN})
    return "\n".join(_line(one, texts) for one in conflicts)


def _line(conflict: SettingConflict, texts: Mapping[str, str]) -> str:
    domain = "switch" if isinstance(conflict.before.value, bool) else "number"
    name = texts.get(f"component.{DOMAIN}.entity.{domain}.{conflict.key}.name", conflict.key)
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
