"""What a person must know of somebody who shares, and cannot see from their entities."""

from hashlib import sha256

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ...const import DOMAIN
from ..coordinator import CareAlertsConfigEntry
from .api import FOLLOW
from .people import Followed


@callback
def tell_of(
    hass: HomeAssistant,
    entry: CareAlertsConfigEntry,
    person_id: str,
    followed: Followed | None,
    *,
    unreadable: bool = False,
) -> None:
    """Create the issues that somebody's state asks for, and delete those it does not; None: not followed any more.

    `unreadable`: settings of theirs make no sense, and keep an alert from being judged.
    """
    # Issue ids, unlike their data, are in what somebody sends us to look at.
    who = f"{entry.entry_id}_{sha256(person_id.encode()).hexdigest()[:12]}"
    issue = f"permission_lost_{who}"
    if followed and followed.lost:
        ir.async_create_issue(
            hass,
            DOMAIN,
            issue,
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            translation_key="permission_lost",
            translation_placeholders={"name": followed.name, "entry": entry.title},
        )
    else:
        ir.async_delete_issue(hass, DOMAIN, issue)
    issue = f"no_thresholds_{who}"
    if followed and followed.may(FOLLOW) and followed.settings_read and not followed.settings:
        ir.async_create_issue(
            hass,
            DOMAIN,
            issue,
            data={"entry_id": entry.entry_id, "person_id": person_id},
            is_fixable=True,
            severity=ir.IssueSeverity.WARNING,
            translation_key="no_thresholds",
            translation_placeholders={"name": followed.name, "entry": entry.title},
        )
    else:
        ir.async_delete_issue(hass, DOMAIN, issue)
    issue = f"thresholds_unreadable_{who}"
    if followed and unreadable:
        ir.async_create_issue(
            hass,
            DOMAIN,
            issue,
            is_fixable=False,
            severity=ir.IssueSeverity.ERROR,
            translation_key="thresholds_unreadable",
            translation_placeholders={"name": followed.name, "entry": entry.title},
        )
    else:
        ir.async_delete_issue(hass, DOMAIN, issue)
