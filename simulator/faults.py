"""What can go wrong between a vendor and its client, ready to be switched on per endpoint."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from functools import partial
import socket
import struct
from typing import Any
import zlib

from aiohttp import hdrs, web
import orjson

from .clock import Clock

ANY = "*"
ELSEWHERE = "/elsewhere"
MEBIBYTE = 1024 * 1024

# What is between a vendor's servers and the world speaks HTML, not the vendor's JSON.
_GATEWAY_STATUSES = (502, 503, 504)
_STATUSES = (400, 401, 403, 404, 409, 429, 500, *_GATEWAY_STATUSES)
_PAGES = (302, 401, 403, 405, 407, 451, 511)
"""What firewalls, proxies and portals answer in a vendor's place."""
_LOGIN_PAGE = "<!DOCTYPE html><html><body><form>Please sign in</form></body></html>"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request that a fault is about to meet."""

    request: web.Request
    clock: Clock
    stopping: asyncio.Event
    proceed: Callable[[], Awaitable[web.StreamResponse]]
    """Gives the answer that the vendor would have sent."""
    error: Callable[[int], object]
    """Gives the vendor's JSON for a status."""

    async def wait(self, seconds: float | None) -> None:
        """Wait so long (None: for ever), but not beyond the server's end."""
        try:
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
        except TimeoutError:
            pass

    def abort(self) -> None:
        """Reset the connection (TCP RST)."""
        if (transport := self.request.transport) is not None:
            transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            transport.abort()


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to fail: `respond` answers in the vendor's place."""

    name: str
    respond: Callable[[Exchange], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class ActiveFault:
    """A fault switched on for an endpoint; `left` None: until cleared."""

    endpoint: str
    fault: Fault
    left: int | None
    hits: int = 0


class Faults:
    """The faults that are switched on, the first added first served."""

    def __init__(self, endpoints: Collection[str]) -> None:
        """Know the endpoints, so that a mistyped one is not silently never met."""
        self._endpoints = endpoints
        self._active: list[ActiveFault] = []

    def add(self, endpoint: str, fault: Fault, times: int | None = None) -> None:
        """Let an endpoint (`*`: all) fail so many times; None: until cleared."""
        if endpoint != ANY and endpoint not in self._endpoints:
            raise ValueError(f"no endpoint {endpoint!r}; there are {sorted(self._endpoints)}")
        if times is not None and times < 1:
            raise ValueError("a fault happens at least once")
        self._active.append(ActiveFault(endpoint, fault, times))

    def clear(self, endpoint: str | None = None) -> None:
        """Switch off everything, or what was added for one endpoint."""
        self._active = [
            active
            for active in self._active
            if endpoint is not None and active.endpoint != endpoint
        ]

    def __iter__(self) -> Iterator[ActiveFault]:
        """Iterate over what is still to come."""
        return iter(tuple(self._active))

    def take(self, endpoint: str) -> Fault | None:
        """Return the fault that the next request to an endpoint meets."""
        for active in self._active:
            if active.endpoint in (ANY, endpoint):
                active.hits += 1
                if active.left is not None:
                    active.left -= 1
                    if not active.left:
                        self._active.remove(active)
                return active.fault
        return None


def status(
    code: int,
    *,
    retry_after: float | str | None = None,
    http_date: bool = False,
    name: str | None = None,
) -> Fault:
    """Answer a status, with `Retry-After` in seconds, as an HTTP date, or as given."""

    async def respond(exchange: Exchange) -> web.StreamResponse:
        headers = {}
        if isinstance(retry_after, str):
            headers[hdrs.RETRY_AFTER] = retry_after
        elif retry_after is not None and http_date:
            due = exchange.clock.now() + timedelta(seconds=retry_after)
            headers[hdrs.RETRY_AFTER] = format_datetime(due, usegmt=True)
        elif retry_after is not None:
            headers[hdrs.RETRY_AFTER] = f"{retry_after:g}"
        if code in _GATEWAY_STATUSES:
            return web.Response(
                status=code,
                headers=headers,
                content_type="text/html",
                text=f"<html><body><h1>{code}</h1></body></html>",
            )
        return web.Response(
            status=code,
            headers=headers,
            content_type="application/json",
            body=orjson.dumps(exchange.error(code)),
        )

    return Fault(name or str(code), respond)


def slow(seconds: float = 2.0) -> Fault:
    """Give the right answer, late (real seconds)."""

    async def respond(exchange: Exchange) -> web.StreamResponse:
        await exchange.wait(seconds)
        return await exchange.proceed()

    return Fault("slow", respond)


def hang() -> Fault:
    """Take the request and say nothing, until the server stops."""

    async def respond(exchange: Exchange) -> web.StreamResponse:
        await exchange.wait(None)
        exchange.abort()
        return web.Response()

    return Fault("hang", respond)


def reset() -> Fault:
    """Reset the connection before any answer."""

    async def respond(exchange: Exchange) -> web.StreamResponse:
        exchange.abort()
        return web.Response()

    return Fault("reset", respond)


def cut_body(*, hang: bool = False) -> Fault:
    """Promise a whole body, send half of it, then close (or fall silent)."""

    async def respond(exchange: Exchange) -> web.StreamResponse:
        answer = await exchange.proceed()
        body = _body_of(answer) or b"{}"
        response = web.StreamResponse(status=answer.status, headers=_own_headers(answer))
        response.content_type = "application/json"
        response.content_length = len(body)
        await response.prepare(exchange.request)
        await response.write(body[: len(body) // 2])
        if hang:
            await exchange.wait(None)
        if exchange.request.transport is not None:
            exchange.request.transport.close()
        return response

    return Fault("hang_body" if hang else "cut_body", respond)


def body(content: bytes, *, content_type: str = "application/json", name: str = "body") -> Fault:
    """Answer 200 with these bytes."""

    async def respond(exchange: Exchange) -> web.StreamResponse:
        return web.Response(body=content, content_type=content_type)

    return Fault(name, respond)


def huge_body(size: int = 64 * MEBIBYTE, *, compressed: bool = False) -> Fault:
    """Stream `size` bytes of JSON (compressed: few on the wire) while somebody listens."""

    async def respond(exchange: Exchange) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_type = "application/json"
        if compressed:
            response.headers[hdrs.CONTENT_ENCODING] = "gzip"
        gzip = zlib.compressobj(1, wbits=31) if compressed else None
        head, tail = b'{"success":true,"data":{"filler":"', b'"}}'
        await response.prepare(exchange.request)
        left = size - len(head) - len(tail)
        chunk = head
        try:
            while chunk:
                await response.write(gzip.compress(chunk) if gzip else chunk)
                chunk = b"x" * min(left, MEBIBYTE)
                left -= len(chunk)
                # A write need not give way to others; stopping and the client's leaving must.
                await asyncio.sleep(0)
                if exchange.stopping.is_set():
                    break
            await response.write(gzip.compress(tail) + gzip.flush() if gzip else tail)
        except ConnectionError:
            pass
        return response

    return Fault("zip_bomb" if compressed else "huge_body", respond)


def applied_then(failure: Fault) -> Fault:
    """Do what is asked, then fail in the answer's place: the client cannot know."""

    async def respond(exchange: Exchange) -> web.StreamResponse:
        await exchange.proceed()
        return await failure.respond(exchange)

    return Fault(f"applied_then_{failure.name}", respond)


def success_false() -> Fault:
    """Answer 200 with the vendor's error body."""

    async def respond(exchange: Exchange) -> web.StreamResponse:
        return web.Response(body=orjson.dumps(exchange.error(500)), content_type="application/json")

    return Fault("success_false", respond)


def redirect(code: int = 302) -> Fault:
    """Send the client to another path, which logs itself as endpoint `elsewhere`."""

    async def respond(exchange: Exchange) -> web.StreamResponse:
        return web.Response(status=code, headers={hdrs.LOCATION: ELSEWHERE})

    return Fault("redirect", respond)


def page(code: int = 403) -> Fault:
    """Answer a page of HTML, as what stands between a house and the vendor does."""

    async def respond(exchange: Exchange) -> web.StreamResponse:
        own: dict[int, dict[str, str]] = {
            302: {hdrs.LOCATION: ELSEWHERE},
            401: {hdrs.WWW_AUTHENTICATE: 'Basic realm="proxy"'},
            405: {hdrs.ALLOW: "HEAD"},
            407: {hdrs.PROXY_AUTHENTICATE: 'Basic realm="proxy"'},
        }
        return web.Response(
            status=code,
            headers=own.get(code),
            content_type="text/html",
            text=f"<!DOCTYPE html><html><body><h1>{code}</h1><p>Blocked.</p></body></html>",
        )

    return Fault(f"page_{code}", respond)


def wrong_types(variant: str = "data_is_list") -> Fault:
    """Give the right answer in valid JSON of wrong shapes; see WRONG_TYPES."""
    return _altered(f"wrong_types_{variant}", WRONG_TYPES[variant])


def bad_record(variant: str = "types") -> Fault:
    """Put one broken record among the good ones; see BAD_RECORDS.

    Where there is no list, the objects in the answer are its records and one of them breaks; where there is
    no object either, the answer is the record.
    """
    broken = BAD_RECORDS[variant]

    def spoil(records: list[Any]) -> list[Any]:
        middle = len(records) // 2
        good = next((record for record in records if isinstance(record, dict)), {})
        return [*records[:middle], broken(good), *records[middle:]]

    def change(document: object) -> object:
        if not isinstance(document, dict) or _has_list(document):
            return _edit_list(document, spoil)
        members = [name for name, value in document.items() if isinstance(value, dict)]
        if not members:
            return broken(document)
        name = members[len(members) // 2]
        return document | {name: broken(document[name])}

    return _altered(f"bad_record_{variant}", change)


def _altered(name: str, change: Callable[[Any], object]) -> Fault:
    """Change a good answer's JSON; other answers stay as they are."""

    async def respond(exchange: Exchange) -> web.StreamResponse:
        answer = await exchange.proceed()
        content = _body_of(answer)
        if not content or answer.status != 200:
            return answer
        return web.Response(
            body=orjson.dumps(change(orjson.loads(content))),
            headers=_own_headers(answer),
            content_type="application/json",
        )

    return Fault(name, respond)


def _own_headers(answer: web.StreamResponse) -> dict[str, str]:
    """Return the headers that a vendor added, such as one that bears a token."""
    return {name: value for name, value in answer.headers.items() if name.startswith("X-")}


def _body_of(answer: web.StreamResponse) -> bytes | None:
    """Return the bytes of an answer that is not streamed."""
    if isinstance(answer, web.Response) and isinstance(answer.body, bytes):
        return answer.body
    return None


def _edit_list(document: object, change: Callable[[list[Any]], object]) -> object:
    """Change the outermost list of a document: where vendors keep their records.

    A document without any is itself the only record.
    """
    holder: dict[str, object] = {"": document}
    level: list[dict[str, object]] = [holder]
    while level:
        for node in level:
            for key, value in node.items():
                if isinstance(value, list):
                    node[key] = change(value)
                    return holder[""]
        level = [value for node in level for value in node.values() if isinstance(value, dict)]
    changed = change([document])
    return changed[0] if isinstance(changed, list) else changed


def _has_list(document: dict[str, Any]) -> bool:
    """Return whether there is a list anywhere in a document."""
    return any(
        isinstance(value, list) or (isinstance(value, dict) and _has_list(value))
        for value in document.values()
    )


def _edit_leaves(document: object, change: Callable[[object], object]) -> object:
    """Change every value that is no container and no truth value."""
    match document:
        case dict():
            return {key: _edit_leaves(value, change) for key, value in document.items()}
        case list():
            return [_edit_leaves(value, change) for value in document]
        case bool():
            return document
    return change(document)


def _edit_inner(document: object, change: Callable[[object], object]) -> object:
    """Change the containers right below the top; the top itself where there are none."""
    if not isinstance(document, dict) or not any(
        isinstance(value, dict | list) for value in document.values()
    ):
        return change(document)
    return {
        key: change(value) if isinstance(value, dict | list) else value
        for key, value in document.items()
    }


def _swapped(value: object) -> object:
    """Return a value of another JSON type."""
    match value:
        case dict():
            return list(value.values())
        case list():
            return {str(index): item for index, item in enumerate(value)}
        case str():
            return len(value)
        case int() | float():
            return f"about {value}"
    return {}


def _without_times(document: object) -> object:
    """Return a document that says "yesterday" wherever it said a time."""
    match document:
        case dict():
            return {
                key: "yesterday"
                if key.endswith(("At", "Date", "Time", "time")) and not isinstance(value, dict)
                else _without_times(value)
                for key, value in document.items()
            }
        case list():
            return [_without_times(value) for value in document]
    return document


def _each(change: Callable[[Any], object]) -> Callable[[object], object]:
    """Change each record."""
    return partial(_edit_list, change=lambda records: [change(r) for r in records])


WRONG_TYPES: Mapping[str, Callable[[object], object]] = {
    "top_is_list": lambda document: [document],
    "top_is_string": lambda document: "ok",
    "data_is_list": partial(_edit_inner, change=_swapped),
    "data_is_string": partial(_edit_inner, change=lambda inner: "data"),
    "data_is_null": partial(_edit_inner, change=lambda inner: None),
    "data_is_empty": partial(_edit_inner, change=lambda inner: {}),
    "list_is_object": partial(_edit_list, change=_swapped),
    "list_is_string": partial(_edit_list, change=lambda records: "records"),
    "list_is_null": partial(_edit_list, change=lambda records: None),
    "records_are_strings": _each(lambda record: "record"),
    "records_are_lists": _each(_swapped),
    "records_are_null": _each(lambda record: None),
    "numbers_are_strings": partial(
        _edit_leaves,
        change=lambda leaf: str(leaf) if isinstance(leaf, int | float) else leaf,
    ),
    "strings_are_numbers": partial(
        _edit_leaves, change=lambda leaf: len(leaf) if isinstance(leaf, str) else leaf
    ),
    "values_are_null": partial(_edit_leaves, change=lambda leaf: None),
    "values_are_lists": partial(_edit_leaves, change=lambda leaf: [leaf]),
}
"""Wrong shapes by name: what becomes of a good answer's JSON."""

BAD_RECORDS: Mapping[str, Callable[[dict[str, Any]], object]] = {
    "types": lambda good: {key: _swapped(value) for key, value in good.items()},
    "text": lambda good: "broken",
    "null": lambda good: None,
    "empty": lambda good: {},
    "no_id": lambda good: dict(list(good.items())[1:]),
    "values_null": dict.fromkeys,
    "times": _without_times,
}
"""Broken records by name, each made from a good one (or from an empty one)."""


def _catalogue() -> Iterator[tuple[str, Callable[..., Fault]]]:
    """Name every ready-made fault."""
    for code in _STATUSES:
        for form, make in (
            ("bare", partial(status, code)),
            ("seconds", partial(status, code, retry_after=120)),
            ("http_date", partial(status, code, retry_after=120, http_date=True)),
        ):
            yield f"{code}_{form}", partial(make, name=f"{code}_{form}")
    for form, retry_after in (
        ("garbage", "soon"),
        ("negative", "-5"),
        ("past", "Wed, 21 Oct 2015 07:28:00 GMT"),
        ("enormous", "9" * 30),
    ):
        name = f"429_{form}"
        yield name, partial(status, 429, name=name, retry_after=retry_after)
    yield "slow", slow
    yield "hang", hang
    yield "hang_body", partial(cut_body, hang=True)
    yield "reset", reset
    yield "cut_body", cut_body
    yield "huge_body", huge_body
    yield "zip_bomb", partial(huge_body, compressed=True)
    yield "applied_then_reset", lambda: applied_then(reset())
    yield "applied_then_500", lambda: applied_then(status(500))
    yield "success_false", success_false
    yield "redirect", redirect
    for code in _PAGES:
        yield f"page_{code}", partial(page, code)
    for name, content in (
        ("empty_body", b""),
        ("empty_object", b"{}"),
        ("null", b"null"),
        ("not_json", b"Service is fine, thank you."),
        ("half_json", b'{"success":true,"data":{'),
        ("not_utf8", b'{"success":true,"data":"\xff\xfe"}'),
        ("deep_json", b"[" * 100_000 + b"]" * 100_000),
    ):
        yield name, partial(body, content, name=name)
    yield (
        "wrong_content_type",
        partial(
            body,
            _LOGIN_PAGE.encode(),
            content_type="text/html",
            name="wrong_content_type",
        ),
    )
    yield "wrong_types", wrong_types
    for variant in WRONG_TYPES:
        yield f"wrong_types_{variant}", partial(wrong_types, variant)
    yield "bad_record", bad_record
    for variant in BAD_RECORDS:
        yield f"bad_record_{variant}", partial(bad_record, variant)


CATALOGUE: Mapping[str, Callable[..., Fault]] = dict(_catalogue())
"""Every ready-made fault by name: call the entry, with parameters if wanted."""
