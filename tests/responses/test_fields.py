"""What each field of a part of the household may be: with its bounds, and the key of what is said of all else."""

from datetime import time
from typing import Any

import pytest
import voluptuous as vol

from custom_components.care_alerts.alerts.alert import Severity
from custom_components.care_alerts.responses import fields
from custom_components.care_alerts.responses.fields import CAREGIVER, PLAN, STEP, Fields
from custom_components.care_alerts.responses.plan import QuietHours, Text

NIGHT = QuietHours(time(22), time(7))


@pytest.mark.parametrize(
    ("table", "key", "given", "read"),
    [
        (CAREGIVER, "name", " Anna ", "Anna"),
        (CAREGIVER, "person", None, None),
        (CAREGIVER, "person", "person.anna", "person.anna"),
        (CAREGIVER, "phones", ["b", "a", " b"], ("b", "a")),
        (CAREGIVER, "phones", [], ()),
        (CAREGIVER, "notify", ["notify.b", "notify.a", "notify.b"], ("notify.b", "notify.a")),
        (CAREGIVER, "duty", "always", "always"),
        (CAREGIVER, "duty", "schedule.night", "schedule.night"),
        (CAREGIVER, "duty", "calendar.night", "calendar.night"),
        (CAREGIVER, "break_through", ["high", "low"], frozenset({Severity.HIGH, Severity.LOW})),
        (CAREGIVER, "text", "neutral", Text.NEUTRAL),
        (CAREGIVER, "live_status", True, True),
        (CAREGIVER, "live_status", False, False),
        (STEP, "after", 0, 0),
        (STEP, "after", 1440.0, 1440),
        (STEP, "every", None, None),
        (STEP, "every", 1, 1),
        (STEP, "every", 1440, 1440),
        (STEP, "times", 1, 1),
        (STEP, "times", 100, 100),
        (STEP, "volume", 1, 1),
        (STEP, "volume", 100, 100),
        (STEP, "colour", [0, 255, 0], (0, 255, 0)),
        (STEP, "lights", ["light.hall"], ("light.hall",)),
        (STEP, "speakers", ["media_player.hall"], ("media_player.hall",)),
        (STEP, "tts", "tts.voice", "tts.voice"),
        (PLAN, "handled_wait", 0, 0),
        (PLAN, "handled_wait", 60, 60),
        (PLAN, "morning", "07:30", time(7, 30)),
        (PLAN, "morning", None, None),
        (PLAN, "quiet_hours", {"from": "22:00", "to": "07:00"}, NIGHT),
        (PLAN, "quiet_hours", None, None),
        (PLAN, "alert_types", ["low", "low"], frozenset({"low"})),
        (PLAN, "whose", {"area_id": "hall", "label_id": []}, {"area_id": "hall"}),
        (PLAN, "whose", {"device_id": ["one", "two"]}, {"device_id": ["one", "two"]}),
        (
            PLAN,
            "whose",
            {"area_id": ["hall"], "exclude": {"device_id": "one", "area_id": []}},
            {"area_id": ["hall"], "exclude": {"device_id": "one"}},
        ),
        (PLAN, "whose", {"area_id": ["hall"], "exclude": {}}, {"area_id": ["hall"]}),
    ],
)
def test_what_it_may_be(table: Fields, key: str, given: Any, read: Any) -> None:
    found = table[key](given)
    assert found == read
    assert type(found) is type(read)


@pytest.mark.parametrize(
    ("table", "key", "given", "error"),
    [
        *((CAREGIVER, "name", given, "not_a_text") for given in ("", "  ", 7, None)),
        *((CAREGIVER, "phones", given, "not_a_list") for given in ("phone", 7, None)),
        (CAREGIVER, "phones", ["phone", ""], "not_a_text"),
        *(
            (CAREGIVER, "person", given, "wrong_entity")
            for given in ("person.", "person", "light.hall")
        ),
        (CAREGIVER, "notify", ["notify.sms", "light.hall"], "wrong_entity"),
        (CAREGIVER, "duty", "light.hall", "wrong_entity"),
        (CAREGIVER, "break_through", ["worst"], "no_such_severity"),
        (CAREGIVER, "text", "long", "no_such_text"),
        *((CAREGIVER, "live_status", given, "not_a_flag") for given in ("yes", 1, None)),
        *((STEP, "after", given, "minutes_range") for given in (-1, 1441)),
        *((STEP, "after", given, "not_a_number") for given in (True, "5", 1.5, None)),
        *((STEP, "every", given, "minutes_range") for given in (0, 1441)),
        *((STEP, "times", given, "times_range") for given in (0, 101)),
        *((STEP, "volume", given, "volume_range") for given in (0, 101)),
        *(
            (STEP, "colour", given, "no_colour")
            for given in ("red", [1, 2], [1, 2, 3, 4], [0, 0, 256], [-1, 0, 0], 7)
        ),
        (STEP, "lights", ["switch.hall"], "wrong_entity"),
        (STEP, "tts", "light.hall", "wrong_entity"),
        *((PLAN, "handled_wait", given, "handled_wait_range") for given in (-1, 61)),
        *((PLAN, "morning", given, "no_time_of_day") for given in ("late", 7, "07:00+01:00")),
        *(
            (PLAN, "quiet_hours", given, "quiet_hours_need_both")
            for given in ({"from": "22:00"}, {}, "22:00", {"from": "1", "to": "2", "on": "3"})
        ),
        (PLAN, "quiet_hours", {"from": "22:00", "to": "22:00"}, "quiet_hours_empty"),
        *(
            (PLAN, "whose", given, "no_target")
            for given in (
                "hall",
                {"area_id": 7},
                {"area_id": ["hall", 7]},
                {7: ["hall"]},
                {"area_id": ["hall"], "exclude": "hall"},
                {"exclude": {"exclude": {"area_id": "hall"}}},
            )
        ),
    ],
)
def test_what_it_may_not_be(table: Fields, key: str, given: Any, error: str) -> None:
    with pytest.raises(vol.Invalid) as caught:
        table[key](given)
    assert caught.value.msg == error


def test_checks_are_made_of_what_they_are_given() -> None:
    assert fields._minutes(3)(3) == 3
    assert fields._whole(1, 2, "key")(2) == 2
    assert fields._entity("light", "tts")("tts.voice") == "tts.voice"
    assert fields._entities("light")(["light.hall"]) == ("light.hall",)
    assert fields._optional(fields._flag)(None) is None
    assert fields._optional(fields._flag)(True) is True
