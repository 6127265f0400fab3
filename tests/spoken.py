"""What a person reads, held against the translations: every text that a test makes us say has to be there."""

from collections.abc import Iterable, Mapping
from functools import cache, wraps
import json
from pathlib import Path
import re
import sys
from typing import Any

from homeassistant.config_entries import (
    ConfigEntriesFlowManager,
    ConfigSubentryFlowManager,
    OptionsFlowManager,
)
from homeassistant.data_entry_flow import FlowManager, FlowResultType, section
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.issue_registry import IssueRegistry
import pytest

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses import localize

COMPONENT = Path(__file__).parent.parent / "custom_components" / DOMAIN
PACKAGE = f"custom_components.{DOMAIN}"


@cache
def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file; a key that is there twice is an error."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        assert len(keys) == len(set(keys)), f"{path}: a key is there twice among {keys}"
        return dict(pairs)

    content: dict[str, Any] = json.loads(path.read_text(), object_pairs_hook=unique)
    return content


def english() -> dict[str, Any]:
    """Return the English texts."""
    return read_json(COMPONENT / "translations" / "en.json")


def placeholders_in(text: str) -> set[str]:
    """Return the placeholders of a text."""
    return set(re.findall(r"\{(\w+)\}", text))


class Spoken:
    """What was said in a test, and what was wrong with it."""

    def __init__(self) -> None:
        """Nothing has been said yet."""
        self.wrong: list[str] = []

    def check(self, path: Iterable[str], given: Mapping[str, object] | None) -> None:
        """Note a text that is not there, or that has a placeholder which is not filled in."""
        text: Any = english()
        for part in path:
            text = text.get(part, {}) if isinstance(text, dict) else {}
        if not isinstance(text, str):
            self.wrong.append(f"{'.'.join(path)} is missing")
        elif left := placeholders_in(text) - set(given or ()):
            self.wrong.append(f"{'.'.join(path)}: nothing is given for {left}")

    def listen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Hear what is raised, asked, reported and told from now on."""
        self._hear_exceptions(monkeypatch)
        self._hear_issues(monkeypatch)
        self._hear_flows(monkeypatch)
        self._hear_sentences(monkeypatch)

    def _hear_exceptions(self, monkeypatch: pytest.MonkeyPatch) -> None:
        make = HomeAssistantError.__init__

        @wraps(make)
        def made(error: HomeAssistantError, *args: object, **more: Any) -> None:
            make(error, *args, **more)
            if error.translation_domain == DOMAIN:
                path = ("exceptions", str(error.translation_key), "message")
                self.check(path, error.translation_placeholders)

        monkeypatch.setattr(HomeAssistantError, "__init__", made)

    def _hear_issues(self, monkeypatch: pytest.MonkeyPatch) -> None:
        create = IssueRegistry.async_get_or_create

        @wraps(create)
        def created(registry: IssueRegistry, domain: str, issue_id: str, **more: Any) -> Any:
            if domain == DOMAIN:
                given, issue = more["translation_placeholders"], ("issues", more["translation_key"])
                self.check((*issue, "title"), given)
                if not more["is_fixable"]:
                    self.check((*issue, "description"), given)
            return create(registry, domain, issue_id, **more)

        monkeypatch.setattr(IssueRegistry, "async_get_or_create", created)

    def _hear_flows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        handle = FlowManager._async_handle_step

        @wraps(handle)
        async def handled(manager: FlowManager[Any, Any, Any], flow: Any, *args: Any) -> Any:
            result = await handle(manager, flow, *args)
            if type(flow).__module__.startswith(PACKAGE):
                self._check_step(_flow_path(manager, flow), result)
            return result

        monkeypatch.setattr(FlowManager, "_async_handle_step", handled)

    def _check_step(self, path: tuple[str, ...], result: Mapping[str, Any]) -> None:
        given = result.get("description_placeholders")
        kind = result["type"]
        if kind is FlowResultType.ABORT and result.get("translation_domain") in (None, DOMAIN):
            self.check((*path, "abort", result["reason"]), given)
        if kind is FlowResultType.CREATE_ENTRY and path[0] == "config_subentries":
            self.check((*path, "create_entry", result["description"] or "default"), given)
        if kind is FlowResultType.MENU:
            for option in result["menu_options"]:
                self.check((*path, "step", result["step_id"], "menu_options", option), given)
        if kind is FlowResultType.FORM:
            step = (*path, "step", result["step_id"])
            self.check((*step, "title"), given)
            self._check_fields(step, result["data_schema"], given)
            for error in (result.get("errors") or {}).values():
                self.check((*path, "error", error), given)

    def _check_fields(
        self, path: tuple[str, ...], schema: Any, given: Mapping[str, object] | None
    ) -> None:
        for field, selector in schema.schema.items() if schema else ():
            if isinstance(selector, section):
                within = (*path, "sections", str(field))
                self.check((*within, "name"), given)
                self.check((*within, "description"), given)
                self._check_fields(within, selector.schema, given)
            else:
                self.check((*path, "data", str(field)), given)
                self.check((*path, "data_description", str(field)), given)

    def _hear_sentences(self, monkeypatch: pytest.MonkeyPatch) -> None:
        really = localize.localize

        @wraps(really)
        def said(hass: Any, key: str, **given: str) -> str:
            self.check(("common", key), given)
            return really(hass, key, **given)

        for name, module in list(sys.modules.items()):
            if name.startswith(PACKAGE) and getattr(module, "localize", None) is really:
                monkeypatch.setattr(module, "localize", said)


def _flow_path(manager: FlowManager[Any, Any, Any], flow: Any) -> tuple[str, ...]:
    """Return where the texts of a flow are."""
    if isinstance(manager, ConfigEntriesFlowManager):
        return ("config",)
    if isinstance(manager, OptionsFlowManager):
        return ("options",)
    if isinstance(manager, ConfigSubentryFlowManager):
        return ("config_subentries", flow.handler[1])
    issue = ir.async_get(flow.hass).async_get_issue(DOMAIN, flow.issue_id)
    return ("issues", str(issue and issue.translation_key), "fix_flow")
