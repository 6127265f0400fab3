"""What a person must know of somebody who shares, and cannot see from their entities."""

from datetime import timedelta
from hashlib import sha256
from math import ceil
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ...const import DOMAIN
from ..coordinator import CareAlertsConfigEntry
from ..issues import create_issue
from .people import Followed
from .records import CBG, FOLLOW

NAMELESS_APPS: Final = "xDrip+ / AndroidAPS"
"""Those that we know of whose records name neither an app nor a device."""


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
    problems: dict[str, dict[str, Any]] = {}
    if followed and followed.lost:
        problems["permission_lost"] = {}
    if followed and followed.may(FOLLOW) and followed.settings_read and not followed.settings:
        fix = {"entry_id": entry.entry_id, "person_id": person_id}
        problems["no_thresholds"] = {"fix": fix}
    if followed and unreadable:
        problems["thresholds_unreadable"] = {"severity": ir.IssueSeverity.ERROR}
    for key in ("permission_lost", "no_thresholds", "thresholds_unreadable"):
        issue = f"{key}_{who}"
        if followed and key in problems:
            more = problems[key]
            create_issue(hass, issue, key, name=followed.name, entry=entry.title, **more)
        else:
            ir.async_delete_issue(hass, DOMAIN, issue)
    _tell_of_clocks(hass, entry, f"clock_{who}_", followed)


def _tell_of_clocks(
    hass: HomeAssistant, entry: CareAlertsConfigEntry, prefix: str, followed: Followed | None
) -> None:
    """Name each clock that is wrong, and none that is right again or not heard of any more."""
    wrong = {
        f"{prefix}{'ahead' if clock.ahead > timedelta() else 'behind'}_"
        + sha256("\n".join(clock.sender).encode()).hexdigest()[:12]: clock
        for clock in (followed.clocks if followed else ())
        # Whoever enters a finger prick may err in its time; their clock is right.
        if clock.sender.kind == CBG and clock.is_wrong
    }
    for issue, clock in wrong.items():
        create_issue(
            hass,
            issue,
            "clock_ahead" if clock.ahead > timedelta() else "clock_behind",
            name=followed.name if followed else "",
            entry=entry.title,
            device=clock.sender.label or NAMELESS_APPS,
            minutes=str(ceil(abs(clock.ahead) / timedelta(minutes=1))),
        )
    for domain, issue in list(ir.async_get(hass).issues):
        if domain == DOMAIN and issue.startswith(prefix) and issue not in wrong:
            ir.async_delete_issue(hass, DOMAIN, issue)
