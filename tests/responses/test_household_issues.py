"""What only a person can mend about a household: what is said at once, what after a while, and when it goes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState, ConfigSubentryData
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er, issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses.household import Household
from custom_components.care_alerts.responses.household_issues import LASTS, HouseholdIssues
from custom_components.care_alerts.responses.store import Drill, ResponseStore
from tests.care import Care

from .build import START
from .house import caregiver, household_entry, plan

ANNA = caregiver("Anna", notify=["notify.sms"])
AT_ONCE = [{"step_id": "1", "after": 0, "tell": ["anna"]}]
LAMP = [{"step_id": "1", "after": 0, "tell": ["anna"], "lights": ["light.lamp"]}]


@pytest.fixture
def living(hass: HomeAssistant) -> Callable[..., Household]:
    """A household of these parts, and a notify entity that is there."""
    hass.states.async_set("notify.sms", "unknown")

    def household(*parts: ConfigSubentryData) -> Household:
        return Household(hass, household_entry(*parts), ResponseStore(hass))

    return household


def said(hass: HomeAssistant) -> list[str]:
    """The keys of what is said."""
    return sorted(
        issue.translation_key or ""
        for (domain, _), issue in ir.async_get(hass).issues.items()
        if domain == DOMAIN and issue.active
    )


@pytest.mark.parametrize(
    ("whose", "source", "is_said"),
    [
        ({}, None, False),
        ({"device_id": ["gone"]}, None, True),
        ({"device_id": ["gone"]}, ConfigEntryState.LOADED, True),
        # Whom a source has that does not run, nobody knows.
        ({"device_id": ["gone"]}, ConfigEntryState.SETUP_RETRY, False),
    ],
)
def test_a_plan_for_nobody(
    hass: HomeAssistant,
    living: Callable[..., Household],
    whose: dict[str, Any],
    source: ConfigEntryState | None,
    is_said: bool,
) -> None:
    if source:
        entry = MockConfigEntry(domain=DOMAIN, data={"source": "lumen"}, state=source)
        entry.add_to_hass(hass)
    issues = HouseholdIssues(hass)
    issues.show(living(ANNA, plan(steps=AT_ONCE, whose=whose)), None, START)
    assert said(hass) == ["plan_for_nobody"] * is_said


def test_what_goes_away_by_itself_is_said_after_a_while_and_what_does_not_at_once(
    hass: HomeAssistant, living: Callable[..., Household]
) -> None:
    issues = HouseholdIssues(hass)
    household = living(ANNA, plan(steps=LAMP))

    def look(later: timedelta) -> list[str]:
        issues.show(household, None, START + later)
        return said(hass)

    hass.states.async_set("light.lamp", "unavailable")
    second = timedelta(seconds=1)
    assert look(timedelta()) == []
    assert look(LASTS - second) == []
    assert look(LASTS) == ["heard_entity_unavailable"]
    # It is there again, and then begins anew.
    hass.states.async_set("light.lamp", "off")
    assert look(LASTS + second) == []
    hass.states.async_set("light.lamp", "unavailable")
    assert look(LASTS + 2 * second) == []
    assert look(2 * LASTS + second) == []
    assert look(2 * LASTS + 2 * second) == ["heard_entity_unavailable"]
    issues.show(living(ANNA, plan(steps=[])), None, START + 3 * LASTS)
    assert "heard_entity_unavailable" not in said(hass)


def test_what_was_left_behind_goes_and_what_is_another_stays(
    hass: HomeAssistant, living: Callable[..., Household]
) -> None:
    for domain, which in (
        (DOMAIN, "household_old"),
        (DOMAIN, "care_household"),
        ("other", "household_plan"),
    ):
        ir.async_create_issue(
            hass,
            domain,
            which,
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            translation_key="duty_nobody",
        )
    issues = HouseholdIssues(hass)
    issues.show(living(ANNA, plan(steps=AT_ONCE)), None, START)
    assert {which for _, which in ir.async_get(hass).issues} == {"care_household", "household_plan"}
    issues.show(living(plan(steps=AT_ONCE)), None, START)
    assert "duty_no_caregivers" in said(hass)
    issues.show(None, None, START)
    assert {which for _, which in ir.async_get(hass).issues} == {"care_household", "household_plan"}


def test_what_is_broken_is_said_at_once(
    hass: HomeAssistant, living: Callable[..., Household]
) -> None:
    lamp = [{"step_id": "1", "after": 0, "tell": ["anna"], "lights": ["light.gone"]}]
    HouseholdIssues(hass).show(living(ANNA, plan(steps=lamp)), None, START)
    assert said(hass) == ["heard_entity_gone"]


def test_a_source_that_is_switched_off_has_nobody(
    hass: HomeAssistant, living: Callable[..., Household]
) -> None:
    entry = MockConfigEntry(
        domain=DOMAIN, data={"source": "lumen"}, disabled_by=ConfigEntryDisabler.USER
    )
    entry.add_to_hass(hass)
    household = living(ANNA, plan(steps=AT_ONCE, whose={"device_id": ["gone"]}))
    HouseholdIssues(hass).show(household, None, START)
    assert said(hass) == ["plan_for_nobody"]


async def test_a_plan_for_somebody_is_not_for_nobody(
    care: Care, living: Callable[..., Household]
) -> None:
    device = er.async_get(care.hass).async_get(care.sensor())
    assert device
    household = living(ANNA, plan(steps=AT_ONCE, whose={"device_id": [device.device_id]}))
    HouseholdIssues(care.hass).show(household, None, START)
    assert "plan_for_nobody" not in said(care.hass)


def test_an_id_names_nobody(hass: HomeAssistant, living: Callable[..., Household]) -> None:
    """Home Assistant's diagnostics have the ids of all that is to be mended."""
    parts = caregiver("Anna Quillfeather"), caregiver("Ben Quillfeather"), plan(steps=AT_ONCE)
    issues = HouseholdIssues(hass)
    issues.show(living(*parts), None, START)
    assert said(hass).count("heard_no_phone") == 2, "one for each"
    assert not any("Quill" in which for _, which in ir.async_get(hass).issues)


async def test_a_drill_that_is_over_and_that_nobody_answered(
    care: Care, living: Callable[..., Household]
) -> None:
    episodes = []
    for key in ("weight", "flex"):
        await care.call("send_test_alert", care.sensor(key))
        episodes.append(care.attributes(key)["episode_id"])
    household = living(ANNA, plan(steps=AT_ONCE))
    issues = HouseholdIssues(care.hass)

    def is_said(*which: int) -> bool:
        drill = Drill(began_at=START, episode_ids=[episodes[one] for one in which])
        issues.show(household, drill, START)
        return "drill_unanswered" in said(care.hass)

    await care.call("acknowledge", care.sensor("weight"))
    # It goes on.
    assert not any(is_said(one) for one in (0, 1))
    await care.house.pass_time(minutes=31)
    assert [is_said(0), is_said(1), is_said(0, 1)] == [False, True, False]


def test_a_drill_of_which_nothing_is_known_any_more_is_not_unanswered(
    hass: HomeAssistant, living: Callable[..., Household]
) -> None:
    drill = Drill(began_at=START, episode_ids=["gone"])
    HouseholdIssues(hass).show(living(ANNA, plan(steps=AT_ONCE)), drill, START)
    assert said(hass) == []
