"""Whom several sources may have: by what they are called, and never two of one source."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses.plan import SamePerson
from custom_components.care_alerts.responses.same_people import gone, known_people, proposed

from .house import household_entry


def source(hass: HomeAssistant, kind: str, title: str, **people: str) -> dict[str, str]:
    """A source with people, by what they are called here: the ids of their devices."""
    entry = MockConfigEntry(domain=DOMAIN, title=title, data={"source": kind})
    entry.add_to_hass(hass)
    registry = dr.async_get(hass)

    def device(identifier: tuple[str, str], name: str) -> str:
        return registry.async_get_or_create(
            config_entry_id=entry.entry_id, identifiers={identifier}, name=name
        ).id

    # What is no person: the source itself, and what is somebody else's.
    device((DOMAIN, entry.entry_id), "Mila")
    device(("other", f"{kind}_1"), "Mila")
    return {
        which: device((DOMAIN, f"{kind}_{title}_{which}"), name) for which, name in people.items()
    }


def names(
    hass: HomeAssistant, links: list[SamePerson] | None = None
) -> list[tuple[str, list[str]]]:
    """Who is proposed to be one: the name, and what they are called there."""
    known = {one.device_id: f"{one.name} of {one.source}" for one in known_people(hass)}
    found = proposed(hass, links or [])
    assert all(list(one.people) == sorted(one.people) for one in found)
    return [(one.name, sorted(known[which] for which in one.people)) for one in found]


async def test_only_people_are_known_and_by_name(hass: HomeAssistant) -> None:
    lumen = source(hass, "lumen", "Lumen", ben="Ben", anna="anna")
    household_entry().add_to_hass(hass)
    source(hass, "nothing of ours", "Other", mila="Mila")
    dexcom = source(hass, "dexcom", "Dexcom", anna="Anna")
    dr.async_get(hass).async_update_device(dexcom["anna"], name_by_user="Zoë")
    assert [(one.device_id, one.name, one.source) for one in known_people(hass)] == [
        (lumen["anna"], "anna", "Lumen"),
        (lumen["ben"], "Ben", "Lumen"),
        (dexcom["anna"], "Zoë", "Dexcom"),
    ]


@pytest.mark.parametrize(
    ("lumen", "dexcom", "tidepool", "found"),
    [
        ({"a": "Mila"}, {"a": "Ben"}, {}, []),
        ({"a": "Mila"}, {"a": "mila"}, {}, [("mila", ["Mila of Lumen", "mila of Dexcom"])]),
        # A name that goes on is the same; another one is not.
        (
            {"a": "Mila"},
            {"a": "Mila Jones"},
            {},
            [("Mila", ["Mila Jones of Dexcom", "Mila of Lumen"])],
        ),
        ({"a": "Mila Smith"}, {"a": "Mila Jones"}, {}, []),
        ({"a": "Mila"}, {"a": "Milan"}, {}, []),
        # Two of one source are two.
        ({"a": "Mila", "b": "Mila"}, {}, {}, []),
        (
            {"a": "Mila"},
            {"a": "Mila"},
            {"a": "Mila"},
            [("Mila", ["Mila of Dexcom", "Mila of Lumen", "Mila of Tidepool"])],
        ),
        # Who has no name is nobody's namesake.
        ({"a": " "}, {"a": " "}, {}, []),
        (
            {"a": " ", "b": "Mila", "c": "Ben"},
            {"b": "Mila"},
            {"c": "Ben"},
            [
                ("Ben", ["Ben of Lumen", "Ben of Tidepool"]),
                ("Mila", ["Mila of Dexcom", "Mila of Lumen"]),
            ],
        ),
    ],
)
async def test_who_is_called_the_same_in_several_sources_is_proposed(
    hass: HomeAssistant,
    lumen: dict[str, str],
    dexcom: dict[str, str],
    tidepool: dict[str, str],
    found: list[Any],
) -> None:
    source(hass, "lumen", "Lumen", **lumen)
    source(hass, "dexcom", "Dexcom", **dexcom)
    source(hass, "tidepool", "Tidepool", **tidepool)
    assert names(hass) == found


async def test_of_whom_somebody_has_said_it_nothing_is_proposed(hass: HomeAssistant) -> None:
    lumen = source(hass, "lumen", "Lumen", ben="Ben", mila="Mila")
    dexcom = source(hass, "dexcom", "Dexcom", ben="Ben", mila="Mila")
    link = SamePerson(same_id="1", name="Ben", people=(lumen["ben"], "elsewhere"))
    assert names(hass, [link]) == [("Mila", ["Mila of Dexcom", "Mila of Lumen"])]
    # And of one that does not run nobody knows that it has them no more.
    both = SamePerson(same_id="2", name="Mila", people=(lumen["mila"], dexcom["mila"]))
    assert [one.name for one in gone(hass, [link, both])] == ["Ben"]
    dr.async_get(hass).async_remove_device(dexcom["mila"])
    assert [one.name for one in gone(hass, [both, link])] == ["Mila", "Ben"]
