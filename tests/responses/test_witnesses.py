"""Episodes of several sources that are of one person: which are one, for how long that is known, and who is who."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.auth.models import User
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.care_alerts.alerts.acknowledgement import Actor, Via
from custom_components.care_alerts.alerts.alert import AlertKey, Severity
from custom_components.care_alerts.alerts.glucose import MG_DL, Glucose
from custom_components.care_alerts.responses.care import may_control, with_witnesses
from custom_components.care_alerts.responses.episodes import (
    LOOKED_BACK,
    SAME_PEOPLE,
    EpisodeRef,
    Need,
    SamePeople,
    all_episodes,
    as_now,
    episodes_by_id,
    find_episode,
    is_gone,
    need_of,
    people_once,
    unit_of_person,
    witnesses_since,
)
from custom_components.care_alerts.responses.log import ResponseState
from custom_components.care_alerts.responses.notices import notice_of
from custom_components.care_alerts.responses.plan import SamePerson
from custom_components.care_alerts.sources.coordinator import SourceCoordinator
from tests.alerts.build import FRESH
from tests.services.test_permissions import somebody

from .stand_in import ago, alert, device, says, source

LOW, MEDIUM, HIGH = Severity
ANNA = Actor("Anna", Via.USER)


class Sources:
    """Mila, whom two sources have, of which one is live; and Ben, whom only that one has."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Have them be known as one."""
        self.hass = hass
        # As they were added; whatever is asked of them, the live one comes first.
        self.late = source(hass, "Late", "m")
        self.live = source(hass, "Live", "mila", "ben", is_live=True)
        self.state = ResponseState()
        self.devices = (device(hass, self.live, "mila"), device(hass, self.late, "m"))
        self.links = [SamePerson(same_id="1", name="Mila", people=self.devices)]
        hass.data[SAME_PEOPLE] = SamePeople(hass, lambda: self.links, lambda: self.state)

    def person(self, coordinator: SourceCoordinator) -> Any:
        """What a source has of Mila."""
        return coordinator.data.people["m" if coordinator is self.late else "mila"]

    def has(
        self, coordinator: SourceCoordinator, *hours: float, over: float | None = None, **of: Any
    ) -> None:
        """Have a source know of alerts of hers from so many hours ago, which were over so many hours ago."""
        who = "m" if coordinator is self.late else "mila"
        alerts = [alert(coordinator, who, ago(hours=one), **of) for one in hours]
        kind = of.get("alert_type", "low")
        says(
            coordinator,
            dict.fromkeys(coordinator.data.people, ()) | {who: alerts},
            over=None if over is None else {kind: ago(hours=over)},
        )

    @property
    def found(self) -> list[list[str]]:
        """The sources of each episode, heard of first before others."""
        return [[one.entry_id for one in ref.witnesses] for ref in all_episodes(self.hass)]


@pytest.fixture
async def sources(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> Sources:
    """Two sources of one person."""
    return Sources(hass)


# Which are one.


async def test_what_two_sources_have_is_one_until_one_has_another_word(sources: Sources) -> None:
    assert sources.found == []
    sources.has(sources.live, 1)
    assert sources.found == [["live"]]
    sources.has(sources.late, 0.9)
    assert sources.found == [["live", "late"]]
    [low] = all_episodes(sources.hass)
    assert low.is_newest is (low.episode.span == low.person.episodes[low.episode.topic].span)
    # It is worked out once for what the sources say.
    assert next(iter(all_episodes(sources.hass))) is low
    sources.has(sources.late)
    assert sources.found == [["live"]]
    sources.has(sources.late, 0.9)
    again = next(iter(all_episodes(sources.hass)))
    assert again is not low
    # While a source is away, the other has it alone.
    entry: Any = sources.late.config_entry
    entry.mock_state(sources.hass, ConfigEntryState.NOT_LOADED)
    assert sources.found == [["live"]]
    entry.mock_state(sources.hass, ConfigEntryState.LOADED)
    assert sources.found == [["live", "late"]]
    sources.links.clear()
    assert sorted(sources.found) == [["late"], ["live"]]


async def test_what_each_of_several_sources_has_said_is_told(sources: Sources) -> None:
    def told() -> list[tuple[datetime, bool]]:
        [ref] = all_episodes(sources.hass)
        return [(one.observed_at, one.is_live) for one in notice_of(sources.hass, ref).witnesses]

    sources.has(sources.live, 1)
    [ref] = all_episodes(sources.hass)
    notice = notice_of(sources.hass, ref)
    assert (notice.rings, notice.redelivered, notice.url) == (True, False, None)
    # It needs no witness: it is told as it is.
    assert told() == []
    sources.has(sources.late, 0.9)
    assert told() == [(ago(hours=1), True), (ago(hours=0.9), False)]
    # What a live source had late it did not see live.
    sources.has(sources.live, 0.95, late=True)
    assert told() == [(ago(hours=0.95), False), (ago(hours=0.9), False)]


async def test_the_newest_glucose_of_any_source_is_told(sources: Sources) -> None:
    def told() -> Glucose | None:
        [ref] = all_episodes(sources.hass)
        return notice_of(sources.hass, ref).glucose

    def has(coordinator: SourceCoordinator, **of: Glucose | None) -> None:
        person = sources.person(coordinator)
        people = {**coordinator.data.people, person.person.person_id: replace(person, **of)}
        coordinator.data = replace(coordinator.data, people=people)

    sources.has(sources.live, 1)
    assert told() is None
    older, newer, newest = (
        Glucose(observed_at=ago(hours=one), value=60, unit=MG_DL) for one in (0.9, 0.8, 0.7)
    )
    has(sources.late, glucose=older)
    assert told() == older
    has(sources.live, glucose=newer)
    assert told() == newer
    # The last that came counts more than what is current.
    has(sources.late, last_glucose=newest)
    assert told() == newest


async def test_what_was_one_is_known_by_all_its_ids_while_a_source_is_away(
    sources: Sources,
) -> None:
    sources.has(sources.live, 1)
    sources.has(sources.late, 0.9)
    [low] = all_episodes(sources.hass)
    assert len(low.episode.ids) == 2
    sources.state.note_as_one(low.episode.ids)
    assert next(iter(all_episodes(sources.hass))).episode.ids == low.episode.ids
    entry: Any = sources.late.config_entry
    entry.mock_state(sources.hass, ConfigEntryState.NOT_LOADED)
    [alone] = all_episodes(sources.hass)
    assert alone.parts == ()
    assert alone.episode.ids == low.episode.ids
    for which in low.episode.ids:
        found = find_episode(sources.hass, which)
        assert found
        assert found.episode == alone.episode
    assert find_episode(sources.hass, "never was") is None
    assert set(episodes_by_id(sources.hass)) == low.episode.ids


async def test_what_is_of_two_types_or_people_is_not_one(sources: Sources) -> None:
    sources.has(sources.live, 1)
    sources.has(sources.late, 0.9, alert_type="high")
    assert sorted(sources.found) == [["late"], ["live"]]
    says(
        sources.live,
        {"mila": [], "ben": [alert(sources.live, "ben", ago(hours=1))]},
    )
    sources.has(sources.late, 0.9)
    assert sorted(sources.found) == [["late"], ["live"]]


async def test_whom_one_source_has_twice_are_two_whatever_is_written(sources: Sources) -> None:
    """Whoever has one of them has not the other."""
    both = (sources.devices[0], device(sources.hass, sources.live, "ben"))
    low = {who: [alert(sources.live, who, ago(hours=1))] for who in ("mila", "ben")}
    says(sources.live, low)
    sources.has(sources.late, 0.9)
    for people in (both, (*both, sources.devices[1])):
        sources.links[:] = [SamePerson(same_id="2", name="Mila", people=people)]
        assert sorted(sources.found) == [["late"], ["live"], ["live"]]


async def test_one_that_goes_on_has_witnesses_from_a_day_before_it_began(
    sources: Sources,
) -> None:
    """However long it goes on; what is over begins no look back."""
    hours = LOOKED_BACK / timedelta(hours=1)
    for began in (2, 3 * hours):
        sources.has(sources.live, began)
        sources.has(sources.late, began + 0.1, over=began - 0.1)
        assert sources.found == [["late", "live"]]
    # The newest of each is there, however long ago.
    sources.has(sources.live, 3 * hours, over=3 * hours - 1)
    sources.has(sources.late, 3 * hours, over=3 * hours - 1)
    assert sorted(sources.found) == [["late"], ["live"]]
    assert all(not one.parts for one in all_episodes(sources.hass))


async def test_one_of_which_a_part_is_the_newest_is_there(sources: Sources) -> None:
    """Late has had it twice; what is of no newest part is of the past."""
    says(
        sources.live,
        {"mila": [alert(sources.live, "mila", ago(hours=5))]},
        freshness=replace(FRESH, data_through=dt_util.utcnow()),
    )
    alerts = [alert(sources.late, "m", ago(hours=one)) for one in (4, 2)]
    says(sources.late, {"m": alerts[:1]}, over={"low": ago(hours=3)})
    condition = sources.person(sources.late).conditions["low"]
    earlier = condition.episode
    says(sources.late, {"m": alerts[1:]})
    newest = sources.person(sources.late).conditions["low"]
    person = replace(
        sources.person(sources.late), conditions={"low": replace(newest, earlier=[earlier])}
    )
    sources.late.data = replace(sources.late.data, people={"m": person})
    assert sources.found == [["live", "late", "late"]]
    [low] = all_episodes(sources.hass)
    assert [one.is_newest for one in low.witnesses] == [True, False, True]
    # Of what a source has of it twice, the first is told.
    told = notice_of(sources.hass, low).witnesses
    assert [one.observed_at for one in told] == [ago(hours=5), ago(hours=4)]
    # Without the live one only the newest is left.
    sources.has(sources.live)
    assert sources.found == [["late"]]
    [low] = all_episodes(sources.hass)
    assert low.is_newest


async def test_what_a_source_no_longer_knows_of_is_not_the_newest(sources: Sources) -> None:
    sources.has(sources.live, 1)
    [low] = all_episodes(sources.hass)
    assert low.is_newest
    sources.has(sources.live, 0.5)
    assert not replace(low, person=sources.person(sources.live)).is_newest
    sources.has(sources.live)
    assert not replace(low, person=sources.person(sources.live)).is_newest


async def test_how_far_the_word_of_a_source_reaches(sources: Sources) -> None:
    """That nothing comes is known until now; else as far as the data reach, or the newest alert."""
    now = dt_util.utcnow()
    through = ago(minutes=10)
    for kind, reaches, known_to in (
        ("low", through, through),
        ("low", None, ago(hours=1)),
        ("no_readings", through, now),
        ("no_communication", None, now),
        ("weight", through, through),
    ):
        says(
            sources.live,
            {"mila": [alert(sources.live, "mila", ago(hours=1), kind)]},
            freshness=replace(FRESH, data_through=reaches),
        )
        people = [(sources.live, sources.person(sources.live))]
        [(witness, ref)] = witnesses_since(people, ago(hours=2), now)
        assert (witness.known_to, witness.is_live, witness.source) == (known_to, True, "live")
        assert ref.episode == witness.episode
        assert next(iter(witnesses_since(people, now, now)))[0].episode == witness.episode
    sources.has(sources.late, 1, over=0.5)
    people = [(sources.late, sources.person(sources.late))]
    assert [one.is_live for one, _ in witnesses_since(people, ago(hours=0.5), now)] == [False]
    assert [*witnesses_since(people, ago(hours=0.4), now)] == []


def snooze(ref: EpisodeRef) -> None:
    """Anna wants quiet of what one source has of it, for an hour from now."""
    ref.coordinator.store.responses.snooze_episode(
        ref.episode.topic, ref.episode.span, by=ANNA, since=dt_util.utcnow(), until=ago(hours=-1)
    )


async def test_of_two_that_are_as_loud_who_snoozes_either_silences_it(sources: Sources) -> None:
    sources.has(sources.live, 1)
    sources.has(sources.late, 0.9)
    [low] = all_episodes(sources.hass)
    [other] = [one for one in low.loudest if one.coordinator is not low.coordinator]
    assert low.quiet == []
    snooze(other)
    assert len(low.quiet) == 1


async def test_only_who_snoozes_the_loudest_of_it_silences_it(sources: Sources) -> None:
    sources.has(sources.live, 1, severity=MEDIUM)
    sources.has(sources.late, 0.9, alert_type="urgent_low")
    [low] = all_episodes(sources.hass)
    assert [one.entry_id for one in low.loudest] == ["late"]

    milder, worst = low.witnesses
    snooze(milder)
    assert low.quiet == []
    assert len(milder.quiet) == 1
    snooze(worst)
    assert len(low.quiet) == 1
    # What nobody else has seen is the loudest of itself.
    sources.has(sources.late)
    [low] = all_episodes(sources.hass)
    assert low.loudest == ()
    assert len(low.quiet) == 1


async def test_what_of_any_source_is_not_on_disk_is_held(
    sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources.has(sources.live, 1)
    sources.has(sources.late, 0.9)
    [low] = all_episodes(sources.hass)
    assert low.held == frozenset()
    monkeypatch.setattr(sources.late.store.ledger, "held", lambda: frozenset({"1"}))
    monkeypatch.setattr(sources.live.store.ledger, "held", lambda: frozenset({"2"}))
    assert low.held == {"1", "2"}
    assert [one.held for one in low.witnesses] == [{"2"}, {"1"}]


# Who is who.


async def test_each_person_is_there_once_and_the_live_source_first(sources: Sources) -> None:
    hass = sources.hass
    live, late = sources.person(sources.live), sources.person(sources.late)
    ben = sources.live.data.people["ben"]

    def once(*people: Any) -> list[tuple[list[str], bool]]:
        return [
            ([person.person.person_id for _, person in theirs], are_several)
            for theirs, are_several in people_once(hass, people)
        ]

    all_people = ((sources.late, late), (sources.live, ben), (sources.live, live))
    assert once(*all_people) == [(["mila", "m"], True), (["ben"], False)]
    # In whatever order somebody has said that they are one.
    sources.links[:] = [replace(sources.links[0], people=sources.devices[::-1])]
    assert once(*all_people) == [(["mila", "m"], True), (["ben"], False)]
    entry: Any = sources.late.config_entry
    entry.mock_state(hass, ConfigEntryState.NOT_LOADED)
    # As it is for the household: also while only one runs.
    assert once((sources.live, live), (sources.live, ben)) == [(["mila"], True), (["ben"], False)]
    # Of whom there is no device nobody knows whether they are the same.
    registry = dr.async_get(hass)
    for who in ("mila", "ben"):
        registry.async_remove_device(device(hass, sources.live, who))
    assert once(*all_people[1:]) == [(["ben"], False), (["mila"], False)]
    # And where there is no household.
    del hass.data[SAME_PEOPLE]
    assert once(*all_people[1:]) == [(["ben"], False), (["mila"], False)]
    assert once((sources.late, late), (sources.late, late)) == [(["m"], False)]


async def test_the_unit_is_that_of_who_has_glucose_the_live_one_first(
    sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "custom_components.care_alerts.responses.episodes.unit_of",
        lambda hass, one, who: f"{one.config_entry.entry_id} {who}",
    )
    for late, live, unit in (
        ("low", "low", "live mila"),
        ("low", "weight", "late m"),
        ("weight", "weight", "late m"),
    ):
        sources.has(sources.late, 1, alert_type=late)
        sources.has(sources.live, 1, alert_type=live)
        found = unit_of_person(sources.hass, sources.late, sources.person(sources.late))
        assert found == unit


# Whether it needs somebody.


async def test_what_is_no_more_and_what_is_only_away(sources: Sources) -> None:
    hass = sources.hass
    sources.has(sources.live, 1)
    [low] = all_episodes(hass)
    which = low.episode.episode_id
    now = dt_util.utcnow()
    entry: Any = sources.live.config_entry

    def need() -> Need:
        return need_of(hass, which, entry.entry_id, now)

    assert need() is Need.NEEDED
    kept = as_now(hass, low, now)
    assert kept
    assert kept.episode == low.episode
    entry.mock_state(hass, ConfigEntryState.SETUP_RETRY)
    assert need() is Need.UNKNOWN
    assert not is_gone(hass, entry.entry_id)
    # What was to be told of it is: nothing says that nobody is needed.
    assert as_now(hass, low, now) is low
    entry.disabled_by = ConfigEntryDisabler.USER
    assert is_gone(hass, entry.entry_id)
    assert need() is Need.OVER
    entry.disabled_by = None
    entry.mock_state(hass, ConfigEntryState.LOADED)
    sources.has(sources.live)
    assert need() is Need.OVER
    assert as_now(hass, low, now) is None
    assert is_gone(hass, "never was")


# What is done about it.


async def meant(
    sources: Sources, *whose: tuple[SourceCoordinator, str], user: User | None = None
) -> list[tuple[str, list[str], bool]]:
    """What is done about what is meant: by source the types, and whether it is announced there."""
    asked: dict[SourceCoordinator, list[AlertKey]] = {}
    for coordinator, kind in whose:
        who = sources.person(coordinator).person.person_id
        asked.setdefault(coordinator, []).append(AlertKey(who, kind))
    context = Context(user_id=user.id if user else None)
    return sorted(
        (one.config_entry.entry_id, [topic.alert_type for topic in topics], is_announced)
        for one, topics, is_announced in await with_witnesses(sources.hass, asked, context)
    )


async def test_the_worst_that_is_meant_is_announced_and_what_is_one_with_it_is_done_too(
    sources: Sources,
) -> None:
    sources.has(sources.live, 1, severity=MEDIUM)
    sources.has(sources.late, 0.9, alert_type="urgent_low")
    late, live = (sources.late, "urgent_low"), (sources.live, "low")
    for order in ((late, live), (live, late)):
        assert await meant(sources, *order) == [
            ("late", ["urgent_low"], True),
            ("live", ["low"], False),
        ]
    # Of what is milder, that is announced that was meant.
    assert await meant(sources, live) == [("late", ["urgent_low"], False), ("live", ["low"], True)]
    assert await meant(sources, (sources.live, "high")) == []


async def test_what_was_not_meant_is_left_alone(sources: Sources) -> None:
    """Whichever of them is the first that there is."""
    alerts = [alert(sources.live, "mila", ago(hours=1), kind) for kind in ("high", "weight")]
    says(sources.live, {"mila": alerts})
    for kind in ("high", "weight"):
        assert await meant(sources, (sources.live, kind)) == [("live", [kind], True)]


async def test_of_another_source_only_what_the_user_may_control(sources: Sources) -> None:
    hass = sources.hass
    sources.has(sources.live, 1)
    sources.has(sources.late, 0.9)
    live = (sources.live, "low")

    async def may(user_id: str | None, coordinator: SourceCoordinator) -> bool:
        person = sources.person(coordinator)
        return await may_control(hass, coordinator, person, Context(user_id=user_id))

    nobody = somebody(hass, device_ids={sources.devices[0]: True})
    assert await meant(sources, live, user=nobody) == [("live", ["low"], True)]
    assert await meant(sources, live) == [("late", ["low"], False), ("live", ["low"], True)]
    assert not await may(nobody.id, sources.late)
    assert not await may("who is gone", sources.live)
    assert await may(None, sources.late)
    everywhere = MockUser(id="everywhere")
    everywhere.add_to_hass(hass)
    everywhere.mock_policy({"entities": True})
    assert await may("everywhere", sources.late)
    assert len(await meant(sources, live, user=everywhere)) == 2
