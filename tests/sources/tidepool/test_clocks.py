"""A sender's clock that is wrong: what keeps coming is judged by when it comes, and somebody is told whose clock it is."""

from datetime import datetime, timedelta

from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.helpers import issue_registry as ir
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st
import pytest

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.sources.tidepool.clocks import Clock
from custom_components.care_alerts.sources.tidepool.readings import Readings
from custom_components.care_alerts.sources.tidepool.records import Reading
from simulator.tidepool import Uploader, old_loop, xdrip
from tests.conftest import NOON

from .conftest import SETTINGS, Follower
from .test_evaluator import Night, alert_settings, at, reading
from .test_senders import episodes_of, told

PHONES = {
    "Loop": Uploader(origin="org.tidepool.Loop", version="3.4.1", device_id="DexG7_1"),
    "old Loop": old_loop(),
    "xDrip+": xdrip(),
}


def phone_of(name: str, minutes: float) -> Uploader:
    """Somebody's phone whose clock is so far ahead."""
    kind = PHONES[name]
    return Uploader(
        origin=kind.origin,
        version=kind.version,
        device_id=kind.device_id,
        data_set=kind.data_set,
        clock_ahead=timedelta(minutes=minutes),
    )


def clocks(follower: Follower, key: str = "clock_ahead") -> list[dict[str, str]]:
    """The clocks that somebody is asked to set right."""
    return [
        issue.translation_placeholders or {}
        for issue in ir.async_get(follower.house.hass).issues.values()
        if issue.domain == DOMAIN and issue.translation_key == key
    ]


async def reads_on(follower: Follower, by: Uploader, *values: float) -> None:
    """A value every five minutes, the first one now; time passes to just before the next."""
    for value in values:
        follower.reads(value, by=by)
        for seconds in (30, 30, 60, 180):
            await follower.house.pass_time(seconds=seconds)


@pytest.mark.parametrize(
    ("ahead", "name", "known"),
    [
        (7, "Loop", 20),
        (12, "xDrip+", 1),
        (15, "Loop", 0),
        (15, "xDrip+", 20),
        (60, "old Loop", 1),
        (60, "xDrip+", 20),
        (180, "Loop", 20),
        (24 * 60, "old Loop", 0),
        (3 * 24 * 60, "xDrip+", 20),
    ],
)
async def test_a_clock_that_is_ahead_delays_no_urgent_low(
    follower: Follower, caplog: pytest.LogCaptureFixture, ahead: float, name: str, known: int
) -> None:
    """However many readings the first answer held: it is told within seconds, shown with its true time, and once."""
    house, phone = follower.house, phone_of(name, ahead)
    for ago in range(5 * known, 0, -5):
        follower.reads(100, ago=ago, by=phone)
    await follower.start()
    await reads_on(follower, phone, 100, 100)
    assert float(follower.state("sensor", "last_reading").attributes["value"]) == pytest.approx(
        100 / 18.01559, abs=0.01
    )
    made_at = house.now
    follower.reads(50, by=phone)
    # When the newest was made is not known to the second: a little later than usual.
    for _ in range(3):
        await house.pass_time(seconds=30)
    (alert,) = told(follower, "urgent_low")
    assert alert["late"] is False
    observed_at = datetime.fromisoformat(alert["observed_at"])
    assert abs(observed_at - made_at) <= timedelta(seconds=90)
    await house.pass_time(minutes=3, seconds=30)
    await reads_on(follower, phone, 49, 48, 47)
    assert follower.state("binary_sensor", "urgent_low").state == STATE_ON
    assert len(told(follower, "urgent_low")) == 1
    assert len(told(follower, "low")) == 1
    (clock,) = clocks(follower)
    assert (clock["name"], clock["entry"]) == ("Jill", "Tidepool")
    assert abs(int(clock["minutes"]) - ahead) <= 1
    assert (phone.device_id or "") in clock["device"]
    assert (phone.origin or "") in clock["device"]
    assert not [one for one in caplog.records if "could not be read" in one.message]
    await reads_on(follower, phone, 90)
    assert follower.state("binary_sensor", "urgent_low").state == STATE_OFF
    assert follower.of_source("binary_sensor", "silent") == STATE_OFF


@pytest.mark.parametrize(
    ("before", "after"), [(15, 0), (60, 0), (180, 0), (0, 15), (0, 90), (90, 15), (15, 90), (60, 3)]
)
async def test_a_clock_that_is_set_in_the_middle_of_a_low(
    follower: Follower, before: float, after: float
) -> None:
    """Times that come again, or are left out: every reading counts, and the low is one."""
    house, phone = follower.house, phone_of("Loop", before)
    await follower.start()
    await reads_on(follower, phone, 100, 100, 100, 50, 49)
    phone.clock_ahead = timedelta(minutes=after)
    await reads_on(follower, phone, 48, 47, 46)
    assert follower.state("binary_sensor", "urgent_low").state == STATE_ON
    assert len(told(follower, "urgent_low")) == 1
    last = datetime.fromisoformat(follower.state("sensor", "last_reading").state)
    assert timedelta(minutes=3) <= house.now - last <= timedelta(minutes=8, seconds=30)
    await reads_on(follower, phone, 100)
    assert follower.state("binary_sensor", "urgent_low").state == STATE_OFF
    assert len(clocks(follower)) == (after > 5)
    # Another one, at times that it told before.
    await reads_on(follower, phone, 50, 90)
    assert len(told(follower, "urgent_low")) == 2


async def test_a_clock_that_is_right_again_goes_from_the_repairs(follower: Follower) -> None:
    phone = phone_of("xDrip+", 45)
    await follower.start()
    await reads_on(follower, phone, 100, 100, 100)
    (clock,) = clocks(follower)
    assert clock["device"] == "xDrip+ / AndroidAPS"
    assert abs(int(clock["minutes"]) - 45) <= 1
    phone.clock_ahead = timedelta()
    await reads_on(follower, phone, 100)
    assert clocks(follower) == []
    assert float(follower.state("sensor", "glucose").state) == pytest.approx(100, abs=0.1)
    phone.clock_ahead = timedelta(minutes=45)
    await reads_on(follower, phone, 100, 100)
    assert len(clocks(follower)) == 1
    # Or its phone is another one now.
    for _ in range(25 * 12):
        await reads_on(follower, PHONES["Loop"], 100)
    assert clocks(follower) == []


@pytest.mark.parametrize("behind", [20, 60, 62, 180])
async def test_a_clock_that_is_set_back_is_seen_to_tell_times_again(
    follower: Follower, behind: float
) -> None:
    """Within two looks back it is judged by arrival, and named; without that it would be late for ever."""
    house, phone = follower.house, phone_of("Loop", 0)
    for ago in range(240, 0, -5):
        follower.reads(100, ago=ago, by=phone)
    await follower.start()
    await reads_on(follower, phone, 100, 100)
    phone.clock_ahead = -timedelta(minutes=behind)
    await reads_on(follower, phone, *[100] * 5)
    assert float(follower.state("sensor", "glucose").state) == pytest.approx(100, abs=0.1)
    await reads_on(follower, phone, 50, 49, 48)
    (alert,) = told(follower, "urgent_low")
    assert alert["late"] is False
    (clock,) = clocks(follower, "clock_behind")
    # As sharp as we ask for what is overdue.
    assert 0 <= int(clock["minutes"]) - behind <= 3
    await house.hass.config_entries.async_reload(follower.entry.entry_id)
    await house.settle()
    await reads_on(follower, phone, 47)
    phone.clock_ahead = timedelta()
    await reads_on(follower, phone, 46, 90)
    assert follower.state("binary_sensor", "urgent_low").state == STATE_OFF
    assert len(told(follower, "urgent_low")) == 1
    assert clocks(follower, "clock_behind") == []


async def test_what_is_uploaded_late_is_no_clock_that_is_behind(follower: Follower) -> None:
    """A gap that is filled in, piece by piece: nothing of it is now."""
    house, phone = follower.house, phone_of("Loop", 0)
    for ago in range(240, 120, -5):
        follower.reads(100, ago=ago, by=phone)
    follower.reads(100, ago=1, by=phone)
    await follower.start()
    for _ in range(11):
        time = house.now - timedelta(minutes=115)
        follower.jill.add_reading(time, 2.8, uploaded_at=house.now, by=phone)
        for _ in range(5):
            await house.pass_time(minutes=1)
    assert clocks(follower, "clock_behind") == []
    assert {one["late"] for one in told(follower, "urgent_low")} <= {True}
    assert follower.state("binary_sensor", "urgent_low").state != STATE_ON


@pytest.mark.parametrize("set_right", [False, True])
async def test_a_restart_forgets_no_clock(follower: Follower, set_right: bool) -> None:
    """What came before it comes again, all at once: it is no news, whatever time it tells."""
    house, phone = follower.house, phone_of("Loop", 60)
    await follower.start()
    await reads_on(follower, phone, 100, 50, 49, 90, 90, 50, 49)
    assert len(told(follower, "urgent_low")) == 2
    if set_right:
        phone.clock_ahead = timedelta()
    await reads_on(follower, phone, 48)
    seen = follower.state("sensor", "last_reading").state
    for _ in range(2):
        await house.hass.config_entries.async_reload(follower.entry.entry_id)
        await house.settle()
        assert follower.state("sensor", "last_reading").state == seen
        assert len(clocks(follower)) == (not set_right)
    await reads_on(follower, phone, 47, 46, 90, 90)
    assert follower.state("binary_sensor", "urgent_low").state == STATE_OFF
    assert len(told(follower, "urgent_low")) == 2


async def test_a_phone_that_is_right_beside_one_that_is_not(follower: Follower) -> None:
    house, wrong, right = follower.house, phone_of("xDrip+", 60), phone_of("Loop", 0)
    await follower.start()
    for value in (100, 100, 65, 65, 65, 65):
        follower.reads(value, by=wrong)
        await house.pass_time(minutes=2)
        follower.reads(90, by=right)
        await house.pass_time(minutes=3)
    (alert,) = told(follower, "low")
    assert alert["late"] is False
    assert len(clocks(follower)) == 1


async def test_what_has_been_lying_in_the_future_is_not_now(follower: Follower) -> None:
    """A phone whose clock was wrong, and that has stopped: nobody saw when it sent that."""
    house = follower.house
    for ahead in (2 * 24 * 60, 2 * 24 * 60 + 5):
        follower.jill.add_reading(
            NOON + timedelta(minutes=ahead), 2.8, uploaded_at=NOON - timedelta(hours=5)
        )
    await follower.start()
    for _ in range(20):
        await house.pass_time(minutes=5)
    assert told(follower, "urgent_low") == []
    assert follower.state("sensor", "glucose").state == "unknown"
    assert clocks(follower) == []
    # Nor when its time has come.
    await house.pass_time(hours=46)
    for _ in range(12):
        await house.pass_time(minutes=5)
    assert told(follower, "urgent_low") == []


async def test_loop_goes_on_though_its_phone_is_ahead(follower: Follower) -> None:
    house, phone = follower.house, phone_of("Loop", 60)
    looping = {"enabled": True, "delay": 30}
    follower.jill.set_settings(follower.account, {**SETTINGS, "notLooping": looping})
    await follower.start()
    for _ in range(12):
        follower.jill.add_loop_decision(house.now + phone.clock_ahead, uploaded_at=house.now)
        await reads_on(follower, phone, 100)
    assert follower.state("binary_sensor", "not_looping").state == STATE_OFF
    for _ in range(7):
        await reads_on(follower, phone, 100)
    assert follower.state("binary_sensor", "not_looping").state == STATE_ON
    assert len(told(follower, "not_looping")) == 1


# Of any clocks.


@st.composite
def phones(draw: st.DrawFn) -> list[tuple[int, list[tuple[int, int]], list[int]]]:
    """Phones: each one's phase (seconds), its clock (from which reading on how many minutes ahead), and its values."""
    number = draw(st.integers(1, 3))
    # What ends on one and begins on another within a minute or two is one or two by a clock's inexactness.
    phases = draw(st.permutations([3, 101, 203]))[:number]
    length = draw(st.integers(6, 30))
    # A step of some minutes is noticed after three readings, a larger one at once.
    set_to = st.integers(0, 50).map(lambda steps: 8 * steps) | st.sampled_from([0, 0, 1440])
    ahead = set_to | st.sampled_from([1, 6])
    return [
        (
            phase,
            [
                (0, draw(ahead)),
                *draw(st.lists(st.tuples(st.integers(1, length), set_to), max_size=2)),
            ],
            [90, *draw(st.lists(st.sampled_from([50, 90, 90]), min_size=length, max_size=length))],
        )
        for phase in phases
    ]


@given(
    st.sampled_from([4, 5]).flatmap(lambda every: st.permutations(range(0, 180, every)[1:])),
    st.lists(st.tuples(st.integers(1, 5), st.integers(0, 2)), min_size=45, max_size=50),
)
@hypothesis_settings(max_examples=300, deadline=None)
def test_what_was_left_out_and_is_sent_in_parts_is_no_clock_that_was_set_back(
    left_out: list[int], parts: list[tuple[int, int]]
) -> None:
    """After a reading that is live, in any order and any parts: each was made when it says."""
    night = Night(alert_settings("urgent_low", 55))
    minute = 180
    made = [0, *sorted(left_out), minute]
    night.evaluate(1, reading(0, 90))
    night.evaluate(minute, reading(minute, 90))
    for size, waited in parts:
        part, left_out = left_out[:size], left_out[size:]
        minute += waited
        night.evaluate(minute, *(reading(one, 90) for one in part))
    (observed,) = night.readings.by_device().values()
    assert [one.observed_at for one in observed] == [at(one) for one in made]
    assert not any(clock.ahead for clock in night.readings.clocks)


@given(phones(), st.sampled_from([0, 4, 20]), st.booleans())
@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_number_of_clocks(
    some: list[tuple[int, list[tuple[int, int]], list[int]]], takes: int, restarts: bool
) -> None:
    """Each urgent low of any of them is told when its reading comes, and once, wherever their clocks stand or are set."""
    arriving: list[tuple[float, Reading]] = []
    lows: list[tuple[float, float]] = []
    for number, (phase, settings, values) in enumerate(some):
        begin: float | None = None
        for n, value in enumerate(values):
            minute = n * 5 + phase / 60
            ahead = [minutes for at_reading, minutes in sorted(settings) if at_reading <= n][-1]
            arriving.append(
                (
                    minute + takes / 60,
                    Reading(
                        time=at(minute + ahead),
                        kind="cbg",
                        device=f"phone {number}",
                        value=value,
                        unit="mg/dL",
                        record_id=f"{number} {n}",
                    ),
                )
            )
            if value == 50 and begin is None:
                begin = minute
            if value == 90 and begin is not None:
                lows.append((begin, minute))
                begin = None
        if begin is not None:
            lows.append((begin, minute + 15))
    arriving.sort(key=lambda one: one[0])
    night = Night(alert_settings("urgent_low", 55))
    # Somebody is followed already, and asked for every minute.
    night.evaluate(-1)
    received: list[Reading] = []
    for n, (minute, arrived) in enumerate(arriving):
        received.append(arrived)
        night.readings.heard_at = at(minute - 1)
        if restarts and n % 7 == 3:
            kept = [Clock.from_dict(clock.to_dict()) for clock in night.readings.clocks]
            night.readings = Readings(covered_from=at(-1440), heard_at=at(minute - 1), clocks=kept)
            night.evaluate(minute - 0.01, *received[:-1])
        night.evaluate(minute, *received)
    truth = episodes_of(lows)
    alerts = [(alert.received_at - at(0)) / timedelta(minutes=1) for alert in night.told]
    assert alerts == pytest.approx([begin + takes / 60 for begin, _ in truth], abs=0.02)
    for alert in night.told:
        assert not alert.late
        assert timedelta() <= alert.received_at - alert.observed_at <= timedelta(minutes=8)


def test_another_version_of_a_reading_keeps_its_date() -> None:
    clock = Clock(sender=reading(0, 100).sender)
    clock.date({"seen": at(0)}, at(1), is_seen=True)
    clock.date({"from the future": at(60)}, at(1), is_seen=False)
    before = clock.dates | clock.undated
    clock.replace("seen", "seen anew")
    clock.replace("from the future", "corrected")
    clock.replace("of which nobody knows", "neither")
    assert clock.dates | clock.undated == {
        "seen anew": before["seen"],
        "corrected": before["from the future"],
    }


def test_what_a_clock_of_ours_that_was_ahead_has_noted_is_forgotten() -> None:
    clock = Clock(sender=reading(0, 100).sender)
    clock.date({"now": at(60)}, at(61), is_seen=True)
    clock.not_after(at(61))
    assert (clock.heard_at, set(clock.dates)) == (at(61), {"now"})
    clock.not_after(at(30))
    assert (clock.heard_at, clock.newest, clock.dates) == (None, None, {})
