"""What Tidepool's own OpenAPI has against a request and its answer.

Tidepool publishes the description at https://github.com/tidepool-org/TidepoolApi. It is not part of this project: get a
checkout and run `pytest --tidepool-openapi DIR tests/simulator/test_tidepool_openapi.py`, DIR being the checkout
or its folder `reference`. Without the option no such test is collected.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
import json
from pathlib import Path
import re
from typing import Any

from aiohttp import web
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.validation.request.exceptions import ParameterValidationError
from openapi_core.validation.response.exceptions import HeaderValidationError
from openapi_schema_validator import OAS30ReadValidator, oas30_format_checker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4
from werkzeug.datastructures import Headers, ImmutableMultiDict
import yaml

from simulator.server import LoggedRequest

SERVER = "https://api.tidepool.org"
_FILES = {
    re.compile(r"/auth/.*"): "auth.v1.yaml",
    re.compile(r"/metadata/.*"): "metadata.v1.yaml",
    re.compile(r"/access/.*"): "access.v1.yaml",
    re.compile(r"/data/.*"): "data.v1.yaml",
    re.compile(r"/v1/users/[^/]+/followers/.*"): "alerts.v1.yaml",
}
"""Where the paths are described; the other services' are not of interest."""
_MODELS = {
    "cbg": "blood/continuousglucose.v1.yaml",
    "smbg": "blood/selfmonitoredglucose.v1.yaml",
    "dosingDecision": "dosingdecision/dosingdecision.v1.yaml",
    "alert": "alert.v1.yaml",
}
"""What describes a record of a type."""

KNOWN: Mapping[str, str] = {
    # The description contradicts itself.
    "user ids are read-only, in paths too": r"request: path parameter \w+: Tried to write read-only property .*",
    "a token must contain backslashes": r"answer: header X-Tidepool-Session-Token: .* does not match .*",
    # The servers are laxer.
    "delays up to six hours": r"\w+: (high|noCommunication)/delay \d+ is greater than the maximum of 120",
    "fractions of mg/dL": r"\w+: \w+/threshold/value [\d.]+ is not of type 'integer'",
    "fractions of minutes": r"request: \w+/(delay|repeat) [\d.]+ is not of type 'integer'",
    "a write without any alert": r"request: \{\} should be non-empty",
    # The servers send what is not described.
    "an upload id that nothing sets": r"answer: uploadId '' .*",
    "no data at all": r"answer: \[\] (should be non-empty|is too short)",
    "data's errors have a code in words": r"answer: code '\w+' is not of type 'integer'",
    "data's wrong parameters are its own failure": r"answer: Unknown response http status: 500",
    "what Dexcom's cloud brings bears only an id": (
        r"answer: \d+/origin '(name|time|type|version)' is a required property"
    ),
    "a missing token is told in small letters": (
        r"answer: reason 'No x-tidepool-session-token was found' is not one of .*"
    ),
}
"""Where Tidepool's servers and their description differ, by name: what the description then has against it."""


@dataclass(slots=True)
class _Request:
    """A request in the library's words."""

    method: str
    path: str
    parameters: RequestParameters
    body: bytes | None
    host_url: str = SERVER
    content_type: str = "application/json"


@dataclass(slots=True)
class _Answer:
    """An answer in the library's words."""

    status_code: int
    data: bytes | None
    headers: Headers = field(default_factory=Headers)
    content_type: str = "application/json"


class TidepoolOpenApi:
    """Tidepool's description of its API; a collector of what is against the exchanges that it is shown."""

    def __init__(self, directory: Path) -> None:
        """Use a checkout, or its folder `reference`; files are read when they are needed."""
        reference = directory / "reference"
        self._directory = (reference if reference.is_dir() else directory).resolve()
        self._documents: dict[str, OpenAPI] = {}
        self.complaints: list[tuple[str, str]] = []
        """What `watch` found, each with the request's method and path."""
        self.seen: set[tuple[str, int]] = set()
        """The endpoints and statuses that `watch` was shown."""

    def watch(self, entry: LoggedRequest, answer: web.StreamResponse) -> None:
        """Validate an exchange with the simulator: add this to its `watchers`."""
        path = entry.path.removeprefix("/tidepool")
        if entry.endpoint == "tidepool.info":
            return  # Nobody describes it.
        body = answer.body if isinstance(answer, web.Response) else None
        self.seen.add((entry.endpoint, answer.status))
        found = self.validate(
            entry.method,
            path,
            answer.status,
            entry.body,
            body if isinstance(body, bytes) else None,
            query=entry.query,
            headers=entry.headers,
            answer_headers=answer.headers,
        )
        self.complaints += [(f"{entry.method} {path}", complaint) for complaint in found]

    @property
    def surprises(self) -> list[tuple[str, str]]:
        """What was found and is not known."""
        return [found for found in self.complaints if known(found[1]) is None]

    def validate(
        self,
        method: str,
        path: str,
        status: int,
        request: bytes | None,
        answer: bytes | None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        answer_headers: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Return what is against an exchange, each beginning with `request: ` or `answer: `.

        `path` is the one below the server's address; of the query's names, those not described are let pass.
        LookupError if nobody describes the path.
        """
        name = next((name for paths, name in _FILES.items() if paths.fullmatch(path)), None)
        if name is None:
            raise LookupError(f"nobody describes {path}")
        if name not in self._documents:
            self._documents[name] = OpenAPI.from_file_path(str(self._directory / name))
        document = self._documents[name]
        parameters = RequestParameters(
            query=ImmutableMultiDict(query or {}), header=Headers(dict(headers or {}))
        )
        asked = _Request(method.lower(), path, parameters, request or None)
        answered = _Answer(status, answer or None, Headers(dict(answer_headers or {})))
        found = [
            f"request: {complaint}"
            for error in document.iter_request_errors(asked)
            for complaint in _complaints(error)
        ]
        found += [
            f"answer: {complaint}"
            for error in document.iter_response_errors(asked, answered)
            for complaint in _complaints(error)
        ]
        if name == "data.v1.yaml" and status == 200 and answer:
            found += [f"answer: {complaint}" for complaint in self._records(json.loads(answer))]
        return list(dict.fromkeys(found))

    def _records(self, records: list[dict[str, Any]]) -> Iterator[str]:
        """Iterate over what is against records by their own types.

        As alternatives, which the answer's schema has them as, one fits all: settings.v1.yaml asks for no type.
        """
        # The registry's own fields are not typed as its constructor takes them.
        registry: Registry[Any] = Registry(retrieve=_retrieve)  # type: ignore[call-arg]
        for index, record in enumerate(records):
            if (model := _MODELS.get(record["type"])) is not None:
                file = self._directory / "data" / "models" / model
                validator = OAS30ReadValidator(
                    {"$ref": file.as_uri()},
                    registry=registry,
                    format_checker=oas30_format_checker,
                )
                for error in validator.iter_errors(record):
                    yield from _reasons(error, (index,))


def known(complaint: str) -> str | None:
    """Return the name of a known difference, if a complaint is one."""
    return next((name for name, text in KNOWN.items() if re.fullmatch(text, complaint)), None)


@cache
def _retrieve(uri: str) -> Resource[Any]:
    """Read a file that a description refers to."""
    content = yaml.safe_load(Path.from_uri(uri).read_text(encoding="utf-8"))
    return Resource.from_contents(content, default_specification=DRAFT4)


def _complaints(error: Exception) -> Iterator[str]:
    """Iterate over what the library found, in a line each."""
    where = ""
    if isinstance(error, ParameterValidationError):
        where = f"{error.location} parameter {error.name}: "
    elif isinstance(error, HeaderValidationError):
        where = f"header {error.name}: "
    causes = getattr(error, "schema_errors", None) or getattr(
        error.__cause__, "schema_errors", None
    )
    if causes is None:
        yield f"{where}{error}"
        return
    for cause in causes:
        yield from (where + reason for reason in _reasons(cause))


def _reasons(error: Any, base: tuple[str | int, ...] = ()) -> list[str]:
    """Return what a schema's error says, down to the alternative that fits best; nothing if several fit.

    The description's alternatives overlap: more than one that fits says nothing about the servers.
    """
    if error.validator in ("oneOf", "anyOf") and not error.context:
        return []
    if error.validator in ("oneOf", "anyOf"):
        branches: dict[object, list[str]] = {}
        for inner in error.context:
            reasons = branches.setdefault(inner.schema_path[0], [])
            reasons += _reasons(inner, base)
        return min(branches.values(), key=len)
    path = "/".join(map(str, (*base, *error.absolute_path)))
    return [f"{path} {error.message}".strip()]
