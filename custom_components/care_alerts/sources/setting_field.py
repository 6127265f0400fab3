"""The field of a form for something that can be set at a source."""

from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
)

from ..alerts.snapshot import Setting


def setting_field(setting: Setting, *, is_flag: bool) -> BooleanSelector | NumberSelector:
    """The field for a setting, whether it is set yet or not."""
    if is_flag:
        return BooleanSelector()
    config = NumberSelectorConfig(
        min=setting.lowest,
        max=setting.highest,
        step=setting.step,
        mode=NumberSelectorMode.BOX,
    )
    if setting.unit:
        config["unit_of_measurement"] = setting.unit
    return NumberSelector(config)
