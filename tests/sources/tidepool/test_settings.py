"""The settings: what is read of any document, what is sent for a change, and what is refused before it is."""

from collections.abc import Mapping
from typing import Any

from hypothesis import given, strategies as st
import orjson
import pytest

from custom_components.care_alerts.alerts.glucose import MG_DL, MMOL_L, converted, rounded
from custom_components.care_alerts.sources.tidepool.changing import SettingsError, change, starting
from custom_components.care_alerts.sources.tidepool.settings import (
    FIELDS,
    GLUCOSE_KINDS,
    KINDS,
    Field,
    Settings,
)
from custom_components.care_alerts.sources.tidepool.units import exact_unit
from simulator.tidepool import settings as server

DOCUMENT: dict[str, Any] = {
    "uploadId": "",
    "userId": "1111111111",
    "followedUserId": "2222222222",
    "urgentLow": {"enabled": True, "threshold": {"units": "mg/dL", "value": 55}},
    "low": {
        "enabled": True,
        "delay": 10,
        "repeat": 30,
        "threshold": {"units": "mg/dL", "value": 70},
        "sound": {"name": "chime"},
    },
    "high": {"enabled": False, "delay": 180, "threshold": {"units": "mg/dL", "value": 250}},
    "notLooping": {"enabled": True, "delay": 30},
    "falling": {"enabled": True, "rate": 2},
}
"""A document with what a newer server may add, and a delay longer than may be written."""


def asked(**values: Any) -> dict[Field, Any]:
    """What is asked for, by the action's names."""
    return {FIELDS[name]: value for name, value in values.items()}


def sent(document: Mapping[str, Any], unit: str | None = None, **values: Any) -> Mapping[str, Any]:
    """What a change sends."""
    return change(Settings(document), asked(**values), unit).alerts


def refusal(document: Mapping[str, Any], unit: str | None = None, **values: Any) -> tuple[str, str]:
    """Which field of a change is refused, and why."""
    with pytest.raises(SettingsError) as caught:
        sent(document, unit, **values)
    return caught.value.field, caught.value.problem


def test_only_the_alert_that_changes_is_sent_whole() -> None:
    assert sent(DOCUMENT, low=75) == {
        "low": {
            "enabled": True,
            "delay": 10,
            "repeat": 30,
            "threshold": {"units": "mg/dL", "value": 75},
            "sound": {"name": "chime"},
        }
    }
    assert sent(DOCUMENT, low_enabled=False, not_looping_delay=45) == {
        "low": {**DOCUMENT["low"], "enabled": False},
        "notLooping": {"enabled": True, "delay": 45},
    }


def test_what_is_so_already_is_not_sent() -> None:
    assert sent(DOCUMENT, low=70, low_delay=10, high_repeat=0, high_enabled=False) == {}
    # Not even what nobody could write anew.
    assert sent(DOCUMENT, high_delay=180) == {}


def test_a_long_delay_of_somebody_else_stays() -> None:
    assert sent(DOCUMENT, high=240)["high"]["delay"] == 180
    assert refusal(DOCUMENT, high_delay=181) == ("high_delay", "delay_range")


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"low_delay": 121}, ("low_delay", "delay_range")),
        ({"low_delay": -1}, ("low_delay", "delay_range")),
        ({"low_delay": 7.5}, ("low_delay", "delay_range")),
        ({"low_delay": float("nan")}, ("low_delay", "delay_range")),
        ({"no_communication_delay": 121}, ("no_communication_delay", "delay_range")),
        ({"low_repeat": 14}, ("low_repeat", "repeat_range")),
        ({"low_repeat": 241}, ("low_repeat", "repeat_range")),
        ({"high_repeat": 1}, ("high_repeat", "repeat_range")),
        ({"low": 70.5}, ("low", "threshold_step")),
        ({"low": float("inf")}, ("low", "threshold_step")),
        ({"high": 1001}, ("high", "threshold_range")),
        ({"urgent_low": -1}, ("urgent_low", "threshold_range")),
        ({"low": 55}, ("low", "threshold_order")),
        ({"low": 250}, ("low", "threshold_order")),
        ({"urgent_low": 70}, ("urgent_low", "threshold_order")),
        ({"high": 50}, ("high", "threshold_order")),
        ({"unit": "mg", "low": 71}, ("unit", "unit")),
        ({"unit": "mmol/L", "low": 4.25}, ("low", "threshold_step")),
        ({"unit": "mmol/L", "low": 3.0}, ("low", "threshold_order")),
    ],
)
def test_what_is_refused(values: dict[str, Any], problem: tuple[str, str]) -> None:
    assert refusal(DOCUMENT, **values) == problem


@pytest.mark.parametrize(
    "values",
    [
        {"low_delay": 0},
        {"low_delay": 120},
        {"low_repeat": 0},
        {"low_repeat": 15},
        {"low_repeat": 240},
        {"high": 1000},
        {"urgent_low": 0},
        {"urgent_low": 69},
        {"low": 56},
    ],
)
def test_the_limits_themselves_are_taken(values: dict[str, Any]) -> None:
    merged = {**DOCUMENT, **sent(DOCUMENT, **values)}
    ((name, value),) = values.items()
    assert Settings(merged).value(FIELDS[name]) == value
    server.read(_json(sent(DOCUMENT, **values)), unknown=True)


def test_thresholds_may_pass_each_other_together() -> None:
    changed = sent(DOCUMENT, urgent_low=80, low=90)
    assert changed["urgentLow"]["threshold"]["value"] == 80
    assert changed["low"]["threshold"]["value"] == 90


def test_an_order_that_somebody_else_broke_is_not_in_the_way() -> None:
    document = {
        **DOCUMENT,
        "urgentLow": {"enabled": True, "threshold": {"units": "mg/dL", "value": 80}},
    }
    assert sent(document, low_delay=5)["low"]["threshold"]["value"] == 70
    assert refusal(document, low=71) == ("low", "threshold_order")


@pytest.mark.parametrize(
    ("kind", "rest", "odd"),
    [
        ("low", {"repeat": 5}, "low_repeat"),
        ("low", {"repeat": 241}, "low_repeat"),
        ("low", {"delay": 121}, "low_delay"),
        ("low", {"delay": "10"}, "low_delay"),
        ("low", {"threshold": {"units": "mg/dL", "value": 1001}}, "low"),
        ("low", {"delay": 2.5}, None),
        ("urgent_low", {"repeat": 5}, "urgent_low_repeat"),
        ("no_communication", {"repeat": 5}, "no_communication_repeat"),
        ("no_communication", {"delay": 361}, "no_communication_delay"),
        ("no_communication", {"delay": 360}, None),
    ],
)
def test_what_somebody_else_wrote_is_in_nobodys_way(
    kind: str, rest: dict[str, Any], odd: str | None
) -> None:
    """It goes out as it came; if the server refuses that without a word, it is known why."""
    name = KINDS[kind]
    document = {name: {**DOCUMENT.get(name, {"enabled": False}), **rest}}
    asked = {FIELDS[f"{kind}_enabled"]: not document[name]["enabled"]}
    made = change(Settings(document), asked)
    assert made.alerts == {name: {**document[name], "enabled": not document[name]["enabled"]}}
    assert (str(made.odd) if made.odd else None) == odd
    if odd:
        with pytest.raises(server.MalformedError):
            server.read(_json(made.alerts), unknown=True)
    else:
        server.read(_json(made.alerts), unknown=True)


def test_what_is_asked_for_mends_what_somebody_else_wrote() -> None:
    document = {"low": {**DOCUMENT["low"], "repeat": 5}}
    made = change(Settings(document), {FIELDS["low_repeat"]: 15, FIELDS["low_delay"]: 20})
    assert made.odd is None
    server.read(_json(made.alerts), unknown=True)


def test_an_alert_without_a_threshold_that_can_be_read_needs_one() -> None:
    for threshold in ({"units": "mg", "value": 70}, None):
        document = {"low": {**DOCUMENT["low"], "threshold": threshold}}
        assert refusal(document, low_enabled=False) == ("low", "threshold_needed")


def test_units_go_out_as_the_server_spells_them() -> None:
    document = {"low": {"enabled": True, "threshold": {"units": "mg/dl", "value": 70}}}
    assert sent(document, low_delay=5)["low"]["threshold"] == {"units": "mg/dL", "value": 70}
    assert sent(document, low=71)["low"]["threshold"] == {"units": "mg/dL", "value": 71}


def test_a_value_goes_out_in_the_unit_of_the_settings() -> None:
    assert sent(DOCUMENT, "mmol/L", low=4.2)["low"]["threshold"] == {"units": "mg/dL", "value": 76}
    mmol = {"low": {"enabled": True, "threshold": {"units": "mmol/L", "value": 3.9}}}
    assert sent(mmol, "mg/dL", low=76)["low"]["threshold"] == {"units": "mmol/L", "value": 4.2}
    assert sent(mmol, low=4.1 + 0.1)["low"]["threshold"] == {"units": "mmol/L", "value": 4.2}
    # One alert's own unit comes before that of the others.
    mixed = {**DOCUMENT, **mmol}
    assert sent(mixed, low=4.2)["low"]["threshold"] == {"units": "mmol/L", "value": 4.2}
    assert sent(mixed, high=260)["high"]["threshold"] == {"units": "mg/dL", "value": 260}


def test_where_there_are_no_settings_yet() -> None:
    assert refusal({}, low=70) == ("unit", "unit")
    assert refusal({}, low_enabled=True) == ("low", "threshold_needed")
    assert sent({}, "mg/dL", low=70, low_enabled=True) == {
        "low": {"threshold": {"units": "mg/dL", "value": 70}, "enabled": True}
    }
    assert sent({}, not_looping_enabled=True) == {"notLooping": {"enabled": True}}


@pytest.mark.parametrize("unit", [MG_DL, MMOL_L])
def test_what_is_proposed_can_be_written(unit: str) -> None:
    proposed = starting(unit)
    assert set(proposed) == set(FIELDS.values())
    alerts = change(Settings({}), proposed, unit).alerts
    assert server.read(_json(alerts), unknown=False) == server.read(_json(alerts), unknown=True)
    assert all(Settings(alerts).value(field) == value for field, value in proposed.items())


def test_what_did_not_stay_is_named() -> None:
    made = change(Settings(DOCUMENT), asked(low=75, low_delay=0))
    made.check_kept(Settings({"low": {"threshold": {"units": "mg/dL", "value": 75}}}))
    for document, field in (
        ({"low": {"threshold": {"units": "mg/dL", "value": 74}}}, "low"),
        ({"low": {"threshold": {"units": "mg/dL", "value": 75}, "delay": 1}}, "low_delay"),
        ({}, "low"),
    ):
        with pytest.raises(SettingsError) as caught:
            made.check_kept(Settings(document))
        assert (caught.value.field, caught.value.problem) == (field, "not_kept")


def test_what_is_asked_of_the_settings() -> None:
    assert Settings(DOCUMENT).as_response() == {
        "unit": "mg/dL",
        "urgent_low": 55,
        "urgent_low_enabled": True,
        "low": 70,
        "low_enabled": True,
        "low_delay": 10,
        "low_repeat": 30,
        "high": 250,
        "high_enabled": False,
        "high_delay": 180,
        "high_repeat": 0,
        "no_communication_enabled": None,
        "no_communication_delay": None,
        "not_looping_enabled": True,
        "not_looping_delay": 30,
    }
    mixed = {**DOCUMENT, "high": {"threshold": {"units": "mmol/L", "value": 14.0}}}
    told = Settings(mixed).as_response()
    assert (told["high"], told["high_unit"], told["unit"]) == (14.0, "mmol/L", "mg/dL")
    assert "low_unit" not in told


# For any document.

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
unknown_fields = st.dictionaries(
    st.text(min_size=1).filter(
        lambda name: name not in ("enabled", "threshold", "delay", "repeat", "units", "value")
    ),
    json_values,
    max_size=3,
)


RANGES = {"urgent_low": (40, 60), "low": (61, 90), "high": (150, 400)}
"""Thresholds (mg/dL) that are in order whatever they are."""


def values(kind: str, unit: str, *, in_steps: bool) -> st.SearchStrategy[float]:
    """A threshold of a kind: in the steps that may be asked for, or as anybody may have stored it."""
    low, high = RANGES[kind]
    if unit == MG_DL:
        return st.integers(low, high)
    # A little narrower, so that rounding does not put them out of order.
    low, high = int(low / 1.8 + 2), int(high / 1.8 - 2)
    tenths = st.integers(low, high) if in_steps else st.floats(low, high)
    return tenths.map(lambda value: value / 10)


@st.composite
def thresholds(draw: st.DrawFn, kind: str, unit: str) -> dict[str, Any]:
    """A threshold that the server takes, with what it does not know."""
    value = draw(values(kind, unit, in_steps=False))
    return draw(unknown_fields) | {"units": unit, "value": value}


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A settings document as the server, or a newer one, may have it."""
    document: dict[str, Any] = draw(unknown_fields)
    for name in KINDS.values():
        document.pop(name, None)
    for kind, name in KINDS.items():
        if draw(st.booleans()):
            continue
        alert = draw(unknown_fields)
        if draw(st.booleans()):
            alert["enabled"] = draw(st.booleans())
        if kind in GLUCOSE_KINDS:
            alert["threshold"] = draw(thresholds(kind, draw(st.sampled_from([MG_DL, MMOL_L]))))
        longest = server.DELAYS.get(name)
        if longest and draw(st.booleans()):
            alert["delay"] = draw(st.none() | st.integers(0, longest))
        if draw(st.booleans()):
            alert["repeat"] = draw(st.sampled_from([None, 0]) | st.integers(15, 240))
        document[name] = alert
    return document


@st.composite
def changes(draw: st.DrawFn, unit: str) -> dict[Field, Any]:
    """A change of some fields, each by itself fine."""
    fields = draw(st.lists(st.sampled_from(list(FIELDS.values())), min_size=1, unique=True))
    return {
        field: draw(
            values(field.kind, unit, in_steps=True)
            if field.name == "threshold"
            else {
                "enabled": st.booleans(),
                "delay": st.integers(0, 120),
                "repeat": st.just(0) | st.integers(15, 240),
            }[field.name]
        )
        for field in fields
    }


@given(documents(), st.sampled_from([MG_DL, MMOL_L]), st.data())
def test_read_change_write_is_the_change_asked_for(
    document: dict[str, Any], unit: str, data: st.DataObject
) -> None:
    wanted = data.draw(changes(unit))
    new = {field.kind for field in wanted if KINDS[field.kind] not in document}
    if unknown := {
        kind for kind in new.intersection(GLUCOSE_KINDS) if Field(kind, "threshold") not in wanted
    }:
        # Nobody makes up a threshold.
        with pytest.raises(SettingsError) as caught:
            change(Settings(document), wanted, unit)
        assert caught.value.field in unknown
        return
    made = change(Settings(document), wanted, unit)
    stored = {**document, **made.alerts}
    after = Settings(stored)
    # The server takes it.
    server.read(_json(made.alerts), unknown=True)
    # What was asked for is so, and said to be so.
    made.check_kept(after)
    for field, value in wanted.items():
        if field.name == "threshold":
            own = after.alert(field.kind)
            assert own is not None
            assert own.unit is not None
            assert own.threshold is not None
            half_step = 0.5 if own.unit == MG_DL else 0.05
            assert abs(own.threshold - converted(value, unit, own.unit)) <= half_step + 1e-9
            if unit == own.unit:
                assert own.threshold == value
        else:
            assert after.value(field) == value
    # All else is as it was.
    for name, alert in document.items():
        kept = stored[name]
        if name not in KINDS.values():
            assert kept == alert
            continue
        changed = {field.name for field in wanted if KINDS[field.kind] == name}
        assert {k: v for k, v in kept.items() if k not in changed} == {
            k: v for k, v in alert.items() if k not in changed
        }
        if "threshold" in changed:
            assert _rest(kept["threshold"]) == _rest(alert["threshold"])
            assert kept["threshold"]["units"] == alert["threshold"]["units"]
    assert set(stored) - set(document) <= {KINDS[field.kind] for field in wanted}
    # And doing it again changes nothing.
    assert change(after, made.asked).alerts == {}


def _rest(threshold: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in threshold.items() if name not in ("units", "value")}


@given(st.dictionaries(st.sampled_from([*KINDS.values(), "userId"]), json_values))
def test_any_document_can_be_read(document: dict[str, Any]) -> None:
    settings = Settings(document)
    assert set(settings.as_response()) >= {"unit", *FIELDS}
    for kind in KINDS:
        if (alert := settings.alert(kind)) is not None:
            assert alert.delay >= 0
            assert alert.repeat >= 0
            assert (alert.threshold is None) is (alert.unit is None)


@given(st.integers(1, 550))
def test_tenths_of_a_mmol_stay(tenths: int) -> None:
    value = tenths / 10
    document = {"low": {"threshold": {"units": "mmol/L", "value": 60.0}}}
    assert sent(document, low=value)["low"]["threshold"]["value"] == value


@given(st.integers(18, 600))
def test_what_a_device_stored_in_mg_dl_comes_back_as_that(mg_dl: int) -> None:
    stored = round(converted(mg_dl, MG_DL, MMOL_L), 5)
    assert rounded(converted(stored, MMOL_L, MG_DL), MG_DL) == mg_dl


def test_tidepools_own_example() -> None:
    assert round(converted(140, MG_DL, MMOL_L), 5) == 7.77105


@pytest.mark.parametrize(
    ("told", "exact"),
    [
        ("mg/dL", MG_DL),
        ("mg/dl", MG_DL),
        ("MMOL/L", MMOL_L),
        ("mmol", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_units(told: object, exact: str | None) -> None:
    assert exact_unit(told) == exact


def _json(document: Mapping[str, Any]) -> bytes:
    return orjson.dumps(document)
