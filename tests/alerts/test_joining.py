"""One person in several sources: which episodes are one for the household, and what they come to as one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.care_alerts.alerts.acknowledgement import Acknowledgement, Actor, Via
from custom_components.care_alerts.alerts.alert import AlertKey, Severity
from custom_components.care_alerts.alerts.episode import EndReason, EpisodeSpan, TimeSpan
from custom_components.care_alerts.alerts.joining import CONDITION_OF, Joined, Witness, join
from custom_components.care_alerts.alerts.response_log import Episode
from custom_components.care_alerts.sources import ALERT_TYPES

from .build import START, alert

LOW, MEDIUM, HIGH = Severity
SEVERITY = {
    **dict.fromkeys(("urgent_low", "urgent_low_soon", "fixed_low"), HIGH),
    **dict.fromkeys(("low", "high"), MEDIUM),
    **dict.fromkeys(("out_of_range", "no_readings", "no_communication"), LOW),
}
NOW = 600.0
ANNA = Actor("Anna", Via.NOTIFICATION)


def minute(number: float) -> Any:
    """A time so many minutes after the start of the night."""
    return START + timedelta(minutes=number)


def witness(
    alert_type: str,
    begin: float,
    end: float | None = None,
    *,
    source: str = "tidepool",
    received: float | None = None,
    reason: EndReason = EndReason.SOURCE,
    last: float | None = None,
    seen: float | None = None,
    acknowledged: float | None = None,
    **more: Any,
) -> Witness:
    """What a source has: `tidepool` is live, `dexcom` comes two hours late; in minutes of the night."""
    is_live = source != "dexcom"
    late = 0 if is_live else 120
    opened = alert(
        f"{source} {alert_type} {begin}",
        begin / 60,
        received=(begin + late if received is None else received) / 60,
        source=source,
        alert_type=alert_type,
        severity=more.pop("severity", SEVERITY.get(alert_type, MEDIUM)),
        person_id=source,
        **{key: more.pop(key) for key in ("details", "drill") if key in more},
    )
    newest = opened if last is None else replace(opened, alert_id="last", observed_at=minute(last))
    held = acknowledged is not None and Acknowledgement(
        span=TimeSpan(opened.observed_at, newest.observed_at),
        severity=opened.severity,
        by=ANNA,
        at=minute(acknowledged),
    )
    episode = Episode(
        episode_id=opened.alert_id,
        also_known_as=frozenset(),
        topic=AlertKey.of(opened),
        span=EpisodeSpan(
            opened=opened,
            last_seen=newest,
            severity=opened.severity,
            ended_at=None if end is None else minute(end),
            end_reason=None if end is None else reason,
            seen_until=None if seen is None else minute(seen),
        ),
        announced=[opened],
        acknowledgement=held or None,
        snoozed_until=None,
        unacknowledged_since=None if held or end is not None else opened.received_at,
    )
    known_to = minute(NOW if is_live else NOW - 120)
    return Witness(
        episode=replace(episode, **more), source=source, is_live=is_live, known_to=known_to
    )


def lost(alert_type: str, seen: float) -> Witness:
    """What began at 100 and of which the live source has lost sight, some time before 130."""
    return witness(alert_type, 100, 130, reason=EndReason.EXPIRED, seen=seen)


def groups(*witnesses: Witness) -> list[set[str]]:
    """Which are one, by their ids."""
    return sorted((set(one.episode.ids) for one in join(witnesses, minute(NOW))), key=sorted)


def one(*witnesses: Witness) -> Episode:
    """What they are as one."""
    return joined(*witnesses).episode


def joined(*witnesses: Witness) -> Joined:
    """The same, with its witnesses."""
    [found] = join(witnesses, minute(NOW))
    return found


# Which are one.


def test_every_alert_type_is_of_a_condition_or_of_none() -> None:
    assert set(CONDITION_OF) == ALERT_TYPES - {
        *("rise", "fall", "not_looping", "weight", "flex", "medication")
    }


@pytest.mark.parametrize(
    ("live", "late"),
    [
        ("low", "low"),
        ("low", "fixed_low"),
        ("urgent_low", "low"),
        ("urgent_low", "urgent_low_soon"),
        ("high", "high"),
        ("no_communication", "out_of_range"),
        ("no_communication", "no_readings"),
    ],
)
def test_one_condition_is_one(live: str, late: str) -> None:
    pair = witness(live, 161, 190), witness(late, 159, source="dexcom")
    assert len(groups(*pair)) == 1


@pytest.mark.parametrize(
    ("live", "late"),
    [
        ("low", "high"),
        ("low", "out_of_range"),
        ("low", "fall"),
        ("high", "rise"),
        ("not_looping", "no_readings"),
        ("weight", "weight"),
        ("other", "other"),
    ],
)
def test_all_else_never_is(live: str, late: str) -> None:
    assert len(groups(witness(live, 161, 190), witness(late, 159, 190, source="dexcom"))) == 2


def test_a_drill_never_is() -> None:
    drill = witness("low", 161, drill=True)
    assert len(groups(drill, witness("low", 159, source="dexcom"))) == 2


@pytest.mark.parametrize(
    ("begin", "end", "count"),
    [
        (100, 131, 1),  # it ends within
        (100, 130, 1),  # in the very moment that the other begins
        (100, 129, 1),  # before, and they begin within half an hour of each other
        (99, 129, 2),
        (160, 180, 1),
        (161, 180, 2),
        (120, None, 1),
        (99, None, 2),  # what was last heard of it was long before
    ],
)
def test_a_moment_in_common_or_close_to_each_other(
    begin: float, end: float | None, count: int
) -> None:
    assert (
        len(groups(witness("low", 130, 160), witness("low", begin, end, source="dexcom"))) == count
    )


def test_what_is_only_believed_to_go_on_joins_nothing_newer() -> None:
    """Dexcom's low has no end and stands for two hours: no word of it is of the second low."""
    first, second = witness("low", 100, 120), witness("low", 150)
    for end in (None, 220.0):
        dexcom = witness("low", 101, end, source="dexcom", reason=EndReason.EXPIRED)
        assert groups(first, second, dexcom) == [
            {"dexcom low 101", "tidepool low 100"},
            {"tidepool low 150"},
        ]


def test_what_was_seen_until_it_was_lost_is_in_common() -> None:
    """And not what the source is believed for, once it says no more."""
    for seen, count in ((120, 1), (119, 2)):
        late = witness("low", 150, 160, source="dexcom"), witness("low", 120, source="dexcom")
        live = witness("low", 80, 200, reason=EndReason.EXPIRED, seen=seen)
        assert len(groups(live, late[1])) == count
        assert len(groups(live, late[0])) == 2


def test_the_closest_is_the_one() -> None:
    first, second = witness("low", 90, 100), witness("low", 115, 140)
    assert groups(first, second, witness("low", 105, source="dexcom")) == [
        {"dexcom low 105", "tidepool low 115"},
        {"tidepool low 90"},
    ]


def test_several_of_a_source_are_close_to_one_of_another() -> None:
    """What Dexcom foretold does not reach as far as the low, of which it tells, too."""
    soon, low = (
        witness("urgent_low_soon", 95, source="dexcom"),
        witness("low", 100, source="dexcom"),
    )
    assert len(groups(witness("low", 100, 130), soon, low)) == 1
    assert len(groups(soon, low)) == 2


def test_two_of_one_source_are_two_unless_another_spans_both() -> None:
    first, second = witness("low", 100, 120), witness("low", 120, 150)
    assert len(groups(first, second)) == 2
    # One that gets worse in the moment in which the milder one is over goes on.
    for begin, count in ((120, 1), (121, 2)):
        assert len(groups(first, witness("urgent_low", begin))) == count
    assert len(groups(first, second, witness("low", 99, 149, source="dexcom"))) == 1


def test_when_it_began_may_be_said_later() -> None:
    """Tidepool's low is announced after its delay."""
    started = {"started": minute(100).isoformat()}
    late = witness("low", 140, 160, details=started)
    assert len(groups(late, witness("low", 99, source="dexcom"))) == 1
    for nonsense in ({"started": "soon"}, {"started": 5}, {"started": minute(300).isoformat()}):
        late = witness("low", 140, 160, details=nonsense)
        assert len(groups(late, witness("low", 99, source="dexcom"))) == 2


def test_three_sources() -> None:
    three = (
        witness("low", 100, 130),
        witness("low", 95, 110, source="dexcom"),
        witness("urgent_low", 128, 140, source="nightscout"),
    )
    assert len(groups(*three)) == 1
    assert len(groups(*three[1:])) == 2


# What they are as one.


def test_the_worst_is_what_it_is_called() -> None:
    episode = one(
        witness("low", 100), witness("urgent_low", 110, 115), witness("low", 99, source="dexcom")
    )
    assert (episode.severity, episode.topic.alert_type, episode.is_open) == (
        HIGH,
        "urgent_low",
        True,
    )
    assert episode.opened.observed_at == minute(99)
    assert episode.last_seen.observed_at == minute(110)


def test_it_is_known_by_who_came_first_and_found_by_all() -> None:
    live, late = witness("low", 100), witness("urgent_low", 95, source="dexcom")
    episode = one(late, live)
    assert episode.episode_id == live.episode.episode_id
    assert episode.ids == {"tidepool low 100", "dexcom urgent_low 95"}


def test_who_has_it_has_what_comes_late_of_it() -> None:
    live, late = witness("low", 100, acknowledged=105), witness("low", 99, source="dexcom")
    found = joined(live, late)
    assert found.episode.acknowledgement == live.episode.acknowledgement
    assert found.episode.unacknowledged_since is None
    assert found.inherited == ((late, live.episode.acknowledgement),)


def test_what_is_worse_is_nobodys_and_begins_anew() -> None:
    live, late = witness("low", 100, acknowledged=105), witness("urgent_low", 102, source="dexcom")
    episode = one(live, late)
    assert episode.acknowledgement is None
    assert episode.unacknowledged_since == minute(222)
    assert episode.announced == late.episode.announced


def test_who_has_the_urgent_one_has_the_milder_one_too() -> None:
    live, late = witness("urgent_low", 100, acknowledged=105), witness("low", 99, source="dexcom")
    assert one(live, late).acknowledgement


def test_a_forecast_that_somebody_has_is_not_what_it_foretold() -> None:
    soon = witness("urgent_low_soon", 95, acknowledged=100, source="nightscout")
    came = witness("urgent_low", 105)
    assert one(soon, came).acknowledgement is None
    assert one(soon, came).topic.alert_type == "urgent_low"
    soon = witness("urgent_low_soon", 95, source="dexcom")
    assert one(soon, witness("urgent_low", 105, acknowledged=107)).acknowledgement


def test_nobody_has_what_began_after_they_said_so() -> None:
    """The first low was somebody's, and Dexcom tells of both as of one."""
    first, second = witness("low", 100, 120, acknowledged=105), witness("low", 150)
    late = witness("low", 99, last=155, source="dexcom")
    episode = one(first, second, late)
    assert episode.acknowledgement is None
    assert episode.unacknowledged_since == minute(150)
    # What it has got from the first it does not hand on.
    late = replace(
        late, episode=replace(late.episode, acknowledgement=first.episode.acknowledgement)
    )
    assert one(first, second, late).acknowledgement is None


def test_an_acknowledgement_that_does_not_hold_does_not_hold_for_others() -> None:
    live, late = (
        witness("urgent_low", 100, acknowledged=105),
        witness("urgent_low", 99, last=171, source="dexcom"),
    )
    held = live.episode.acknowledgement
    assert held
    gap = replace(held, reacknowledge_after_gap=timedelta(hours=1))
    live = replace(live, episode=replace(live.episode, acknowledgement=gap))
    assert one(live, late).acknowledgement is None
    live = replace(live, episode=replace(live.episode, acknowledgement=held))
    assert one(live, late).acknowledgement


def test_the_live_source_knows_when_it_is_over() -> None:
    live, late = witness("low", 100, 130), witness("low", 99, source="dexcom")
    episode = one(live, late)
    assert (episode.ended_at, episode.end_reason) == (minute(130), EndReason.SOURCE)
    # Also what nobody was heard of any more is then over for a reason.
    late = witness("low", 99, 219, reason=EndReason.EXPIRED, source="dexcom")
    assert one(live, late).end_reason is EndReason.SOURCE


@pytest.mark.parametrize(
    ("live", "late"),
    [
        # What was said after is news.
        (witness("low", 100, 130), witness("low", 99, last=131, source="dexcom")),
        # Worse, and milder, is another matter.
        (witness("low", 100, 130), witness("urgent_low", 102, source="dexcom")),
        (witness("urgent_low", 100, 130), witness("low", 99, source="dexcom")),
        # What comes late never says what is so now.
        (witness("low", 100), witness("low", 99, 130, source="dexcom")),
        # What was lost is not over, as far as anybody knows: what was seen after that, or is worse, is news.
        (lost("low", 115), witness("low", 99, last=116, source="dexcom")),
        (lost("low", 115), witness("urgent_low", 102, source="dexcom")),
    ],
)
def test_it_goes_on_as_long_as_any_does(live: Witness, late: Witness) -> None:
    episode = one(live, late)
    assert episode.is_open
    assert (episode.ended_at, episode.end_reason) == (None, None)


@pytest.mark.parametrize(
    "late",
    [
        witness("low", 99, source="dexcom"),
        witness("low", 99, last=115, source="dexcom"),
        witness("low", 99, 219, reason=EndReason.EXPIRED, source="dexcom"),
    ],
)
@pytest.mark.parametrize("alert_type", ["low", "urgent_low"])
def test_what_was_lost_is_no_news_when_another_tells_of_it_later(
    alert_type: str, late: Witness
) -> None:
    episode = one(lost(alert_type, 115), late)
    assert (episode.end_reason, episode.unacknowledged_since) == (EndReason.EXPIRED, None)
    # Who tells of it later does not know that it was over before that.
    assert episode.ended_at == (late.episode.ended_at or minute(130))


def test_it_was_lost_when_the_last_who_looked_on_was() -> None:
    """Also where that one had only foretold it."""
    low = witness("low", 100, 130, reason=EndReason.EXPIRED, seen=125)
    soon = witness("urgent_low_soon", 101, 150, reason=EndReason.EXPIRED, seen=126)
    late = witness("low", 99, source="dexcom")
    assert one(low, soon, late).ended_at == minute(150)
    # And it was over when the last of them said so.
    urgent, soon = witness("urgent_low", 100, 130), witness("urgent_low_soon", 101, 150)
    late = witness("urgent_low", 99, source="dexcom")
    assert one(urgent, soon, late).ended_at == minute(150)


@pytest.mark.parametrize("first", [0, 1])
def test_it_goes_on_since_the_last_that_goes_on_was_reopened(first: int) -> None:
    pair = [
        witness("low", 100, reopened_at=minute(200 + 50 * (first == 0))),
        witness("low", 101, source="nightscout", reopened_at=minute(200 + 50 * (first == 1))),
    ]
    assert one(*pair).reopened_at == minute(250)
    over = witness("low", 102, 130, source="dexcom", reopened_at=minute(300))
    assert one(*pair, over).reopened_at == minute(250)
    assert one(over, witness("low", 101)).reopened_at is None


def test_what_came_late_is_lost_only_with_what_is_live() -> None:
    dexcom = witness("low", 100, 130, reason=EndReason.EXPIRED, seen=115, source="dexcom")
    assert one(dexcom, witness("low", 101, source="nightscout")).is_open


@pytest.mark.parametrize(
    ("end", "reason", "seen", "is_past"),
    [
        (None, EndReason.SOURCE, None, True),
        (130, EndReason.SOURCE, None, True),
        (105, EndReason.SOURCE, None, True),
        (130, EndReason.EXPIRED, None, False),  # nobody looked on
        (130, EndReason.EXPIRED, 114, False),
        (130, EndReason.EXPIRED, 115, True),
    ],
)
def test_a_forecast_is_no_worse_than_what_came_of_it(
    end: float | None, reason: EndReason, seen: float | None, is_past: bool
) -> None:
    soon = witness("urgent_low_soon", 95, source="dexcom")
    episode = one(witness("low", 100, end, reason=reason, seen=seen), soon)
    assert (episode.severity is MEDIUM) is is_past
    assert (soon.episode.opened in episode.announced) is not is_past
    assert episode.ids == {"tidepool low 100", "dexcom urgent_low_soon 95"}


def test_a_forecast_stands_that_nobody_live_has_seen_the_outcome_of() -> None:
    soon = witness("urgent_low_soon", 95, source="dexcom")
    # What was over before has said nothing of it.
    for end, is_past in ((94, False), (95, True)):
        assert (one(witness("low", 70, end), soon).severity is MEDIUM) is is_past
    live = witness("urgent_low_soon", 95)
    assert one(live, witness("low", 100, 130, source="dexcom")).severity is HIGH
    # Of what is as bad, it is called after what has come.
    came = witness("urgent_low", 100, source="dexcom")
    soon = witness("urgent_low_soon", 95, last=120, source="dexcom")
    assert one(soon, came).topic.alert_type == "urgent_low"


def test_what_two_late_sources_have_is_over_when_both_say_so() -> None:
    other = replace(witness("low", 100, 130, source="nightscout"), is_live=False)
    assert one(other, witness("low", 99, last=110, source="dexcom")).is_open
    assert not one(other, witness("low", 99, 110, source="dexcom")).is_open


def test_of_two_that_go_on_the_last_word_of_each_kind_counts() -> None:
    first = witness("low", 100, acknowledged=300, snoozed_until=minute(610))
    second = witness("low", 101, source="nightscout", acknowledged=310, snoozed_until=minute(620))
    for pair in ((first, second), (second, first)):
        episode = one(*pair)
        assert episode.acknowledgement is not None
        assert episode.acknowledgement.at == minute(310)
        assert episode.snoozed_until == minute(620)
    # And the first since when it is nobody's.
    pair = witness("low", 100), witness("low", 99, source="dexcom")
    assert one(*pair).unacknowledged_since == minute(100)


def test_who_has_what_goes_on_of_it_has_it() -> None:
    over, goes_on = witness("urgent_low", 100, 130), ("low", 101)
    for at, who in ((300, "Anna"), (None, None)):
        held = one(over, witness(*goes_on, source="nightscout", acknowledged=at)).acknowledgement
        assert (held.by.name if held else None) == who


def test_who_has_one_has_what_is_one_with_it_by_itself() -> None:
    """Not what only a third joins to it, nor what their source says is another."""

    def inherit(*witnesses: Witness) -> set[str]:
        return {part.episode.episode_id for part, _ in joined(*witnesses).inherited}

    def taken(end: float, source: str = "nightscout") -> Witness:
        return witness("low", 100, end, source=source, acknowledged=min(end, 104))

    # Also where it was somebody's in the moment in which we heard of it.
    late = witness("low", 99, source="dexcom")
    assert inherit(witness("low", 100, acknowledged=100), late) == {"dexcom low 99"}
    # In the moment in which the one is over the other begins; or it begins close by.
    assert inherit(taken(200), witness("low", 200)) == {"tidepool low 200"}
    assert inherit(taken(105), witness("low", 120)) == {"tidepool low 120"}
    assert inherit(taken(105), witness("low", 130)) == {"tidepool low 130"}
    third = witness("low", 99, source="dexcom", last=300)
    assert inherit(taken(105), witness("low", 131), third) == {"dexcom low 99"}
    assert inherit(taken(105, "tidepool"), witness("low", 120), third) == {"dexcom low 99"}
    # What is over, or has somebody of its own, has nothing of another.
    assert inherit(taken(105), witness("low", 102, 130)) == set()
    assert inherit(taken(105), witness("low", 102, acknowledged=103)) == set()


def test_of_two_who_have_it_what_comes_late_has_the_last() -> None:
    pair = [witness("low", 100, acknowledged=at, source=f"{at}") for at in (310, 300)]
    late = witness("low", 99, source="dexcom")
    for two in (pair, pair[::-1]):
        assert joined(*two, late).inherited == ((late, pair[0].episode.acknowledgement),)


def test_who_has_one_forecast_has_another_of_it() -> None:
    soon = witness("urgent_low_soon", 95, acknowledged=100, source="nightscout")
    late = witness("urgent_low_soon", 96, source="dexcom")
    assert joined(soon, late).inherited == ((late, soon.episode.acknowledgement),)


def test_all_that_is_nobodys_is_announced() -> None:
    pair = witness("low", 100), witness("low", 101, source="nightscout")
    assert one(*pair).announced == [part.episode.opened for part in pair]


def test_it_reached_us_with_the_first_that_was_told_of_it() -> None:
    told = [alert("a", 5, received=9), alert("b", 6, received=8)]
    assert witness("low", 100, announced=told).reached_at == minute(8 * 60)
    assert witness("low", 100, announced=[], received=130).reached_at == minute(130)


def test_only_a_snooze_of_the_worst_silences_it() -> None:
    until = minute(NOW + 10)
    mild = witness("low", 100, snoozed_until=until)
    bad = witness("urgent_low", 102, source="dexcom")
    assert one(mild, bad).snoozed_until is None
    bad = replace(bad, episode=replace(bad.episode, snoozed_until=until))
    found = joined(witness("low", 100), bad)
    assert found.episode.snoozed_until == until
    assert found.loudest == (bad,)
    late = witness("low", 99, source="dexcom")
    assert one(mild, late).snoozed_until == until


def test_who_had_the_worst_of_what_is_over_had_it() -> None:
    late = witness("low", 99, 131, source="dexcom")
    assert one(witness("urgent_low", 100, 130, acknowledged=105), late).acknowledgement
    mild = witness("low", 99, 131, acknowledged=230, source="dexcom")
    assert one(witness("urgent_low", 100, 130), mild).acknowledgement is None


def test_parted_again() -> None:
    """Dexcom first has one low; then it turns out that in between all was well."""
    first, second = witness("low", 100, 120, acknowledged=105), witness("low", 150)
    assert len(groups(first, second, witness("low", 99, 160, source="dexcom"))) == 1
    parts = (
        witness("low", 99, 118, source="dexcom"),
        witness("low", 149, 160, source="dexcom"),
    )
    assert groups(first, second, *parts) == [
        {"dexcom low 149", "tidepool low 150"},
        {"dexcom low 99", "tidepool low 100"},
    ]


# Whatever there is.


@st.composite
def _witness(draw: st.DrawFn) -> Witness:
    begin = draw(st.integers(0, 40)) * 5
    end = draw(st.none() | st.integers(0, 20).map(lambda number: begin + number * 5))
    return witness(
        draw(st.sampled_from([*SEVERITY, "fall", "other"])),
        begin,
        end,
        source=draw(st.sampled_from(["tidepool", "dexcom", "nightscout"])),
        reason=draw(st.sampled_from([EndReason.SOURCE, EndReason.EXPIRED])),
        acknowledged=draw(st.none() | st.integers(130, 500)),
        drill=draw(st.sampled_from([False, False, False, True])),
    )


def _distinct(found: Sequence[Witness]) -> list[Witness]:
    """A source has one episode of a type that begins in a moment."""
    return list({one.episode.episode_id: one for one in found}.values())


WITNESSES = st.lists(_witness(), min_size=1, max_size=7).map(_distinct)


@given(WITNESSES, st.randoms())
def test_the_order_is_of_no_matter_and_nothing_is_lost(found: list[Witness], random: Any) -> None:
    whole = join(found, minute(NOW))
    assert sorted(which for one in whole for which in one.episode.ids) == sorted(
        one.episode.episode_id for one in found
    )
    shuffled = list(found)
    random.shuffle(shuffled)
    assert sorted(map(repr, join(shuffled, minute(NOW)))) == sorted(map(repr, whole))
    assert len({one.episode.episode_id for one in whole}) == len(whole)


@given(WITNESSES)
def test_urgent_never_disappears(found: list[Witness]) -> None:
    for one in join(found, minute(NOW)):
        parts = one.witnesses
        speaking = [part for part in parts if not part.is_forecast] or parts
        assert one.episode.severity.rank >= max(part.rank for part in speaking)
        held = one.episode.acknowledgement
        for part in parts:
            if one.episode.is_open and part.episode.is_open and not part.is_forecast:
                superseded = any(
                    other.is_live
                    and other.source != part.source
                    and other.episode.ended_at
                    and other.episode.ended_at >= part.reach
                    for other in parts
                )
                # Whoever has it has said so of what is as bad.
                assert (
                    superseded
                    or held is None
                    or any(
                        other.episode.acknowledgement and other.rank >= part.rank for other in parts
                    )
                )
        if not one.episode.is_open:
            for part in speaking:
                assert part.episode.ended_at or any(
                    other.episode.ended_at and other.is_live and other.source != part.source
                    for other in parts
                )


@given(WITNESSES)
def test_one_alone_is_as_its_source_has_it(found: list[Witness]) -> None:
    for one in join(found, minute(NOW)):
        if len(one.witnesses) == 1:
            assert one.episode is one.witnesses[0].episode
        else:
            assert len({part.condition for part in one.witnesses}) == 1
            assert None not in {part.condition for part in one.witnesses}


@pytest.mark.parametrize("first", ["tidepool", "dexcom"])
def test_the_first_who_answered_either_has_answered_it(first: str) -> None:
    def answered(by: str, at: float) -> dict[str, Any]:
        answer = Acknowledgement(
            span=TimeSpan(minute(100), minute(100)),
            severity=MEDIUM,
            by=Actor(by, Via.NOTIFICATION),
            at=minute(at),
        )
        return {"answer": answer}

    pair = {
        source: witness("low", 100, source=source, **answered(source, 300 + 5 * (source != first)))
        for source in ("tidepool", "dexcom")
    }
    answer = one(*pair.values()).answer
    assert answer
    assert answer.by.name == first


@pytest.mark.parametrize(
    ("end", "received", "is_answered"),
    [(132, None, True), (None, None, False), (132, 132, True), (132, 131.9, False)],
)
def test_what_came_when_it_was_over_needed_no_answer(
    end: float | None, received: float | None, is_answered: bool
) -> None:
    answer = Acknowledgement(
        span=TimeSpan(minute(100), minute(100)), severity=MEDIUM, by=ANNA, at=minute(110)
    )
    worse = witness("urgent_low", 102, end, source="dexcom", received=received)
    found = one(witness("low", 100, 130, answer=answer), worse).answer
    assert found == (answer if is_answered else None)


@pytest.mark.parametrize(
    ("late", "is_answered"), [("urgent_low_soon", True), ("low", False), ("urgent_low", False)]
)
def test_who_answered_a_forecast_has_not_answered_what_came_of_it(
    late: str, is_answered: bool
) -> None:
    answer = Acknowledgement(
        span=TimeSpan(minute(100), minute(100)), severity=HIGH, by=ANNA, at=minute(110)
    )
    soon = witness("urgent_low_soon", 100, 105, answer=answer)
    found = one(soon, witness(late, 101, source="dexcom", received=101)).answer
    assert found == (answer if is_answered else None)
