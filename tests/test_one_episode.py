"""One episode: sensor, event entity, triggers and `get_alerts` name the same one, whatever its age."""

from datetime import datetime, timedelta
from typing import Any

from homeassistant.core import State
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.care_alerts.const import DOMAIN
from simulator.dexcom import Wearer
from tests.care import Heard, automate, trigger
from tests.conftest import NOON, House, told
from tests.sources.tidepool.conftest import SETTINGS
from tests.wear import live, minutes, wear

DAY = timedelta(days=1)


@pytest.fixture
def oma(house: House) -> Wearer:
    """Somebody who has worn a sensor for a day and goes on; her phone's data are there an hour later."""
    wearer = house.sim.dexcom.wearer("SandboxUser7")
    wear(wearer)
    return wearer


async def listen(house: House) -> Heard:
    """An automation that waits for alerts, late ones too, and for their ends."""
    return await automate(
        house.hass,
        trigger("alert_received", include_late=True),
        trigger("alert_ended", include_late=True),
    )


async def get_alerts(house: House, entry: MockConfigEntry) -> dict[str, Any]:
    """All alerts and episodes of a source."""
    answer: Any = await house.hass.services.async_call(
        DOMAIN,
        "get_alerts",
        {"device_id": house.source_device(entry).id},
        blocking=True,
        return_response=True,
    )
    return dict(answer)


def ids(alerts: list[dict[str, Any]]) -> list[str | None]:
    """The episodes that each of these belongs to."""
    return [one["episode_id"] for one in alerts]


async def test_lows_less_than_the_hold_apart_are_one_episode_everywhere(
    house: House, oma: Wearer, announced: list[State]
) -> None:
    entry = await house.set_up(await house.dexcom_entry(oma))
    heard = await listen(house)
    at = [NOON + minutes(number) for number in (0, 90, 150)]
    for moment in at:
        oma.add_alert("low", moment)
    await live(house, minutes(240))

    sensor = house.state("binary_sensor", "low", oma.user_id, entry)
    assert sensor.state == "on"
    the_one = sensor.attributes["episode_id"]
    assert told(announced, "episode_id") == [the_one] * 3
    received = heard.of("alert_received")
    assert ids(received) == ids([one["alert"] for one in received]) == [the_one] * 3

    await live(house, minutes(60))
    # Its end was told as well while the second low was still on its way.
    ended = heard.of("alert_ended")
    assert ids(ended) == ids([one["alert"] for one in ended]) == [the_one] * 2
    answer = await get_alerts(house, entry)
    assert ids(answer["alerts"]) == [the_one] * 3
    [episode] = answer["episodes"]
    assert episode["episode_id"] == the_one
    assert [episode["since"], episode["last_seen"]] == [at[0].isoformat(), at[-1].isoformat()]
    assert [episode["ended_at"], episode["end_reason"]] == [
        (at[-1] + minutes(120)).isoformat(),
        "expired",
    ]


async def test_urgent_lows_with_a_value_in_range_between_are_two_episodes_everywhere(
    house: House, announced: list[State]
) -> None:
    account = house.sim.tidepool.account
    jill = house.sim.tidepool.add_child("Jill")
    jill.share_with(account)
    jill.set_settings(account, SETTINGS | {"low": {**SETTINGS["low"], "enabled": False}})
    await house.until(NOON.replace(hour=16, minute=19))
    jill.add_reading(house.now, 6.2)
    entry = await house.set_up(house.tidepool_entry())
    heard = await listen(house)
    seen = []
    for minute, value in ((25, 2.9), (31, 6.4), (37, 2.8)):
        await house.until(NOON.replace(hour=16, minute=minute))
        jill.add_reading(house.now, value)
        for _ in range(5):
            await house.pass_time(minutes=1)
        seen.append(house.state("binary_sensor", "urgent_low", jill.user_id, entry))

    first, between, second = (one.attributes["episode_id"] for one in seen)
    assert [one.state for one in seen] == ["on", "off", "on"]
    assert first == between != second
    assert told(announced, "episode_id") == [first, second]
    received = heard.of("alert_received")
    assert ids(received) == ids([one["alert"] for one in received]) == [first, second]
    assert ids(heard.of("alert_ended")) == [first]
    answer = await get_alerts(house, entry)
    assert ids(answer["alerts"]) == [first, second]
    assert [
        (one["episode_id"], one["since"][11:16], one["ended_at"] and one["ended_at"][11:16])
        for one in answer["episodes"]
    ] == [(first, "16:25", "16:31"), (second, "16:37", None)]


async def test_episodes_of_long_ago_are_told_apart_too(house: House, oma: Wearer) -> None:
    long_ago = [NOON - 20 * DAY + minutes(number) for number in (0, 90, 150, 400)]
    for moment in long_ago:
        oma.add_alert("low", moment)
    oma.add_alert("low", NOON - 9 * DAY)
    oma.add_alert("low", NOON - 9 * DAY + minutes(30), state="inactive")
    oma.add_alert("low", NOON - minutes(70))
    entry = await house.set_up(await house.dexcom_entry(oma))

    answer = await get_alerts(house, entry)
    named = ids(answer["alerts"])
    first, second, third, newest = dict.fromkeys(named)
    assert None not in named
    assert named == [first, first, first, second, third, third, newest]
    assert [(one["episode_id"], one["since"], one["end_reason"]) for one in answer["episodes"]] == [
        (first, long_ago[0].isoformat(), "expired"),
        (second, long_ago[3].isoformat(), "expired"),
        (third, (NOON - 9 * DAY).isoformat(), "source"),
        (newest, (NOON - minutes(70)).isoformat(), None),
    ]
    assert (
        newest == house.state("binary_sensor", "low", oma.user_id, entry).attributes["episode_id"]
    )


async def test_an_episode_keeps_its_id_as_it_grows_old(
    house: House, oma: Wearer, announced: list[State]
) -> None:
    wear(oma, NOON + 2 * DAY, NOON + 6 * DAY)
    entry = await house.set_up(await house.dexcom_entry(oma))
    oma.add_alert("low", NOON)
    oma.add_alert("low", NOON + minutes(100))
    oma.add_alert("low", NOON + 5 * DAY)
    await live(house, minutes(200))
    named = told(announced, "episode_id")
    for _ in range(5):
        await house.until(house.now + DAY)
    await live(house, minutes(90))
    assert ids((await get_alerts(house, entry))["alerts"]) == told(announced, "episode_id")
    assert told(announced, "episode_id")[:2] == named


async def test_the_end_of_an_episode_that_had_expired_names_it_too(
    house: House, oma: Wearer, announced: list[State]
) -> None:
    entry = await house.set_up(await house.dexcom_entry(oma))
    oma.add_alert("high", NOON)
    oma.add_alert("high", NOON + minutes(150), state="inactive")
    await live(house, minutes(240))
    sensor = house.state("binary_sensor", "high", oma.user_id, entry)
    assert sensor.attributes["end_reason"] == "expired"
    answer = await get_alerts(house, entry)
    assert ids(answer["alerts"]) == [sensor.attributes["episode_id"]] * 2
    assert told(announced, "episode_id") == ids(answer["alerts"])
    assert len(answer["episodes"]) == 1


async def test_what_comes_weeks_late_names_its_episode(
    house: House, oma: Wearer, announced: list[State]
) -> None:
    entry = await house.set_up(await house.dexcom_entry(oma))
    heard = await listen(house)
    at: list[datetime] = [NOON - 10 * DAY + minutes(number) for number in (0, 60)]
    for moment in at:
        oma.add_alert("low", moment, uploaded_at=NOON + minutes(5))
    oma.add_alert("low", NOON - minutes(5))
    for _ in range(3):
        await house.until(house.now + DAY)

    answer = await get_alerts(house, entry)
    assert None not in ids(answer["alerts"])
    assert told(announced, "episode_id") == ids(answer["alerts"])
    assert ids(heard.of("alert_received")) == ids(answer["alerts"])
