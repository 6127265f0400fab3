"""Repair issues: what only a person can mend."""

from collections.abc import Iterable
import re
from typing import TYPE_CHECKING

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..const import DOMAIN
from .source import Repair

if TYPE_CHECKING:
    from .coordinator import CareAlertsConfigEntry


def unlinked(text: str) -> str:
    """A text that reads the same and becomes no link elsewhere, picture or HTML where Home Assistant takes it for Markdown.

    A sentence is shown as Markdown, its title as it is: what Markdown's backslashes escape would be seen there.
    """
    return re.sub(r"(?<=[<!\]])|(?<=www)(?=\.)|(?=://)", "\u2060", text, flags=re.IGNORECASE)


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
        translation_placeholders={name: unlinked(text) for name, text in placeholders.items()}
        or None,
    )


@callback
def delete_issues_of(hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
    """Leave nothing of a removed entry behind."""
    for domain, issue_id in list(ir.async_get(hass).issues):
        if domain == DOMAIN and entry.entry_id in issue_id:
            ir.async_delete_issue(hass, DOMAIN, issue_id)


class Repairs:
    """What a source asks a person to mend, as issues: those that it asks for now, and no others of its kinds."""

    def __init__(
        self, hass: HomeAssistant, entry: CareAlertsConfigEntry, kinds: Iterable[str]
    ) -> None:
        """Know of none yet; what an earlier life of the source has left is looked up when they are first shown."""
        self._hass = hass
        self._entry = entry
        self._prefixes = tuple(f"{kind}_{entry.entry_id}" for kind in kinds)
        self._shown: dict[str, Repair] | None = None

    @callback
    def show(self, repairs: Iterable[Repair]) -> None:
        """Create the issues of these, and delete all others."""
        entry = self._entry
        wanted = {repair.issue_id(entry.entry_id): repair for repair in repairs}
        if wanted == self._shown:
            return
        before = self._left_behind() if self._shown is None else self._shown.keys()
        for issue_id in before - wanted.keys():
            ir.async_delete_issue(self._hass, DOMAIN, issue_id)
        for issue_id, repair in wanted.items():
            fix: dict[str, str | int | float | None] | None = None
            if repair.person_id:
                fix = {
                    "entry_id": entry.entry_id,
                    "person_id": repair.person_id,
                    "kind": repair.kind,
                }
            elif repair.is_to_look_up:
                # It stays so: deleted, it would be reported again.
                fix = {"is_kept": True}
            create_issue(
                self._hass,
                issue_id,
                repair.key,
                severity=ir.IssueSeverity.ERROR if repair.is_error else ir.IssueSeverity.WARNING,
                fix=fix,
                entry=entry.title,
                **repair.placeholders,
            )
        self._shown = wanted

    def _left_behind(self) -> set[str]:
        return {
            issue_id
            for domain, issue_id in ir.async_get(self._hass).issues
            if domain == DOMAIN and issue_id.startswith(self._prefixes)
        }
