"""What is kept of responses, read as far as it can be, and written once for all who ask meanwhile."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
import os
from pathlib import Path
from stat import S_IMODE
import threading
from typing import Any
from unittest.mock import DEFAULT, patch

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.json import prepare_save_json
from homeassistant.helpers.storage import Store
from homeassistant.util.file import WriteError
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses.store import (
    NOT_WRITTEN,
    SHORTLY,
    Drill,
    Kept,
    ResponseStore,
)
from tests.appliances import soon

BEGAN = datetime(2026, 5, 1, 22, tzinfo=UTC)
FILE = f"{DOMAIN}.responses"


def test_all_of_it_is_kept() -> None:
    kept = Kept(
        off={"plan", "another"},
        silent={("phone", "entry"): "unreachable", ("notify.sms", "entry"): "no_new_data"},
        mornings={"plan": "2026-05-01"},
        drill=Drill(BEGAN, ["one", "two"]),
        tried=True,
    )
    assert Kept.from_dict(kept.to_dict()) == kept
    assert Kept.from_dict(Kept().to_dict()) == Kept() == Kept.from_dict({})


@pytest.mark.parametrize(
    ("name", "stored", "read"),
    [
        ("silent", [["phone", "entry", "dead"], ["phone", "entry"]], {("phone", "entry"): "dead"}),
        ("silent", [["phone", 7, "dead"], [7, "entry", "dead"], ["phone", "entry", 7], None], {}),
        ("silent", "phone", {}),
        ("off", ["plan", 7, None], {"plan"}),
        ("off", "plan", set()),
        ("off", None, set()),
        ("mornings", {"plan": "2026-05-01", "odd": 7, 7: "2026-05-01"}, {"plan": "2026-05-01"}),
        ("mornings", ["plan"], {}),
        ("tried", True, True),
        ("tried", "yes", False),
        ("tried", 1, False),
        (
            "drill",
            {"began_at": BEGAN.isoformat(), "episode_ids": ["one", 2]},
            Drill(BEGAN, ["one", "2"]),
        ),
        ("drill", {"began_at": "once", "episode_ids": ["one"]}, None),
        ("drill", {"began_at": BEGAN.isoformat(), "episode_ids": "one"}, None),
        ("drill", {"began_at": BEGAN.isoformat()}, None),
        ("drill", [], None),
    ],
)
def test_of_what_makes_no_sense_the_rest_is_kept(name: str, stored: Any, read: Any) -> None:
    kept = Kept.from_dict({"off": ["kept"], "tried": True, name: stored})
    assert getattr(kept, name) == read
    others = {"off": {"kept"}, "tried": True}
    others.pop(name, None)
    assert {other: getattr(kept, other) for other in others} == others


def on_disk(hass_storage: dict[str, Any], data: Any) -> None:
    """Have a file from before."""
    hass_storage[FILE] = {"version": 1, "minor_version": 1, "key": FILE, "data": data}


@pytest.mark.parametrize(
    ("records", "screens", "said"),
    [
        ([], {}, []),
        ([7], {}, ["1 of the records"]),
        ([], {"phone": {"shown": {"tag": 7}}}, ["1 of the records"]),
        ([7, 8], {"phone": {"shown": {"tag": 7}}}, ["3 of the records"]),
    ],
)
async def test_what_could_not_be_read_is_counted(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    records: list[Any],
    screens: dict[str, Any],
    said: list[str],
) -> None:
    on_disk(hass_storage, {"state": {"records": records}, "screens": screens, "off": ["plan"]})
    store = ResponseStore(hass)
    await store.load()
    warned = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert [one.partition(" of what")[0] for one in warned if "of what was done" in one] == said
    assert store.kept.off == {"plan"}


@pytest.mark.parametrize("data", [7, ["plan"], "plan"])
async def test_a_file_that_makes_no_sense_counts_as_none(
    hass: HomeAssistant, hass_storage: dict[str, Any], caplog: pytest.LogCaptureFixture, data: Any
) -> None:
    on_disk(hass_storage, data)
    store = ResponseStore(hass)
    await store.load()
    assert store.kept == Kept()
    assert "What was done about alerts could not be read" in caplog.text


async def test_without_a_file_nothing_is_kept_and_nothing_said(
    hass: HomeAssistant, hass_storage: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    store = ResponseStore(hass)
    await store.load()
    assert store.kept == Kept()
    assert "could not be read" not in caplog.text


async def test_whoever_asks_while_it_is_written_waits_for_the_next_time_together(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    store = ResponseStore(hass)
    written: list[list[str]] = []
    disk = asyncio.Event()
    save = Store.async_save

    async def slow(self: Store[Any], data: Any) -> None:
        written.append(data["off"])
        await disk.wait()
        await save(self, data)

    with patch.object(Store, "async_save", slow):
        first = hass.async_create_task(store.save())
        await soon(lambda: bool(written))
        store.kept.off.add("plan")
        others = [hass.async_create_task(store.save()) for _ in range(3)]
        others[0].cancel()
        disk.set()
        await asyncio.gather(first, *others[1:])
    # Who was stopped has stopped nobody else; and all were told only when theirs was on disk.
    assert written == [[], ["plan"]]
    assert hass_storage[FILE]["data"]["off"] == ["plan"]


async def test_a_disk_that_refuses_is_told_to_a_person_until_it_does_not(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    def issue() -> ir.IssueEntry | None:
        return ir.async_get(hass).async_get_issue(DOMAIN, NOT_WRITTEN)

    store = ResponseStore(hass)
    await store.save()
    assert issue() is None
    with patch.object(Store, "_async_write_data", side_effect=WriteError):
        # The house acts all the same.
        await store.save()
    found = issue()
    assert found is not None
    assert found.severity is ir.IssueSeverity.ERROR
    await store.save()
    assert issue() is None


async def test_what_does_no_harm_is_written_before_long(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    store = ResponseStore(hass)
    store.save_later()
    store.kept.tried = True
    await hass.async_block_till_done()
    assert FILE not in hass_storage
    async_fire_time_changed(hass, datetime.now(UTC) + timedelta(seconds=SHORTLY + 1))
    await hass.async_block_till_done()
    assert hass_storage[FILE]["data"]["tried"] is True


@pytest.mark.real_files
async def test_nobody_else_may_read_the_file_and_nothing_is_left_behind(
    hass: HomeAssistant,
) -> None:
    store = ResponseStore(hass)
    store.kept.tried = True
    await store.save()
    file = Path(hass.config.path(".storage", FILE))
    assert S_IMODE(file.stat().st_mode) == 0o600  # noqa: ASYNC240
    again = ResponseStore(hass)
    await again.load()
    assert again.kept == store.kept
    await store.remove()
    assert not file.exists()  # noqa: ASYNC240
    assert store.kept == Kept()


@pytest.mark.real_files
async def test_it_is_on_the_disk_itself_and_the_house_goes_on_while_it_is_written(
    hass: HomeAssistant,
) -> None:
    """What the power takes away with it was not written; and years of records take a while to be made text of."""
    where: dict[str, set[bool]] = {"written": set(), "made text of": set()}

    def note(what: str) -> Callable[..., Any]:
        def called(*_: Any, **__: Any) -> Any:
            where[what].add(threading.get_ident() == hass.loop_thread_id)
            return DEFAULT

        return called

    with (
        patch("atomicwrites._proper_fsync", wraps=os.fsync, side_effect=note("written")),
        patch(
            "homeassistant.helpers.json.prepare_save_json",
            wraps=prepare_save_json,
            side_effect=note("made text of"),
        ),
    ):
        await ResponseStore(hass).save()
    assert where == {"written": {False}, "made text of": {False}}
