"""The contestants, each alone in a process of its own: `python -m benchmarks.houses KIND`, driven over its pipes.

A line in is `{"do": method, ...arguments}`, a line out is what the method returned. Home Assistant runs in process,
with its real storage and recorder on a directory of its own.
"""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from datetime import datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
import json
import logging
import os
from pathlib import Path
import sqlite3
import sys
from tempfile import TemporaryDirectory
import time
import traceback
from types import MappingProxyType, ModuleType
from typing import Any, override
from unittest.mock import patch

import aiohttp
from aiohttp import web
from homeassistant import bootstrap, loader
from homeassistant.auth import auth_manager_from_config
from homeassistant.components.application_credentials import (
    ClientCredential,
    async_import_client_credential,
)
from homeassistant.config_entries import SOURCE_USER, ConfigEntries, ConfigEntry
from homeassistant.const import EVENT_STATE_CHANGED, EVENT_STATE_REPORTED, Platform
from homeassistant.core import Event, HomeAssistant, ServiceCall, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.recorder import async_initialize_recorder, get_instance
from homeassistant.setup import async_setup_component
import orjson
import yaml

import custom_components  # noqa: F401 # Home Assistant looks for it where this was found
from custom_components.care_alerts.alerts.alert import Alert, AlertKey, AlertState, Severity
from custom_components.care_alerts.alerts.testing import make_test_alert
from custom_components.care_alerts.sources.coordinator import SourceCoordinator
from scripts.real_home import VOICE_PACKAGES

from .measure import cost_of, peak_of
from .world import NOON, Account, emails

MOST_AT_ONCE = 100

type Json = Any
"""A JSON value."""


class Contestant(ABC):
    """Something that keeps itself up to date with an account's alerts."""

    def __init__(self) -> None:
        """Know no account yet."""
        self.account: Account
        self.now = NOON

    async def open(self, account: Mapping[str, Any]) -> Json:
        """Get ready, as far as it does not count."""
        self.account = Account(**account)
        return None

    async def close(self) -> Json:
        """Leave nothing behind."""
        return None

    async def set_up(self) -> Json:
        """Set up and return the cost."""
        return asdict(await cost_of(self._set_up, self._settle))

    async def update(self) -> Json:
        """Bring up to date and return the cost."""
        return asdict(await cost_of(self._update, self._settle))

    async def peak(self, what: str) -> Json:
        """Return the bytes that one `set_up` or `update` takes at its worst moment."""
        return await peak_of(self._update if what == "update" else self._set_up)

    @abstractmethod
    async def _set_up(self) -> None: ...

    @abstractmethod
    async def _update(self) -> None: ...

    @abstractmethod
    async def _settle(self) -> None:
        """Wait for what goes on behind the work's back."""


class Floor(Contestant):
    """The least that can be done: get the same answers, read the JSON, look once at each record."""

    _session: aiohttp.ClientSession
    _requests: list[str]

    async def ask_for(self, requests: list[str]) -> Json:
        """Ask for these from now on."""
        self._requests = requests
        return None

    @override
    async def open(self, account: Mapping[str, Any]) -> Json:
        self._session = aiohttp.ClientSession()
        return await super().open(account)

    @override
    async def close(self) -> Json:
        await self._session.close()

    @override
    async def _set_up(self) -> None:
        await self._update()

    @override
    async def _update(self) -> None:
        found = 0
        for path in self._requests:
            async with self._session.get(
                self.account.url + path, headers=self._headers()
            ) as response:
                found += self._look_at(orjson.loads(await response.read()))
        assert found

    def _headers(self) -> dict[str, str]:
        return {"X-Partner-Api-Key": self.account.key}

    def _look_at(self, answer: Json) -> int:
        data = answer["data"]
        records = data["alerts" if "alerts" in data else "mappings"]
        return sum(record["sharedUserId"] in self.account.followed for record in records)

    @override
    async def _settle(self) -> None:
        """Nothing does."""


class DexcomFloor(Floor):
    """The same for Dexcom."""

    @override
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.account.key}"}

    @override
    def _look_at(self, answer: Json) -> int:
        return sum("systemTime" in record for record in answer.get("records", ()))


class House(Contestant):
    """A real Home Assistant, running."""

    warm: tuple[str, ...]
    """Modules imported beforehand: what importing costs is measured by itself."""

    hass: HomeAssistant
    _directory: TemporaryDirectory[str]

    @override
    async def open(self, account: Mapping[str, Any]) -> Json:
        await super().open(account)
        for module in self.warm:
            import_module(module)
        self.now = NOON
        self._directory = TemporaryDirectory(prefix="care-alerts-benchmark-")
        hass = self.hass = HomeAssistant(self._directory.name)
        hass.config.skip_pip = True
        loader.async_setup(hass)
        hass.config_entries = ConfigEntries(hass, {})
        await loader.async_get_custom_components(hass)
        assert await bootstrap.async_load_base_functionality(hass)
        hass.auth = await auth_manager_from_config(hass, [], [])
        await hass.config.async_set_time_zone("UTC")
        async_initialize_recorder(hass)
        for component in ("homeassistant", "network", "recorder"):
            assert await async_setup_component(hass, component, {})
        await hass.async_start()
        await self._settle()

    @override
    async def close(self) -> Json:
        await self.hass.async_stop(force=True)
        self._directory.cleanup()

    async def move_to(self, now: str) -> Json:
        """Take this for the time from now on."""
        self.now = datetime.fromisoformat(now)

    async def seconds_to_next(self) -> Json:
        """Return after how long it would ask again by itself."""
        return 3600

    async def writes(self) -> Json:
        """Update once, a minute later, and return `[entities, states written as they were, states changed]`."""
        self.now += timedelta(minutes=1)
        mine = set(self._entities())
        written = {EVENT_STATE_REPORTED: 0, EVENT_STATE_CHANGED: 0}

        @callback
        def count(event: Event[Any]) -> None:
            written[str(event.event_type)] += event.data["entity_id"] in mine

        stop = [
            self.hass.bus.async_listen(EVENT_STATE_CHANGED, count),
            self.hass.bus.async_listen(
                EVENT_STATE_REPORTED, count, event_filter=callback(lambda data: True)
            ),
        ]
        await self._update()
        for unsubscribe in stop:
            unsubscribe()
        return [len(mine), *written.values()]

    async def rows(self) -> Json:
        """Return how many rows the recorder's tables have, by table."""
        await self._settle()
        with closing(sqlite3.connect(Path(self._directory.name, "home-assistant_v2.db"))) as base:
            return {
                table: base.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
                for table in ("states", "state_attributes", "events", "event_data")
            }

    async def measured(self) -> Json:
        """Return how many entities Home Assistant makes statistics of."""
        states = [self.hass.states.get(entity_id) for entity_id in self._entities()]
        return sum(
            state is not None
            and "state_class" in state.attributes
            and state.state.replace(".", "").lstrip("-").isdigit()
            for state in states
        )

    async def lines(self) -> Json:
        """Return how many lines of YAML a user writes."""
        return 0

    @abstractmethod
    def _entities(self) -> list[str]: ...

    @override
    async def _settle(self) -> None:
        await self.hass.async_block_till_done()
        await get_instance(self.hass).async_block_till_done()


class CareAlerts(House):
    """Care Alerts with an entry for the account."""

    warm = tuple(
        f"custom_components.care_alerts.{module}"
        for module in ("binary_sensor", "button", "config_flow", "event", "sensor")
    )
    _entry: ConfigEntry[Any]

    @override
    async def _set_up(self) -> None:
        options: dict[str, Any] = {}
        if self.account.people > len(self.account.followed):
            options = {
                "followed": [*emails(self.account)],
                "follow_later": True,
                "chosen_at": self.now.isoformat(),
            }
        self._entry = ConfigEntry(
            version=1,
            minor_version=1,
            domain="care_alerts",
            title="Lumen",
            source=SOURCE_USER,
            unique_id=None,
            data={
                "source": "lumen",
                "base_url": self.account.url,
                "api_key": self.account.key,
            },
            options=options,
            discovery_keys=MappingProxyType({}),
            subentries_data=(),
        )
        await self.hass.config_entries.async_add(self._entry)
        await self.hass.async_block_till_done()
        assert len(self._entry.runtime_data.data.people) == len(self.account.followed)

    @override
    async def _update(self) -> None:
        await self._entry.runtime_data.async_refresh()
        await self.hass.async_block_till_done()
        assert self._entry.runtime_data.last_update_success

    @override
    async def seconds_to_next(self) -> Json:
        return self._entry.runtime_data.update_interval.total_seconds()

    @override
    def _entities(self) -> list[str]:
        ours = self.hass.states.async_entity_ids([*Platform])
        assert len(ours) > len(self.account.followed)
        return ours


class Acting(CareAlerts):
    """A house whose automations act on alerts, and beside them on states that change: what Home Assistant takes itself."""

    _acted: asyncio.Future[float]
    _waiting: int

    @override
    async def _set_up(self) -> None:
        await super()._set_up()
        self.hass.services.async_register("bench", "act", self._act)
        triggers = {
            "alerts": {"trigger": "care_alerts.alert_received"},
            "states": {"trigger": "state", "entity_id": [_state(n) for n in range(MOST_AT_ONCE)]},
        }
        automations = [
            {
                "alias": f"Act on {what}",
                "mode": "parallel",
                "max": 10 * MOST_AT_ONCE,
                "trace": {"stored_traces": 5},
                "triggers": [trigger],
                "actions": [{"action": "bench.act"}],
            }
            for what, trigger in triggers.items()
        ]
        for number in range(MOST_AT_ONCE):
            self.hass.states.async_set(_state(number), "off")
        assert await async_setup_component(self.hass, "automation", {"automation": automations})
        await self.hass.async_block_till_done()

    @callback
    def _act(self, _: ServiceCall) -> None:
        self._waiting -= 1
        if not self._waiting:
            self._acted.set_result(time.perf_counter())

    async def alerts(self, count: int) -> Json:
        """Have alerts written into the ledger and return after how many seconds each has been acted on."""
        coordinator = self._entry.runtime_data
        self.now += timedelta(minutes=1)
        people = list(coordinator.data.people)
        news = [
            Alert(
                alert_id=f"{self.now.isoformat()} {number}",
                source="lumen",
                person_id=people[number % len(people)],
                alert_type=("weight", "flex", "medication")[number % 3],
                severity=Severity.HIGH,
                state=AlertState.ACTIVE,
                observed_at=self.now - timedelta(milliseconds=number),
                received_at=self.now,
            )
            for number in range(count)
        ]
        began = 0.0

        async def poll(_: datetime, *, everything: bool) -> bool:
            nonlocal began
            for alert in news:
                assert coordinator.store.ledger.add(alert, announce=True)
            began = time.perf_counter()
            return True

        self._waiting, self._acted = count, asyncio.get_running_loop().create_future()
        with patch.object(coordinator.source, "poll", poll):
            await coordinator.async_refresh()
            took = await self._acted - began
        await self._settle()
        return took

    async def states(self, count: int) -> Json:
        """Change states and return after how many seconds each has been acted on."""
        self._waiting, self._acted = count, asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        for number in range(count):
            state = self.hass.states.get(_state(number))
            assert state
            self.hass.states.async_set(_state(number), "off" if state.state == "on" else "on")
        took = await self._acted - began
        await self._settle()
        return took


class Pushing(CareAlerts):
    """A house that pushes alerts to a phone, whose push service is a sink in this process."""

    _pushed: list[float]
    _runner: web.AppRunner

    @override
    async def open(self, account: Mapping[str, Any]) -> Json:
        # What Home Assistant imports along with `mobile_app`, to listen: nobody talks to it here.
        for module, imported in VOICE_PACKAGES.items():
            if find_spec(module) is None:
                stand_in = ModuleType(module)
                setattr(stand_in, imported, type(imported, (), {}))
                sys.modules[module] = stand_in
        import_module("homeassistant.components.mobile_app.notify")
        return await super().open(account)

    @override
    async def _set_up(self) -> None:
        await super()._set_up()
        self._pushed = []

        async def take(request: web.Request) -> web.Response:
            self._pushed.append(time.perf_counter())
            return web.json_response({"target": "somewhere"}, status=201)

        app = web.Application()
        app.router.add_post("/push", take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        assert await async_setup_component(self.hass, "mobile_app", {})
        await self._register(f"http://127.0.0.1:{self._runner.addresses[0][1]}/push")
        await self.hass.async_block_till_done()
        await self._act_on_alerts()

    @override
    async def close(self) -> Json:
        await super().close()
        await self._runner.cleanup()

    async def _register(self, push_url: str) -> None:
        user = await self.hass.auth.async_create_user("Anna")
        await self._add(
            "mobile_app",
            "Phone",
            {
                "app_data": {"push_token": "token", "push_url": push_url},
                "app_id": "io.example.app",
                "app_name": "App",
                "app_version": "1.0",
                "device_id": "phone",
                "device_name": "Phone",
                "manufacturer": "Example",
                "model": "Phone",
                "os_name": "OS",
                "os_version": "1.0",
                "supports_encryption": False,
                "user_id": user.id,
                "webhook_id": "webhook",
            },
        )

    async def _add(
        self, domain: str, title: str, data: Json, subentries: tuple[Json, ...] = ()
    ) -> None:
        entry = ConfigEntry(
            version=1,
            minor_version=1,
            domain=domain,
            title=title,
            source=SOURCE_USER,
            unique_id=title,
            data=data,
            options={},
            discovery_keys=MappingProxyType({}),
            subentries_data=subentries,
        )
        await self.hass.config_entries.async_add(entry)

    async def _act_on_alerts(self) -> None:
        """Let a plan do it: whoever there is, at once."""
        [phone] = self.hass.config_entries.async_entries("mobile_app")
        [device] = dr.async_entries_for_config_entry(dr.async_get(self.hass), phone.entry_id)
        steps = [{"step_id": "1", "after": 0, "tell": ["everybody"]}]
        await self._add(
            "care_alerts",
            "Household",
            {"source": "household"},
            tuple(
                {
                    "data": MappingProxyType(data),
                    "subentry_type": kind,
                    "title": title,
                    "unique_id": None,
                }
                for kind, title, data in (
                    ("caregiver", "Anna", {"phones": [device.id]}),
                    ("plan", "Plan", {"steps": steps}),
                )
            ),
        )
        await self.hass.async_block_till_done()

    async def pushes(self, count: int) -> Json:
        """Have test alerts written into the ledger, each an episode of its own; return seconds to the last push."""
        coordinator = self._entry.runtime_data
        self.now += timedelta(hours=1)
        people = list(coordinator.data.people)
        news = [
            make_test_alert(
                "lumen",
                AlertKey(people[number % len(people)], f"type_{number // len(people)}", True),
                severity=Severity.HIGH,
                now=self.now,
            )
            for number in range(count)
        ]
        began = 0.0

        async def poll(_: datetime, *, everything: bool) -> bool:
            nonlocal began
            for alert in news:
                assert coordinator.store.ledger.add(alert, announce=True)
            began = time.perf_counter()
            return True

        self._pushed.clear()
        with patch.object(coordinator.source, "poll", poll):
            await coordinator.async_refresh()
            await self._settle()
        return max(self._pushed) - began


class PushingByAutomation(Pushing):
    """The same by an automation with Home Assistant's own action for the phone."""

    @override
    async def _act_on_alerts(self) -> None:
        automation = {
            "alias": "Push",
            "mode": "parallel",
            "max": 10 * MOST_AT_ONCE,
            "trace": {"stored_traces": 5},
            "triggers": [{"trigger": "care_alerts.alert_received"}],
            "actions": [
                {
                    "action": "notify.mobile_app_phone",
                    "data": {"title": "{{ trigger.title }}", "message": "{{ trigger.since }}"},
                }
            ],
        }
        assert await async_setup_component(self.hass, "automation", {"automation": [automation]})
        await self.hass.async_block_till_done()


def _state(number: int) -> str:
    return f"bench.number_{number}"


class DexcomCareAlerts(CareAlerts):
    """Care Alerts with an entry for a wearer."""

    @override
    async def _set_up(self) -> None:
        assert await async_setup_component(self.hass, "application_credentials", {})
        credential = ClientCredential("nobody", "asks")
        await async_import_client_credential(self.hass, "care_alerts", credential, "app")
        (user_id,) = self.account.followed
        self._entry = ConfigEntry(
            version=1,
            minor_version=1,
            domain="care_alerts",
            title="Dexcom",
            source=SOURCE_USER,
            unique_id=user_id,
            data={
                "source": "dexcom",
                "region": self.account.url,
                "auth_implementation": "app",
                "token": {"access_token": self.account.key, "expires_at": time.time() + 1_000_000},
            },
            options={},
            discovery_keys=MappingProxyType({}),
            subentries_data=(),
        )
        await self.hass.config_entries.async_add(self._entry)
        await self.hass.async_block_till_done()
        assert len(self._entry.runtime_data.store.ledger) > 0

    async def look_back(self) -> Json:
        """Have the next update ask for all that can be asked for."""
        self._entry.runtime_data.source._state.looked_back_at = None

    async def begin_anew(self) -> Json:
        """Forget all that was read, as a house that reads for the first time."""
        self._entry.runtime_data.store.ledger.__init__()
        self._entry.runtime_data.source._state.__init__()
        # Nor is what was read before to be let go while it is timed.
        self._entry.runtime_data._rebuilt_from = None

    async def forget(self) -> Json:
        """Forget all alerts, as a house that was away for a month."""
        self._entry.runtime_data.store.ledger.__init__()
        self._entry.runtime_data.source._state.looked_back_at = None


class Rest(House):
    """What a user would build today: a `rest` sensor for each person and type, a template binary sensor on each.

    It holds no more than the state of each alert: no details, no times, no events.
    """

    warm = (
        *(f"homeassistant.components.rest.{module}" for module in ("sensor", "binary_sensor")),
        *(f"homeassistant.components.template.{module}" for module in ("sensor", "binary_sensor")),
    )

    @override
    async def _set_up(self) -> None:
        config = self._config()
        for component in ("rest", "template"):
            assert await async_setup_component(self.hass, component, config)
        await self.hass.async_block_till_done()
        assert len(self._entities()) == 2 * 3 * len(self.account.followed)
        told = sum(
            self.hass.states.is_state(entity_id, state)
            for entity_id in self._entities()
            for state in ("LOW", "MEDIUM", "HIGH")
        )
        assert told == len(self.account.followed)

    @override
    async def _update(self) -> None:
        (coordinator,) = self.hass.data["rest"]["coordinator"]
        await coordinator.async_refresh()
        await self.hass.async_block_till_done()
        assert coordinator.last_update_success

    @override
    async def lines(self) -> Json:
        return len(yaml.safe_dump(self._config(), width=1000).splitlines())

    @override
    def _entities(self) -> list[str]:
        return self.hass.states.async_entity_ids([Platform.SENSOR, Platform.BINARY_SENSOR])

    def _config(self) -> dict[str, Any]:
        whose = [
            (shared_user_id, email.partition("@")[0], alert_type)
            for shared_user_id, email in self.account.followed.items()
            for alert_type in ("WEIGHT", "FLEX", "MEDICATION")
        ]
        return {
            "rest": [
                {
                    "resource": f"{self.account.url}/partners/v1/alerts",
                    "headers": {"X-Partner-Api-Key": self.account.key},
                    "scan_interval": 3600,
                    "sensor": [
                        {
                            "name": f"{name} {alert_type.lower()} severity",
                            "unique_id": f"{person}_{alert_type}_severity",
                            "value_template": (
                                "{{ value_json.data.alerts"
                                f" | selectattr('sharedUserId', 'eq', '{person}')"
                                f" | selectattr('alertType', 'eq', '{alert_type}')"
                                " | map(attribute='severity') | first | default('none') }}"
                            ),
                        }
                        for person, name, alert_type in whose
                    ],
                }
            ],
            "template": [
                {
                    "binary_sensor": [
                        {
                            "name": f"{name} {alert_type.lower()}",
                            "unique_id": f"{person}_{alert_type}",
                            "device_class": "problem",
                            "state": (
                                "{{ states('sensor."
                                f"{name}_{alert_type.lower()}_severity') in ['MEDIUM', 'HIGH'] }}}}"
                            ),
                        }
                        for person, name, alert_type in whose
                    ]
                }
            ],
        }


KINDS: dict[str, type[Contestant]] = {
    "floor": Floor,
    "care_alerts": CareAlerts,
    "acting": Acting,
    "pushing": Pushing,
    "pushing_by_automation": PushingByAutomation,
    "rest": Rest,
    "dexcom_floor": DexcomFloor,
    "dexcom": DexcomCareAlerts,
}


async def _serve(contestant: Contestant) -> None:
    loop = asyncio.get_running_loop()
    # The time stands still here, and jumps; what is measured is not what a house does about that.
    with (
        patch("homeassistant.util.dt.utcnow", lambda: contestant.now),
        patch.object(SourceCoordinator, "_clock_was_set", return_value=False),
    ):
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            call = orjson.loads(line)
            answer = await getattr(contestant, call.pop("do"))(**call)
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    # For cameras; there is no JPEG library here.
    logging.getLogger("homeassistant.components.camera.img_util").setLevel(logging.CRITICAL)
    exit_code = 1
    try:
        asyncio.run(_serve(KINDS[sys.argv[1]]()))
        exit_code = 0
    except Exception:  # noqa: BLE001 # whatever it was, it is shown
        traceback.print_exc()
    finally:
        # The threads of a Home Assistant that was not closed would keep the process, and whoever waits for it.
        os._exit(exit_code)
