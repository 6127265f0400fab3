"""Thresholds that switch back: whatever happens, what somebody wrote is there in the end."""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
import json
from typing import Any

from hypothesis import given, settings as hypothesis_settings, strategies as st
import pytest

from custom_components.care_alerts.alerts.glucose import MG_DL
from custom_components.care_alerts.sources.http import ApiError, RefusedError
from custom_components.care_alerts.sources.settings import NotDoneError, Profile
from custom_components.care_alerts.sources.tidepool.evaluator import AlertEvaluator
from custom_components.care_alerts.sources.tidepool.people import Followed, PollState
from custom_components.care_alerts.sources.tidepool.profiles import Switched, amounts_of
from custom_components.care_alerts.sources.tidepool.settings import Settings
from custom_components.care_alerts.sources.tidepool.thresholds import ThresholdKeeper

from .conftest import threshold

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
JILL = "jill"

DOCUMENT: dict[str, Any] = {
    "userId": "me",
    "followedUserId": JILL,
    "urgentLow": {"enabled": True, "threshold": threshold(55)},
    "low": {"enabled": True, "delay": 10, "repeat": 30, "threshold": threshold(70), "new": 1},
    # The server takes more than we write.
    "high": {"enabled": True, "delay": 300, "threshold": threshold(250)},
    "noCommunication": {"enabled": True, "delay": 30},
    "notLooping": {"enabled": False},
    "somethingNew": {"a": 1},
}

OUT_OF_ORDER: list[dict[str, Any]] = [
    {"enabled": True, "delay": 10, "repeat": 30, "threshold": threshold(55)},
    {"enabled": False, "delay": 10, "repeat": 30, "threshold": threshold(50)},
    {"enabled": False, "threshold": threshold(0)},
]
"""Low beside that urgent low, as Tidepool takes it."""


class GoneError(BaseException):
    """Home Assistant is no more."""


@dataclass
class Tidepool:
    """The server, as far as settings go; `fails` says how the next write does, `deaf` that reading fails from then on."""

    document: dict[str, Any] = field(default_factory=lambda: deepcopy(DOCUMENT))
    fails: str = ""
    is_deaf: bool = False
    writes: int = 0

    async def alerts(self, *_: str, whole: bool = False) -> dict[str, Any]:
        """Answer what there is."""
        if self.is_deaf:
            raise ApiError("down")
        return deepcopy(self.document)

    async def write_alerts(self, _: str, __: str, alerts: Mapping[str, Any]) -> None:
        """Take a change, or not, and answer, or not."""
        self.writes += 1
        how, self.fails = self.fails, ""
        if how == "dropped":
            return
        if how == "refused":
            raise RefusedError(400, "no")
        if "not" not in how:
            self.document |= deepcopy(dict(alerts))
        if "crash" in how:
            raise GoneError
        self.is_deaf = "deaf" in how
        if how:
            raise ApiError("lost")


class House:
    """Home Assistant, with a disk, as a keeper of thresholds sees it."""

    def __init__(self, tidepool: Tidepool) -> None:
        """Follow Jill for the first time."""
        self.tidepool = tidepool
        self.time = NOON
        self.disk = json.dumps(Switched().to_dict())
        self.start()

    def start(self) -> None:
        """Know what is on the disk."""
        self.jill = Followed(
            name="Jill",
            since=NOON,
            watch=AlertEvaluator(person_id=JILL),
            switched=Switched.from_dict(json.loads(self.disk)),
        )
        self.followed = {JILL: self.jill}
        self.polls = {JILL: PollState.due_at(NOON)}
        self.keeper = ThresholdKeeper(self.tidepool, "me", self, self)  # type: ignore[arg-type]

    def restart(self) -> None:
        """Start again from what is known now."""
        self.disk = json.dumps(self.jill.switched.to_dict())
        self.start()

    # A host and an owner.

    def settable(self) -> dict[str, PollState]:
        """Whose settings are asked for."""
        return self.polls

    def take_up(self, _: str, document: dict[str, Any] | None) -> None:
        """Take note of conflicts."""
        self.jill.switched = self.jill.switched.seen(Settings(document or {}))

    def unit_for(self, _: Followed | None) -> str:
        """The unit of this house."""
        return MG_DL

    def now(self) -> datetime:
        """The time."""
        return self.time

    def check_wait(self) -> None:
        """Wait for nobody."""

    def changed(self, *, write: bool = False) -> None:
        """Show nothing."""

    def ask_soon(self) -> None:
        """Wait for `settle`."""

    def wait_as_told(self, _: ApiError) -> None:
        """Wait for nobody."""

    async def save(self) -> None:
        """Write what there is."""
        self.disk = json.dumps(self.jill.switched.to_dict())

    # What is done in it.

    async def switch(self, one: Profile | None, hours: float | None = None) -> None:
        """Switch to a profile, or to none."""
        until = None if hours is None else self.time + hours * HOUR
        await self.keeper.async_switch(JILL, one, until=until)

    async def settle(self) -> None:
        """Do what is due, as each poll does."""
        due = self.jill.switched.due(self.time)
        if due and due <= self.time:
            await self.keeper.async_settle(JILL)


def profile(number: int = 0, *, confirmed: bool = False, **values: Any) -> Profile:
    """A profile in mg/dL."""
    return Profile(
        profile_id=str(number),
        name=f"Profile {number}",
        values=values,
        unit=MG_DL,
        is_confirmed=confirmed,
    )


PROFILES = [
    profile(0, low=80, high=300, high_repeat=30),
    profile(1, low=85, low_delay=0, high_delay=60),
    profile(2, low=80, low_delay=5, low_enabled=False, high_repeat=45),
    profile(3, low=70, high=250),
]
EDITED = {
    "low": (("low", "threshold"), range(56, 70)),
    "low_delay": (("low", "delay"), range(31, 100)),
    "high": (("high", "threshold"), range(310, 390)),
    "high_delay": (("high", "delay"), range(301, 350)),
    "high_repeat": (("high", "repeat"), range(50, 200)),
}
"""What somebody else sets on another device, each time to something that nobody has set before."""

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("apply"), st.integers(0, 3), st.sampled_from([None, 1, 2, 50])),
        st.tuples(st.just("change"), st.integers(0, 3)),
        st.tuples(st.just("end")),
        st.tuples(st.just("edit"), st.sampled_from(sorted(EDITED))),
        st.tuples(st.just("restart")),
        st.tuples(st.just("pass"), st.sampled_from([0.5, 1, 30])),
        st.tuples(
            st.just("fail"),
            st.sampled_from(
                [
                    "lost",
                    "lost not",
                    "lost deaf",
                    "lost not deaf",
                    "crash",
                    "crash not",
                    "dropped",
                ]
            ),
        ),
    ),
    max_size=14,
)


class Model:
    """What a child would say: the profile's values, and where it says nothing what somebody else wrote last."""

    def __init__(self, document: dict[str, Any]) -> None:
        """Nothing is switched."""
        self.theirs = {name: one.value for name, one in amounts_of(Settings(document)).items()}
        self.there = dict(self.theirs)
        self.until: datetime | None = None
        self.profile: Profile | None = None
        self.displaced: dict[str, Any] = {}
        """What a profile's values stand in the place of."""
        self.conflicts: dict[str, Any] = {}
        """What was there before where somebody else has changed a profile's value, once that is over."""

    def switch(
        self, one: Profile | None, until: datetime | None = None, but: Collection[str] = ()
    ) -> None:
        """Have the values of a profile, or of none, but for some."""
        values = one.values if one else {}
        for name, before in self.displaced.items():
            if name not in but and self.there[name] == self.theirs[name] != before:
                self.conflicts[name] = before
        kept = {name: before for name, before in self.displaced.items() if name in but}
        self.displaced = kept | {
            name: self.theirs[name]
            for name in values
            if name not in but and values[name] != self.theirs[name]
        }
        self.there = {
            name: value if name in but else values.get(name, value)
            for name, value in self.theirs.items()
        }
        self.profile, self.until = one, until if one else None

    def change(self, one: Profile) -> None:
        """Have what has become of a profile: what it says as before is not said anew."""
        old = self.profile.values if self.profile else {}
        said = [name for name, value in one.values.items() if old.get(name) == value]
        self.switch(one, self.until, [name for name in said if self.there[name] != old[name]])

    def edit(self, name: str, value: float) -> None:
        """Have what somebody else says."""
        self.theirs[name] = self.there[name] = value

    def at(self, now: datetime) -> None:
        """Let time pass."""
        if self.until and self.until <= now:
            self.switch(None)


async def lived(  # noqa: C901 # a line for each thing that happens
    steps: list[tuple[Any, ...]], low: dict[str, Any]
) -> None:
    """Live through it, and compare what is at Tidepool with what the model says."""
    document = {**DOCUMENT, "low": low}
    tidepool, model = Tidepool(deepcopy(document)), Model(document)
    house = House(tidepool)
    unused = {name: iter(values) for name, (_, values) in EDITED.items()}
    edits: dict[str, Any] = {}

    async def doing(what: Any) -> None:
        try:
            await what
        except GoneError:
            house.start()
        except ApiError, NotDoneError:
            assert tidepool.is_deaf or not house.jill.switched.is_settled

    for step in steps:
        match step:
            case ("fail", how):
                tidepool.fails = how
            case ("edit", name):
                (kind, key), value = EDITED[name][0], next(unused[name])
                edits[name] = value
                alert = tidepool.document[kind]
                alert[key] = threshold(value) if key == "threshold" else value
                model.edit(name, value)
            case ("restart",):
                house.start()
            case ("pass", hours):
                house.time += hours * HOUR
                tidepool.is_deaf = False
            case ("apply", number, hours) if not tidepool.is_deaf:
                await doing(house.switch(PROFILES[number], hours))
                until = None if hours is None else house.time + hours * HOUR
                model.switch(PROFILES[number], until)
            case ("change", number) if model.profile and not tidepool.is_deaf:
                changed = replace(model.profile, name="Changed", values=PROFILES[number].values)
                profiles = {changed.profile_id: changed}
                await doing(house.keeper.async_follow_profiles(JILL, profiles))
                model.change(changed)
            case ("end",) if not tidepool.is_deaf:
                await doing(house.switch(None))
                model.switch(None)
        model.at(house.time)
        if not tidepool.is_deaf:
            await doing(house.settle())
    tidepool.is_deaf, tidepool.fails = False, ""
    await house.settle()
    assert there(tidepool) == model.there
    # Nobody's word is lost, whatever else is in the document and however it is written.
    await house.switch(None)
    model.switch(None)
    assert there(tidepool) == model.theirs
    await house.keeper.async_settings_of(JILL)
    asked = {name: one.before.value for name, one in house.jill.switched.conflicts.items()}
    theirs = {name: one.theirs.value for name, one in house.jill.switched.conflicts.items()}
    assert theirs == {name: model.theirs[name] for name in asked}
    # Where nobody knew what was written, a person may be asked once more, but never less.
    assert asked.items() >= model.conflicts.items()
    if not any(step[0] == "fail" for step in steps):
        assert asked == model.conflicts
    expected = deepcopy(document)
    for name, value in edits.items():
        kind, key = EDITED[name][0]
        expected[kind][key] = threshold(value) if key == "threshold" else value
    assert tidepool.document == expected
    assert house.jill.switched.held == {}


def there(tidepool: Tidepool) -> dict[str, Any]:
    """What is at Tidepool."""
    return {name: one.value for name, one in amounts_of(Settings(tidepool.document)).items()}


@hypothesis_settings(max_examples=300)
@given(STEPS, st.sampled_from([DOCUMENT["low"], *OUT_OF_ORDER]))
def test_whatever_happens_what_somebody_wrote_is_there_in_the_end(
    steps: list[tuple[Any, ...]], low: dict[str, Any]
) -> None:
    asyncio.run(lived(steps, low))


@pytest.mark.parametrize("low", OUT_OF_ORDER)
@pytest.mark.parametrize("is_asked", [False, True])
async def test_what_was_out_of_order_before_is_put_back_as_it_was(
    low: dict[str, Any], is_asked: bool
) -> None:
    """Also where a person is asked, because somebody has changed it since."""
    tidepool = Tidepool({**deepcopy(DOCUMENT), "low": deepcopy(low)})
    before = deepcopy(tidepool.document)
    house = House(tidepool)
    await house.switch(profile(0, low=80, low_enabled=True, high=300), 1)
    tidepool.document["high"]["threshold"] = threshold(280)
    if is_asked:
        tidepool.document["low"]["threshold"] = threshold(90)
    house.restart()
    house.time += 2 * HOUR
    await house.settle()
    assert house.jill.switched.conflicts.keys() == {"high"} | ({"low"} if is_asked else set())
    await house.keeper.async_resolve(JILL, put_back=True)
    assert tidepool.document == before
    assert house.jill.switched.conflicts == {}


async def test_what_was_out_of_order_is_not_so_beside_what_somebody_has_changed() -> None:
    """But what is off is in no order."""
    for is_on in (True, False):
        low = {"enabled": is_on, "threshold": threshold(50)}
        tidepool = Tidepool({**deepcopy(DOCUMENT), "low": low})
        house = House(tidepool)
        await house.switch(profile(0, low=80, high=300), 1)
        tidepool.document["urgentLow"]["threshold"] = threshold(60)
        house.time += 2 * HOUR
        await house.settle()
        assert there(tidepool)["low"] == (80 if is_on else 50)
        assert there(tidepool)["high"] == 250
        assert list(house.jill.switched.conflicts) == (["low"] if is_on else [])


async def test_a_profile_of_its_own_is_never_out_of_order() -> None:
    """Though something else was so before."""
    house = House(Tidepool({**deepcopy(DOCUMENT), "low": deepcopy(OUT_OF_ORDER[0])}))
    await house.switch(profile(0, low=80))
    with pytest.raises(NotDoneError) as error:
        await house.switch(profile(1, low=54))
    assert error.value.key == "settings_threshold_order"
    assert there(house.tidepool)["low"] == 80


async def test_an_alert_deleted_elsewhere_keeps_no_other_from_being_put_back() -> None:
    tidepool = Tidepool()
    house = House(tidepool)
    await house.switch(profile(0, low=80, low_delay=0, high=300, high_delay=60), 1)
    del tidepool.document["low"]
    tidepool.document["high"]["threshold"] = threshold(280)
    house.time += 2 * HOUR
    await house.settle()
    assert house.jill.switched.conflicts.keys() == {"low", "low_delay", "high"}
    with pytest.raises(NotDoneError) as error:
        await house.keeper.async_resolve(JILL, put_back=True)
    assert error.value.key == "settings_threshold_needed"
    assert tidepool.document["high"] == DOCUMENT["high"]
    assert "low" not in tidepool.document
    # It is asked about yet: it may be made anew, or be left.
    assert house.jill.switched.conflicts.keys() == {"low", "low_delay"}
    await house.keeper.async_resolve(JILL, put_back=False)
    assert house.jill.switched.conflicts == {}


@pytest.mark.parametrize(
    "changed",
    [
        replace(profile(0, low=80, high=300), name="Another name"),
        profile(0, low=80, high=310),
        profile(0, low=80, high=300, high_delay=60),
    ],
)
async def test_a_profile_that_is_changed_overwrites_nothing_that_it_wanted_before(
    changed: Profile,
) -> None:
    house = House(Tidepool())
    await house.switch(profile(0, low=80, high=300), 1)
    house.tidepool.document["low"]["threshold"] = threshold(90)
    await house.keeper.async_follow_profiles(JILL, {"0": changed})
    assert house.jill.switched.profile == changed
    assert there(house.tidepool).items() >= {**changed.values, "low": 90}.items()
    house.restart()
    house.time += HOUR
    await house.settle()
    assert there(house.tidepool)["low"] == 90
    assert there(house.tidepool)["high"] == 250
    [(name, one)] = house.jill.switched.conflicts.items()
    assert (name, one.before.value, one.theirs.value) == ("low", 70, 90)


async def test_what_somebody_else_has_set_is_theirs_though_the_profile_had_changed_nothing() -> (
    None
):
    house = House(Tidepool())
    await house.switch(profile(0, low=70, high=300))
    house.tidepool.document["low"]["threshold"] = threshold(65)
    await house.keeper.async_follow_profiles(JILL, {"0": profile(0, low=70, high=310)})
    assert (there(house.tidepool)["low"], there(house.tidepool)["high"]) == (65, 310)
    await house.switch(None)
    assert (there(house.tidepool)["low"], there(house.tidepool)["high"]) == (65, 250)


async def test_one_that_is_applied_again_forgets_nothing() -> None:
    """It is somebody's wish to have it; what was there before is asked about."""
    house = House(Tidepool())
    await house.switch(profile(0, low=80), 1)
    house.tidepool.document["low"]["threshold"] = threshold(90)
    await house.switch(profile(0, low=80), 1)
    assert there(house.tidepool)["low"] == 80
    house.time += HOUR
    await house.settle()
    assert there(house.tidepool)["low"] == 90
    assert house.jill.switched.conflicts["low"].before.value == 70
    await house.keeper.async_resolve(JILL, put_back=True)
    assert house.tidepool.document == DOCUMENT


async def test_a_change_of_one_that_is_being_ended_does_not_apply_it_again() -> None:
    house = House(Tidepool())
    await house.switch(profile(0, low=80))
    lock = house.polls[JILL].lock
    await lock.acquire()
    ending = asyncio.ensure_future(house.switch(None))
    following = asyncio.ensure_future(
        house.keeper.async_follow_profiles(JILL, {"0": profile(0, low=85)})
    )
    await asyncio.sleep(0)
    lock.release()
    await asyncio.gather(ending, following)
    assert house.jill.switched == Switched()
    assert house.tidepool.document == DOCUMENT


async def test_one_whose_time_is_over_is_not_changed_any_more() -> None:
    house = House(Tidepool())
    await house.switch(profile(0, low=80), 1)
    house.time += HOUR
    await house.keeper.async_follow_profiles(JILL, {"0": profile(0, low=85)})
    assert there(house.tidepool)["low"] == 80
    await house.settle()
    assert house.tidepool.document == DOCUMENT


@pytest.mark.parametrize("hours", [None, 2])
async def test_a_schedule_ends_nothing_that_somebody_has_applied_by_hand(
    hours: float | None,
) -> None:
    house = House(Tidepool())
    one = profile(0, low=80)
    await house.switch(one, hours)
    until = house.jill.switched.until
    for is_on in (True, False):
        await house.keeper.async_schedule(JILL, one, is_on=is_on)
        await house.settle()
        assert house.jill.switched.until == until
        assert house.jill.switched.scheduled == (("0",) if is_on else ())
        assert there(house.tidepool)["low"] == 80
    # Another one is another wish, and what is over is in nobody's hand.
    await house.keeper.async_schedule(JILL, profile(1, low=85), is_on=True)
    assert there(house.tidepool)["low"] == 85
    await house.switch(one, 1)
    house.time += HOUR
    await house.keeper.async_schedule(JILL, one, is_on=True)
    assert (house.jill.switched.until, house.jill.switched.by_schedule) == (None, True)


async def test_what_tidepool_did_not_keep_is_told_and_tried_again() -> None:
    house = House(Tidepool())
    for one, low in ((profile(0, low=80), 80), (profile(0, low=85), 85), (None, 70)):
        before = there(house.tidepool)["low"]
        house.tidepool.fails = "dropped"
        with pytest.raises(NotDoneError) as error:
            await house.switch(one)
        assert error.value.key == "settings_not_kept"
        assert there(house.tidepool)["low"] == before
        assert not house.jill.switched.is_settled
        house.tidepool.fails = "dropped"
        with pytest.raises(NotDoneError) as error:
            await house.settle()
        assert error.value.key == "settings_not_kept"
        house.restart()
        await house.settle()
        assert there(house.tidepool)["low"] == low
        assert house.jill.switched.is_settled
        assert house.jill.switched.conflicts == {}
    assert house.tidepool.document == DOCUMENT
    assert house.jill.switched == Switched()


async def test_what_a_profile_wants_as_it_was_before_stays_as_it_was_written() -> None:
    """No field is there in the end that was not there before."""
    for how in ("", "dropped"):
        document = {**deepcopy(DOCUMENT), "low": deepcopy(OUT_OF_ORDER[2])}
        house = House(Tidepool(deepcopy(document)))
        await house.switch(profile(0, low_delay=5))
        house.tidepool.fails = how
        with suppress(NotDoneError):
            await house.switch(profile(1, low_delay=0))
        await house.settle()
        assert house.tidepool.document == document
