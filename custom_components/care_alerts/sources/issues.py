"""Repair issues: what only a person can mend."""

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..const import DOMAIN


@callback
def create_issue(
    hass: HomeAssistant,
    issue_id: str,
    translation_key: str,
    *,
    severity: ir.IssueSeverity = ir.IssueSeverity.WARNING,
    fix: dict[str, str | int | float | None] | None = None,
    **placeholders: str,
) -> None:
    """Report a problem; one that is reported already is brought up to date.

    `fix`: what the flow that mends it has to know. Without it the text says what to do.
    """
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        data=fix,
        is_fixable=fix is not None,
        severity=severity,
        translation_key=translation_key,
        translation_placeholders=placeholders or None,
    )
