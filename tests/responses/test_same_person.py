"""One person whom two sources have, in a real Home Assistant: told once, acknowledged once, whatever comes late."""

from datetime import timedelta
import re
from typing import Any

from homeassistant.auth.models import User
from homeassistant.config_entries import SOURCE_RECONFIGURE, SOURCE_USER
from homeassistant.core import Context
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
import pytest

from custom_components.care_alerts.alerts.episode import EndReason
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.repairs import SamePersonFlow, async_create_fix_flow
from custom_components.care_alerts.responses.episodes import unit_of_person
from custom_components.care_alerts.responses.household import SAME_PERSON, same_people_of
from custom_components.care_alerts.sources.targets import person_of, unit_of
from tests.care import automate, trigger
from tests.home import Home
from tests.services.test_permissions import somebody

from .mila import LATE, Mila, dip

pytestmark = pytest.mark.real_files


@pytest.fixture
async def mila(home: Home) -> Mila:
    """She, as one person."""
    return await Mila.moves_in(home)


async def is_low(mila: Mila, lowest: float = 65, minutes: int = 30) -> None:
    """Have her be low from five minutes from now on, and let Tidepool tell of it."""
    now = mila.house.now
    mila.live(now, now + timedelta(hours=8), dip(now + timedelta(minutes=5), lowest, minutes))
    await mila.house.pass_time(minutes=5)
    await mila.minutes(2)


async def dexcom_tells(mila: Mila) -> None:
    """Let Dexcom have told of it."""
    for _ in range(6):
        await mila.house.pass_time(minutes=25)


async def test_a_low_that_both_have_is_told_once(mila: Mila) -> None:
    target = {"device_id": mila.devices}
    heard = await automate(
        mila.house.hass,
        trigger("alert_needs_attention", target, include_late=True),
        trigger("alert_unacknowledged", target, include_late=True, after={"hours": 1}),
        trigger("alert_acknowledged"),
    )
    await is_low(mila)
    assert [one["title"] for one in mila.annas.pushed] == ["Mila: Low"]
    await mila.annas.press("I have it")
    pushed = len(mila.bens.pushed)
    await dexcom_tells(mila)
    assert len(mila.annas.rang) == 1
    assert len(mila.bens.pushed) == pushed
    [low] = mila.episodes("low")
    assert [one.coordinator.source_type.key for one in low.witnesses] == ["tidepool", "dexcom"]
    assert not low.episode.is_open
    assert low.episode.acknowledgement
    # Each source goes on having its own.
    assert low.witnesses[1].episode.episode_id != low.witnesses[0].episode.episode_id
    assert [one["reason"] for one in heard.of("alert_needs_attention")] == ["new"]
    assert len(heard.of("alert_acknowledged")) == 1
    assert heard.of("alert_unacknowledged") == []


async def test_they_are_one_person_in_the_report_and_in_the_morning(home: Home) -> None:
    mila = await Mila.moves_in(home, morning="16:00:00")
    hass = mila.house.hass
    start = mila.house.now
    await is_low(mila)
    await mila.annas.press("I have it")
    await dexcom_tells(mila)

    async def reported(devices: list[str], user: User | None = None) -> dict[str, Any]:
        answer = await hass.services.async_call(
            DOMAIN,
            "get_report",
            {"device_id": devices, "start": start.isoformat()},
            blocking=True,
            return_response=True,
            context=Context(user_id=user.id if user else None),
        )
        people: Any = answer and answer["people"]
        assert len(people) == 1
        return people[0]  # type: ignore[no-any-return]

    tidepool, dexcom = mila.devices
    for devices in (mila.devices, [dexcom], [tidepool]):
        person = await reported(devices)
        assert (person["device_id"], person["source"]) == (tidepool, "Tidepool, Mila")
        [low] = person["episodes"]
        assert [one["source"] for one in low["witnesses"]] == ["tidepool", "dexcom"]
        assert (low["outcome"], low["answered_by"]) == ("answered", "Anna")
        assert person["alerts"] == 1
        # By the source that is live: what the other tells of the same minutes is no second reading.
        minutes = (mila.house.now - start) / timedelta(minutes=1)
        assert abs(person["glucose"]["readings"] - minutes / 5) <= 2
        assert person["glucose"]["coverage_percent"] > 95
    # Who may see only one source's is told of that.
    only_dexcom = somebody(hass, device_ids={dexcom: {"read": True}})
    assert (await reported([dexcom], only_dexcom))["source"] == "Mila"
    # Whatever the other source calls her.
    dr.async_get(hass).async_update_device(dexcom, name_by_user="Mila D.")
    await home.automate(
        "digest", phones=[mila.annas.device_id], at="16:05:00", night_from="12:00:00"
    )
    await mila.minutes(40)
    [digest] = [one for one in mila.annas.pushed if one.get("title") == "Last night"]
    assert re.findall(r"^.*: Low, observed at .*$", digest["message"], re.MULTILINE) == [
        "Mila: Low, observed at 13:05"
    ]
    assert "Mila D." not in digest["message"]
    [morning] = [one for one in mila.annas.pushed if one.get("title") == "How the night was"]
    assert morning["message"].count("no alert is known") == 1
    # Each source for itself says how far its word reaches.
    assert morning["message"].count("reaches to") == 2


async def test_who_has_it_has_what_comes_late_of_it_also_while_a_source_is_away_and_undone(
    mila: Mila,
) -> None:
    await is_low(mila, minutes=300)
    await mila.annas.press("I have it")
    await dexcom_tells(mila)
    [low] = mila.episodes("low")
    assert [bool(one.episode.acknowledgement) for one in low.witnesses] == [True, True]
    assert mila.bens.rang == []
    message = mila.annas.shown["message"]
    assert re.search(r"Tidepool 13:05 live; Dexcom 13:05, arrived 15:\d\d", message)
    assert "Anna has it" in message

    # What was told of it is known by all its ids, also by the one that nothing was told of.
    state = mila.household.responder.store.state
    manager = mila.house.hass.config_entries
    for entry in (mila.tidepool, mila.dexcom):
        await manager.async_unload(entry.entry_id)
        await mila.minutes(1)
        [alone] = mila.episodes("low")
        assert alone.parts == ()
        assert alone.episode.ids == low.episode.ids
        assert state.of(alone.episode.ids).records
        await manager.async_setup(entry.entry_id)
        await mila.minutes(1)
    assert len(mila.annas.rang) == 1
    [again] = mila.episodes("low")
    assert again.episode.ids == low.episode.ids

    entry = mila.household.entry
    [link] = same_people_of(entry)
    manager.async_remove_subentry(entry, link.same_id)
    await mila.minutes(1)
    apart = mila.episodes("low")
    assert {one.episode.episode_id for one in apart} == low.episode.ids
    assert all(one.episode.acknowledgement for one in apart)
    assert len(mila.annas.rang) == 1
    assert "same_person_proposed" in mila.household.issues()


async def test_all_witnesses_are_answered_wherever_it_comes_from(mila: Mila) -> None:
    await is_low(mila, minutes=300)
    await dexcom_tells(mila)
    sensor = mila.entity(mila.dexcom, "low")

    def has(what: str) -> set[bool]:
        [low] = mila.episodes("low")
        assert len(low.witnesses) == 2
        # Dexcom's is not believed to go on for as long.
        going_on = [one for one in low.witnesses if one.episode.is_open]
        return {bool(getattr(one.episode, what)) for one in (low, *going_on)}

    answer = await mila.call("acknowledge", entity_id=sensor)
    assert (len(answer["acknowledged"]), has("acknowledgement")) == (2, {True})
    rang = len(mila.annas.rang)
    await mila.house.pass_time(minutes=20)
    assert len(mila.annas.rang) == rang
    await mila.call("unacknowledge", entity_id=sensor)
    assert has("acknowledgement") == {False}
    await mila.minutes(1)
    assert len(mila.annas.rang) > rang

    await mila.bens.press("I have it")
    assert has("acknowledgement") == {True}
    await mila.call("unacknowledge", entity_id=mila.entity(mila.tidepool, "low"))
    assert has("acknowledgement") == {False}

    await mila.call("snooze", entity_id=sensor, duration="00:30:00")
    assert has("snoozed_until") == {True}
    rang = len(mila.annas.rang)
    await mila.house.pass_time(minutes=20)
    assert len(mila.annas.rang) == rang
    await mila.call("unsnooze", entity_id=sensor)
    assert has("snoozed_until") == {False}

    # What a screen shows is known by the id of the first of them, whoever's sensor it is of.
    [low] = mila.episodes("low")
    which = low.episode.episode_id
    await mila.call("snooze", entity_id=sensor, duration="00:30:00", episode_id=which)
    assert has("snoozed_until") == {True}
    await mila.call("unsnooze", device_id=mila.devices[1])
    assert has("snoozed_until") == {False}
    await mila.house.press("acknowledge_all", mila.wearer.user_id, mila.dexcom)
    await mila.house.settle()
    assert has("acknowledgement") == {True}


async def test_what_is_done_about_a_person_is_done_about_what_all_sources_have(mila: Mila) -> None:
    """A snooze of the person, wherever it is aimed; and what another source alone has of them."""
    hass = mila.house.hass
    tidepool, dexcom = mila.devices

    async def call(action: str, user: User | None = None, **data: Any) -> list[str]:
        answer: Any = await hass.services.async_call(
            DOMAIN,
            action,
            data,
            blocking=True,
            return_response=True,
            context=Context(user_id=user.id if user else None),
        )
        await mila.house.settle()
        return [one["device_id"] for one in answer[f"{action.removesuffix('e')}ed"]]

    async def dexcom_has(alert: str) -> int:
        rang = len(mila.annas.rang)
        mila.wearer.add_alert(alert, mila.house.now, uploaded_at=mila.house.now)
        for _ in range(4):
            await mila.house.pass_time(minutes=10)
        return len(mila.annas.rang) - rang

    assert await call("snooze", device_id=tidepool, duration="02:00:00") == [tidepool, dexcom]
    assert await dexcom_has("high") == 0
    # What is severe is never silenced by that.
    assert await dexcom_has("urgentLow")
    only_dexcom = somebody(hass, device_ids={dexcom: True})
    assert await call("unsnooze", only_dexcom, device_id=dexcom) == [dexcom]
    assert await call("unsnooze", device_id=dexcom) == [tidepool]
    assert await call("snooze", only_dexcom, device_id=dexcom, duration="02:00:00") == [dexcom]
    # A source as a whole is that source.
    source = mila.house.source_device(mila.tidepool).id
    assert await call("snooze", device_id=source, duration="02:00:00") == [source]
    assert set(await call("unsnooze", device_id=dexcom)) == {dexcom}

    def nobodys() -> set[str]:
        return {
            one.episode.topic.alert_type
            for kind in ("high", "urgent_low")
            for one in mila.episodes(kind)
            if one.episode.acknowledgement is None
        }

    assert nobodys() == {"high", "urgent_low"}
    assert await call("acknowledge", device_id=tidepool) == [dexcom, dexcom]
    assert nobodys() == set()
    assert await call("unacknowledge", device_id=tidepool) == [dexcom, dexcom]
    await mila.house.press("acknowledge_all", mila.child.user_id, mila.tidepool)
    await mila.house.settle()
    assert nobodys() == set()


async def test_a_late_witness_that_is_worse_is_told(mila: Mila) -> None:
    await is_low(mila, minutes=300)
    await mila.annas.press("I have it")
    now = mila.house.now
    mila.wearer.add_alert("urgentLow", now, uploaded_at=now + LATE)
    await dexcom_tells(mila)
    told = [one["title"] for one in mila.annas.rang]
    assert (told[0], set(told[1:])) == ("Mila: Low", {"Mila: Urgent low"})
    assert len(mila.annas.screen) == 1


async def test_a_late_witness_is_no_line_of_the_digest_but_where_it_is_worse(mila: Mila) -> None:
    await is_low(mila, minutes=300)
    now = mila.house.now
    for kind, minutes in (("low", 1), ("urgentLow", 2)):
        at = now + timedelta(minutes=minutes)
        mila.wearer.add_alert(kind, at, uploaded_at=now + 3 * LATE)
    await mila.home.automate(
        "digest", phones=[mila.annas.device_id], at="20:05:00", night_from="20:00:00"
    )
    for _ in range(16):
        await mila.house.pass_time(minutes=25)
    await mila.minutes(25)
    [digest] = [one["message"] for one in mila.annas.pushed if one.get("title") == "Last night"]
    late = digest.split("Reached us late:\n")[1]
    assert re.findall(r"^Mila: (.*), observed on", late, re.MULTILINE) == ["Urgent low"]
    [dexcom] = [
        one
        for one in mila.devices
        if (found := person_of(mila.house.hass, one)) and not found[0].source_type.is_live
    ]

    async def news(user: User | None) -> dict[str, bool]:
        answer = await mila.house.hass.services.async_call(
            DOMAIN,
            "get_alerts",
            {"device_id": dexcom},
            blocking=True,
            return_response=True,
            context=Context(user_id=user.id if user else None),
        )
        alerts: Any = (answer or {})["alerts"]
        return {
            one["alert_type"]: one["is_news"]
            for one in alerts
            if one["alert_type"] in ("low", "urgent_low")
        }

    assert await news(None) == {"low": False, "urgent_low": True}
    # Of what a user may not see, they hear nothing.
    only_dexcom = somebody(mila.house.hass, device_ids={dexcom: {"read": True}})
    assert await news(only_dexcom) == {"low": True, "urgent_low": True}


async def test_what_was_lost_is_not_told_again_by_who_tells_of_it_later(mila: Mila) -> None:
    """Tidepool has nothing more ten minutes into the low, and Dexcom nothing newer of it."""
    now = mila.house.now
    low = dip(now + timedelta(minutes=5), 65, 300)
    mila.wearer.add_session(now, now + timedelta(hours=8), low)
    mila.wearer.add_alert("low", now + timedelta(minutes=15), state="activeSnoozed")
    for number in range(4):
        mila.reads(now + timedelta(minutes=5 * number), low)
    for _ in range(8):
        await mila.house.pass_time(minutes=10)

    def told() -> int:
        return len([one for one in mila.annas.rang if one["title"] == "Mila: Low"])

    told_before = told()
    assert told_before
    await dexcom_tells(mila)
    [low_of_both] = mila.episodes("low")
    assert len(low_of_both.witnesses) == 2
    assert low_of_both.episode.end_reason is EndReason.EXPIRED
    assert told() == told_before


async def test_their_glucose_has_one_unit_that_of_the_live_source(mila: Mila) -> None:
    hass = mila.house.hass
    found = [person_of(hass, one) for one in reversed(mila.devices)]
    people = [one for one in found if one]
    (dexcom, her), (tidepool, same) = people
    unit = unit_of(hass, tidepool, same.person.person_id)
    sensor = mila.house.entity_id("sensor", "glucose", mila.wearer.user_id, mila.dexcom)
    other = "mg/dL" if unit == "mmol/L" else "mmol/L"
    er.async_get(hass).async_update_entity_options(sensor, "sensor", {"unit_of_measurement": other})
    assert unit_of(hass, dexcom, her.person.person_id) == other
    assert [unit_of_person(hass, *one) for one in people] == [unit, unit]
    await hass.config_entries.async_unload(mila.tidepool.entry_id)
    assert unit_of_person(hass, dexcom, her) == other


async def test_one_who_is_gone_from_a_source(mila: Mila) -> None:
    dr.async_get(mila.house.hass).async_remove_device(mila.device(mila.dexcom))
    await mila.minutes(2)
    assert "same_person_gone" in mila.household.issues()
    await is_low(mila)
    assert [one["title"] for one in mila.annas.rang] == ["Mila: Low"]


async def test_it_is_proposed_by_name_and_never_done_by_itself(home: Home) -> None:
    mila = await Mila.moves_in(home, is_one=False)
    hass = mila.house.hass
    await mila.minutes(1)
    assert "same_person_proposed" in mila.household.issues()
    assert same_people_of(mila.household.entry) == []
    [issue] = [
        one
        for one in ir.async_get(hass).issues.values()
        if one.translation_key == "same_person_proposed"
    ]
    assert issue.translation_placeholders
    assert issue.translation_placeholders["name"] == "Mila"
    assert set(issue.translation_placeholders["sources"].split(", ")) == {"Mila", "Tidepool"}
    flow = await async_create_fix_flow(hass, issue.issue_id, issue.data)
    assert isinstance(flow, SamePersonFlow)
    flow.hass, flow.issue_id = hass, issue.issue_id
    assert (await flow.async_step_init())["step_id"] == "confirm"
    done = await flow.async_step_confirm({})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await mila.house.settle()
    entry = hass.config_entries.async_get_known_entry(mila.household.entry.entry_id)
    [link] = same_people_of(entry)
    assert (link.name, set(link.people)) == ("Mila", set(mila.devices))
    await mila.minutes(1)
    assert "same_person_proposed" not in mila.household.issues()
    assert (await flow.async_step_confirm({}))["reason"] == "nobody_the_same"

    # The form of the household proposes it, too, until it is said; and refuses what may not be.
    opened = await hass.config_entries.subentries.async_init(
        (entry.entry_id, SAME_PERSON), context={"source": SOURCE_USER}
    )
    for people, error in (
        (mila.devices[:1], "needs_two"),
        (mila.devices, "is_another"),
    ):
        refused = await hass.config_entries.subentries.async_configure(
            opened["flow_id"], {"people": people}
        )
        assert refused["errors"] == {"people": error}

    # It can be changed: called otherwise, or of others.
    changed = await hass.config_entries.subentries.async_init(
        (entry.entry_id, SAME_PERSON),
        context={"source": SOURCE_RECONFIGURE, "subentry_id": link.same_id},
    )
    await hass.config_entries.subentries.async_configure(
        changed["flow_id"], {"name": "Mila J.", "people": mila.devices}
    )
    await mila.house.settle()
    [link] = same_people_of(entry)
    assert link.name == "Mila J."


async def test_a_plan_for_what_one_source_has_is_for_the_person(home: Home) -> None:
    mila = await Mila.moves_in(home, whose={})
    household = mila.household.responder.household
    assert household
    [only] = household.all_plans
    assert [len(household.all_plans), only.whose] == [1, {}]
    await is_low(mila)
    assert len(mila.annas.rang) == 1
