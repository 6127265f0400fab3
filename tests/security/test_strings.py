"""Whatever a vendor, a guest or a calendar says is text: no template, no markup, no second line, no command."""

from collections.abc import Mapping
import logging
import re
from typing import Any, Final
from unittest.mock import MagicMock, patch

from homeassistant.core import Event
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.util import slugify
from hypothesis import example, given, strategies as st
import pytest

from custom_components.care_alerts.alerts.tolerant import DEEPEST, is_shallow
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses.banners import ALERTS
from custom_components.care_alerts.responses.message import markdown
from custom_components.care_alerts.seal import Seal
from custom_components.care_alerts.sources.issues import unlinked
from custom_components.care_alerts.sources.parsing import (
    LONGEST_NAME,
    LONGEST_TEXT,
    can_be_kept,
    name_or_none,
    text,
    text_or_none,
    word,
)
from tests.home import Home
from tests.responses.house import caregiver, plan, set_up
from tests.responses.test_banners import shown
from tests.sources.tidepool.conftest import SETTINGS, Follower

AT_ONCE: Final = [{"step_id": "1", "after": 0, "tell": ["everybody"]}]

ESC: Final = "\x1b"
HOSTILE: Final = (
    f"J{ESC}[2Jill\r\nERROR (MainThread) all is well\u202e\u2066 {{{{ 7 * 7 }}}}{{% raw %}}"
    "![](https://evil.example/p.png)<img src=x>[ok](//evil.example)"
)
UNSEEN: Final = tuple(f"{ESC}\r\n\t\x00\x7f\x85\u2028\u2029\u200b\u200e\u202e\u2066\u2069\ufeff")
"""What moves, hides or breaks what stands beside it."""


@example("a" * (LONGEST_NAME + 1))
@given(st.text() | st.text(alphabet=[*UNSEEN, "a", " ", "\u200d"], max_size=2 * LONGEST_NAME))
def test_a_name_is_one_line_that_can_be_seen(typed: str) -> None:
    name = name_or_none(typed)
    if name is None:
        assert not any(letter.isprintable() and letter != " " for letter in typed[:LONGEST_NAME])
        return
    assert name == name.strip()
    assert 0 < len(name) <= LONGEST_NAME
    assert not set(name) & set(UNSEEN)
    assert name_or_none(name) == name


@pytest.mark.parametrize(
    "name", ["Zoë", "愛", "علی‌رضا", "क्‍ष", "\N{MAN}\u200d\N{WOMAN}", "O'Neil <3"]
)
def test_a_name_in_any_script_stays_as_it_is(name: str) -> None:
    assert name_or_none(name) == name


@given(st.text(max_size=3) | st.text(alphabet=[*UNSEEN, "a"], max_size=5))
def test_an_id_is_one_line_that_can_be_seen(said: str) -> None:
    assert (text_or_none(said) is None) is not (said.isprintable() and said != "")


def test_an_id_has_an_end() -> None:
    assert text("x" * LONGEST_TEXT)
    for endless in ("x" * (LONGEST_TEXT + 1), "x" * 10_000_000):
        with pytest.raises(ValueError, match=r"^$"):
            text(endless)


@given(st.text())
def test_a_word_is_cut_and_loses_no_alert(said: str) -> None:
    said += "urgentLow" + said
    one_line = word(said * 40)
    assert len(one_line) <= LONGEST_TEXT
    assert one_line.replace("\u200c", "").replace("\u200d", "").isprintable()
    assert word("urgentLow") == "urgentLow"


@pytest.mark.parametrize(
    "said",
    [
        "![](https://evil.example/p.png)",
        "[All is well](https://evil.example)",
        "<img src=https://evil.example/p.png>",
        "<https://evil.example>",
        "see www.evil.example or HTTP://evil.example",
        "Jill _www.evil.example/login",
        "0www.evil.example, xWWW.evil.example",
        "[x]: //evil.example",
    ],
)
def test_nothing_in_a_sentence_becomes_a_link_or_a_picture(said: str) -> None:
    """What Markdown makes of these has one of `](`, `]:`, `<` and a letter, a letter and `://`, `www.`, `![`."""
    for harmless in (unlinked(said), markdown(said)):
        # What is behind a backslash is itself and no more.
        bare = re.sub(r"\\.", "", harmless)
        assert not re.search(r"\]\(|\]:|<\w|\w://|www\.|!\[", bare, flags=re.IGNORECASE)
    assert unlinked(said).replace("\u2060", "") == said
    assert unlinked("O'Neil, 3.9 mmol/L at 02:41 of anna@example.com") == (
        "O'Neil, 3.9 mmol/L at 02:41 of anna@example.com"
    )


@pytest.mark.real_files
async def test_a_hostile_name_goes_nowhere(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    """A child's account is the child's: its name reaches a phone, a page, a repair, a log and a voice as text alone."""
    caplog.set_level(logging.DEBUG)
    house = home.house
    phone = await home.phone("Anna")
    await set_up(home, caregiver("Anna", phones=[phone.device_id]), plan(steps=AT_ONCE))
    jill = house.sim.tidepool.add_child(HOSTILE)
    jill.share_with(house.sim.tidepool.account)
    broken = SETTINGS | {"high": {"enabled": True, "threshold": {"units": "stone", "value": 1}}}
    jill.set_settings(house.sim.tidepool.account, broken)
    follower = Follower(house, jill, house.tidepool_entry(), [])
    follower.reads(90, device_id=HOSTILE)
    await follower.start()
    await house.pass_time(minutes=5)
    follower.reads(50, device_id=HOSTILE)
    await house.pass_time(seconds=30)

    # It is there, to be read, on one line.
    device = dr.async_get(home.hass).async_get(follower.device_id)
    assert device is not None
    name = device.name
    assert name is not None
    assert name.startswith("J [2Jill ERROR (MainThread) all is well {{ 7 * 7 }}{% raw %}![](ht")
    assert phone.shown["title"].startswith(name)
    # The app takes a message that is a command for one; ours begin with our own words.
    assert phone.shown["message"].startswith("Was observed at ")
    # A banner's title is no Markdown.
    title, message = shown(home.hass)[ALERTS]
    assert title is not None
    assert title.startswith(name)
    assert "evil" not in message
    issues = [
        one
        for (domain, _), one in ir.async_get(home.hass).issues.items()
        if domain == DOMAIN and "name" in (one.translation_placeholders or {})
    ]
    assert {one.translation_key for one in issues} >= {"thresholds_unreadable"}
    for issue in issues:
        assert issue.translation_placeholders
        for said in issue.translation_placeholders.values():
            assert "](" not in said
            assert "<img" not in said
    for state in home.hass.states.async_all():
        assert not set(str(state.as_dict())) & set(UNSEEN) - {"\t"}
    for record in caplog.records:
        assert not set(record.getMessage()) & {ESC, "\u202e", "\r"}, record.name
        assert "\nERROR" not in record.getMessage()


async def test_a_hostile_id_makes_no_file_and_no_address(home: Home) -> None:
    """Files are called by the entry, statistics by letters and digits; an id that is none is no person."""
    house = home.house
    odd = ("../../secrets", "a/b", f"x{ESC}[2J", "x\ny", "y" * 10_000)
    for number, person_id in enumerate(odd):
        house.sim.lumen.default.add_person(f"{number}@example.com", shared_user_id=person_id)
    await home.care.coordinator.async_refresh_now()
    await house.settle()
    followed = set(home.care.coordinator.data.people)
    assert {"../../secrets", "a/b"} < followed
    assert len(followed) == 3
    assert home.care.maria.shared_user_id in followed
    assert all(slugify(one).replace("_", "").isalnum() for one in followed)


@pytest.mark.parametrize("depth", [DEEPEST + 1, 60, 200, 250, 400, 900])
def test_nothing_nested_without_end_is_written_as_json(depth: int) -> None:
    """Orjson 3.11 writes beyond its memory where much is closed at once, and takes Home Assistant down."""
    nested: object = 1
    for level in range(depth):
        nested = [nested] if level % 2 else {"a": nested}
    with patch("orjson.dumps") as dumps:
        assert not can_be_kept({"text": "x" * 900, "deep": nested})
        seal = Seal(MagicMock())
        for event_type in ("care_alerts_alert_received", "anything"):
            data: Mapping[str, Any] = {"seal": "0" * 64, "alert": {"details": nested}}
            assert seal.opened(Event(event_type, data)) is None
    dumps.assert_not_called()


def test_what_json_cannot_say_is_no_seal_of_ours() -> None:
    seal = Seal(MagicMock())
    for odd in (2**70, "\ud800", {"\ud800": 1}):
        data: Mapping[str, Any] = {"seal": "0" * 64, "alert": odd}
        assert seal.opened(Event("x", data)) is None


def test_what_records_have_is_not_too_deep() -> None:
    nested: object = 1
    for _ in range(DEEPEST - 1):
        nested = [nested]
    assert is_shallow(nested)
    assert can_be_kept({"schedules": [{"settings": {"days": ["monday"]}}] * 100})
