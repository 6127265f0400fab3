"""What forms may give, and what is read back from disk whatever is there."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import json
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest
import voluptuous as vol

from custom_components.care_alerts.responses.plan import (
    Caregiver,
    Plan,
    SamePerson,
    Step,
    Text,
    proposed_plan,
)
from custom_components.care_alerts.responses.plan_data import (
    MOST_STEPS,
    as_data,
    caregiver_from_data,
    caregiver_from_form,
    plan_from_data,
    plan_from_form,
    same_person_from_data,
    same_person_from_form,
)

from .build import HIGH, MEDIUM

ANNA: dict[str, Any] = {
    "name": "Anna",
    "person": "person.anna",
    "phones": ["phone"],
    "notify": ["notify.sms"],
    "duty": "calendar.rota",
    "break_through": ["medium", "high"],
    "text": "neutral",
}
NIGHT: dict[str, Any] = {
    "name": "Night",
    "whose": {"device_id": ["mila"]},
    "alert_types": ["low"],
    "least_severity": "high",
    "include_late": True,
    "quiet_hours": {"from": "22:00:00", "to": "07:00"},
    "source_silent": False,
    "morning": "08:30:00",
    "steps": [
        {"after": 0, "tell": ["on_duty"]},
        {"after": 10.0, "tell": ["anna"], "every": 5, "times": 3},
        {
            "after": 20,
            "tell": ["everybody"],
            "lights": ["light.hall"],
            "colour": [0, 10, 255],
            "flash": True,
            "speakers": ["media_player.hall"],
            "tts": "tts.house",
            "volume": 45,
        },
    ],
}


MILA: dict[str, Any] = {"name": "Mila", "people": ["tidepool", "dexcom"]}
WRONG_SAME_PEOPLE: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "not_a_text"),
    ({"people": "tidepool"}, "not_a_list"),
    ({"people": ["tidepool", "tidepool"]}, "needs_two"),
    ({"people": []}, "needs_two"),
    ({"people": ["tidepool", "anna"]}, "is_another"),
    ({"sings": 1}, "no_such_field"),
]


def test_several_sources_have_one_person() -> None:
    others = [
        SamePerson(same_id="anna", name="Anna", people=("anna", "lumen")),
        SamePerson(same_id="ben", name="Ben", people=("ben", "dexcom of ben")),
    ]
    mila = same_person_from_form("mila", MILA, others=others)
    assert mila.people == ("tidepool", "dexcom")
    assert same_person_from_data("mila", json.loads(json.dumps(as_data(mila)))) == (mila, [])
    for wrong, key in WRONG_SAME_PEOPLE:
        with pytest.raises(vol.Invalid, match=key):
            same_person_from_form("mila", MILA | wrong, others=others)
    with pytest.raises(vol.Invalid, match="required"):
        same_person_from_form("mila", {"name": "Mila"}, others=others)
    assert same_person_from_data("mila", {"people": 5}) == (
        SamePerson(same_id="mila", name="mila"),
        ["people"],
    )


def form(data: dict[str, Any], before: Plan | None = None) -> Plan:
    """The plan of a form."""
    return plan_from_form("p", data, caregivers={"anna", "ben"}, before=before)


def test_a_form_makes_a_plan_and_a_caregiver() -> None:
    anna = caregiver_from_form("anna", ANNA)
    assert (anna.break_through, anna.text) == (frozenset({MEDIUM, HIGH}), Text.NEUTRAL)
    night = form(NIGHT)
    assert (night.least_severity, night.alert_types) == (HIGH, frozenset({"low"}))
    last = night.steps[-1]
    assert (last.after, last.colour, last.volume) == (20, (0, 10, 255), 45)
    assert type(night.steps[1].after) is int
    assert len({step.step_id for step in night.steps}) == 3


def test_as_many_steps_and_as_many_caregivers_as_there_may_be() -> None:
    everyone: dict[str, Any] = {"after": 0, "tell": ["everybody", "on_duty", "anna", "ben"]}
    plan = form({"name": "Night", "steps": [everyone] * MOST_STEPS})
    assert [step.tell for step in plan.steps] == [tuple(everyone["tell"])] * MOST_STEPS


def test_what_is_kept_is_read_back() -> None:
    anna, night = caregiver_from_form("anna", ANNA), form(NIGHT)
    kept = json.loads(json.dumps([as_data(anna), as_data(night)]))
    assert caregiver_from_data("anna", kept[0]) == (anna, [])
    assert plan_from_data("p", kept[1]) == (night, [])
    assert plan_from_form("p", kept[1], caregivers={"anna"}, before=night) == night


def test_a_target_of_which_nothing_is_chosen_is_everybody() -> None:
    assert form(NIGHT | {"whose": {"device_id": [], "area_id": []}}).whose == {}
    assert form(NIGHT | {"whose": {"device_id": [], "area_id": ["hall"]}}).whose == {
        "area_id": ["hall"]
    }


WRONG_PLANS: list[tuple[dict[str, Any], list[Any], str]] = [
    ({"name": " "}, ["name"], "not_a_text"),
    ({"whose": []}, ["whose"], "no_target"),
    ({"whose": {"device_id": [1]}}, ["whose"], "no_target"),
    ({"whose": {"device_id": None}}, ["whose"], "no_target"),
    ({"least_severity": "severe"}, ["least_severity"], "no_such_severity"),
    ({"include_late": 1}, ["include_late"], "not_a_flag"),
    ({"quiet_hours": {"from": "22:00"}}, ["quiet_hours"], "quiet_hours_need_both"),
    ({"quiet_hours": {"from": "22:00", "to": "22:00:00"}}, ["quiet_hours"], "quiet_hours_empty"),
    ({"quiet_hours": {"from": "25:00", "to": "22:00"}}, ["quiet_hours"], "no_time_of_day"),
    ({"quiet_hours": {"from": "21:00+02:00", "to": "22:00"}}, ["quiet_hours"], "no_time_of_day"),
    ({"alert_types": "low"}, ["alert_types"], "not_a_list"),
    ({"handled_wait": -1}, ["handled_wait"], "handled_wait_range"),
    ({"handled_wait": 61}, ["handled_wait"], "handled_wait_range"),
    ({"handled_wait": None}, ["handled_wait"], "not_a_number"),
    ({"unheard_of": 1}, ["unheard_of"], "no_such_field"),
    ({"steps": []}, ["steps"], "no_steps"),
    ({"steps": None}, ["steps"], "no_steps"),
    ({"steps": 5}, ["steps"], "no_steps"),
    ({"steps": "now"}, ["steps"], "no_steps"),
    ({"steps": {"after": 0}}, ["steps"], "no_steps"),
    ({"steps": [{"after": 0, "tell": ["on_duty"]}] * 21}, ["steps"], "too_many_steps"),
]
WRONG_STEPS: list[tuple[dict[str, Any], list[Any], str]] = [
    ({"tell": ["anna"]}, ["after"], "required"),
    ({"after": 0}, [], "step_does_nothing"),
    ({"after": 0, "tell": []}, [], "step_does_nothing"),
    ({"after": -1, "tell": ["anna"]}, ["after"], "minutes_range"),
    ({"after": 1441, "tell": ["anna"]}, ["after"], "minutes_range"),
    ({"after": 1.5, "tell": ["anna"]}, ["after"], "not_a_number"),
    ({"after": float("nan"), "tell": ["anna"]}, ["after"], "not_a_number"),
    ({"after": float("inf"), "tell": ["anna"]}, ["after"], "not_a_number"),
    ({"after": True, "tell": ["anna"]}, ["after"], "not_a_number"),
    ({"after": "5", "tell": ["anna"]}, ["after"], "not_a_number"),
    ({"after": 0, "tell": ["carl"]}, ["tell"], "no_such_caregiver"),
    ({"after": 0, "lights": ["switch.a"]}, ["lights"], "wrong_entity"),
    ({"after": 0, "lights": ["light.a"], "colour": [0, 0]}, ["colour"], "no_colour"),
    ({"after": 0, "lights": ["light.a"], "colour": [0, 0, 256]}, ["colour"], "no_colour"),
    ({"after": 0, "speakers": ["media_player.a"]}, ["tts"], "speakers_need_tts"),
    ({"after": 0, "tell": ["anna"], "volume": 0}, ["volume"], "volume_range"),
    ({"after": 0, "tell": ["anna"], "every": 0}, ["every"], "minutes_range"),
    ({"after": 0, "tell": ["anna"], "every": 1, "times": 0}, ["times"], "times_range"),
    ({"after": 0, "tell": ["anna"], "times": 2}, ["times"], "times_need_every"),
    ({"after": 0, "tell": ["anna"], "sing": 1}, ["sing"], "no_such_field"),
]


@pytest.mark.parametrize(
    ("data", "path", "key"),
    [
        *((NIGHT | wrong, path, key) for wrong, path, key in WRONG_PLANS),
        *(
            (NIGHT | {"steps": [NIGHT["steps"][0], wrong]}, ["steps", 1, *path], key)
            for wrong, path, key in WRONG_STEPS
        ),
        ({"steps": NIGHT["steps"]}, ["name"], "required"),
        (NIGHT | {"steps": ["now"]}, ["steps", 0], "no_step"),
    ],
)
def test_a_form_is_refused_with_the_field_and_the_reason(
    data: dict[str, Any], path: list[Any], key: str
) -> None:
    with pytest.raises(vol.Invalid) as caught:
        form(data)
    assert (caught.value.path, caught.value.msg) == (path, key)


@pytest.mark.parametrize(
    ("wrong", "field", "key"),
    [
        ({"person": "device_tracker.anna"}, "person", "wrong_entity"),
        ({"notify": ["notify"]}, "notify", "wrong_entity"),
        ({"duty": "sometimes"}, "duty", "wrong_entity"),
        ({"duty": "switch.rota"}, "duty", "wrong_entity"),
        ({"break_through": ["all"]}, "break_through", "no_such_severity"),
        ({"text": "short"}, "text", "no_such_text"),
        ({"phones": [1]}, "phones", "not_a_text"),
    ],
)
def test_a_form_of_a_caregiver_is_refused(wrong: dict[str, Any], field: str, key: str) -> None:
    with pytest.raises(vol.Invalid) as caught:
        caregiver_from_form("anna", ANNA | wrong)
    assert (caught.value.path, caught.value.msg) == ([field], key)


def ids_after(before: Plan, *steps: dict[str, Any]) -> list[str | None]:
    """Which of the old steps each of the new ones is; None for a new one."""
    old = {step.step_id for step in before.steps}
    changed = form({"name": "Night", "steps": list(steps)}, before)
    ids = [step.step_id for step in changed.steps]
    assert len(set(ids)) == len(ids)
    return [one if one in old else None for one in ids]


def test_a_step_stays_the_one_it_was() -> None:
    before = proposed_plan("p", "P")
    duty = {"after": 0, "tell": ["on_duty"]}
    all_of_them = {"after": 10, "tell": ["everybody"]}
    last = {"after": 20, "tell": ["everybody"], "every": 5}
    assert ids_after(before, duty, all_of_them, last) == ["1", "2", "3"]
    assert ids_after(before, last, duty) == ["3", "1"], "taken out, and in another order"
    assert ids_after(before, duty | {"after": 2}) == ["1"], "at another time"
    assert ids_after(before, duty, all_of_them | {"after": 12}) == ["1", "2"], "only one of them"
    assert ids_after(before, all_of_them | {"after": 30}, all_of_them) == ["3", "2"]
    assert ids_after(before, {"after": 0, "tell": ["on_duty", "anna"]}) == ["1"], "and does more"
    assert ids_after(before, {"after": 0, "tell": ["anna"]}) == [None], "does something else"
    assert ids_after(before, {"step_id": "1", "after": 5, "tell": ["anna"]}) == ["1"]


def test_of_two_alike_the_one_that_stays_is_known() -> None:
    first, second = {"after": 0, "tell": ["anna"]}, {"after": 5, "tell": ["anna"]}
    before = form({"name": "Night", "steps": [first, second]})
    after = form({"name": "Night", "steps": [second]}, before)
    assert after.steps == before.steps[1:]


def test_what_is_taken_out_never_comes_back_as_another() -> None:
    before = form({"name": "Night", "steps": [{"after": 0, "tell": ["anna"]}]})
    between = form({"name": "Night", "steps": [{"after": 0, "tell": ["ben"]}]}, before)
    after = form({"name": "Night", "steps": [{"after": 0, "tell": ["anna"]}]}, between)
    assert len({one.steps[0].step_id for one in (before, between, after)}) == 3


def test_what_cannot_be_read_is_named_and_the_rest_kept() -> None:
    stored = {"of_a_newer_version": 1, **NIGHT} | {
        "least_severity": "terrible",
        "steps": [
            {"after": "soon", "tell": ["on_duty"]},
            {"after": 5},
            {"after": 7, "tell": ["anna"], "volume": 1000},
            "nonsense",
        ],
    }
    found, unreadable = plan_from_data("p", stored)
    assert unreadable == ["least_severity", "steps.0.after", "steps.1", "steps.2.volume", "steps.3"]
    assert found.least_severity is MEDIUM
    assert found.name == NIGHT["name"]
    assert [(step.after, step.tell) for step in found.steps] == [(0, ("on_duty",)), (7, ("anna",))]
    anna, broken = caregiver_from_data("anna", ANNA | {"duty": 7, "break_through": ["all"]})
    assert broken == ["duty", "break_through"]
    assert (anna.duty, anna.break_through, anna.name) == ("always", frozenset({HIGH}), "Anna")


@pytest.mark.parametrize("stored", [None, [], "plan", {}, {"steps": []}, {"steps": 7}])
def test_a_plan_without_a_step_is_the_proposal(stored: Any) -> None:
    found, unreadable = plan_from_data("p", stored)
    assert found.steps == proposed_plan("p", "p").steps
    assert unreadable == ["steps"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(
    plan_fields=st.dictionaries(st.sampled_from(sorted(NIGHT)), json_values),
    step_fields=st.dictionaries(
        st.sampled_from(["step_id", *NIGHT["steps"][-1], "every", "times"]), json_values
    ),
    anna_fields=st.dictionaries(st.sampled_from(sorted(ANNA)), json_values),
)
@settings(max_examples=200)
def test_whatever_is_on_disk_is_a_plan_that_tells_somebody(
    plan_fields: dict[str, Any], step_fields: dict[str, Any], anna_fields: dict[str, Any]
) -> None:
    step = NIGHT["steps"][-1] | step_fields
    found, _ = plan_from_data("p", NIGHT | {"steps": [step]} | plan_fields)
    assert any(isinstance(one, Step) and one.parts for one in found.steps)
    anna, _ = caregiver_from_data("anna", ANNA | anna_fields)
    assert isinstance(anna, Caregiver)
    for strict, data in (
        (form, NIGHT | {"steps": [step]} | plan_fields),
        (lambda data: caregiver_from_form("anna", data), ANNA | anna_fields),
    ):
        with suppress(vol.Invalid), translated():
            strict(data)


@contextmanager
def translated() -> Iterator[None]:
    """What is refused is refused with a key that is known."""
    try:
        yield
    except vol.Invalid as error:
        if error.msg in KEYS:
            raise
        raise AssertionError(error.msg) from error


KEYS = {
    *(key for *_, key in (*WRONG_PLANS, *WRONG_STEPS)),
    *("no_step", "wrong_entity", "no_such_text", "required"),
}
"""What a form can answer: each needs its sentence."""
