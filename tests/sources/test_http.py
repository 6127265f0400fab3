"""HTTP as every vendor's client needs it: addresses, waits, and errors that give nothing away."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import ClientSession, web
from freezegun.api import FrozenDateTimeFactory
import pytest
from yarl import URL

from custom_components.care_alerts.sources.dexcom import oauth
from custom_components.care_alerts.sources.http import (
    LONGEST_WAIT,
    Answer,
    ApiError,
    AuthError,
    ForeignRefusalError,
    InvalidUrlError,
    LastAnswer,
    RateLimitedError,
    RefusedError,
    UnexpectedAnswerError,
    UnreachableError,
    base_url,
    request,
    retry_after,
    says_no,
)
from custom_components.care_alerts.sources.lumen import api as lumen
from custom_components.care_alerts.sources.tidepool import http as tidepool
from simulator import CATALOGUE, Fault, Simulator
from simulator.faults import Exchange, body

SECRET = "key-that-nobody-may-see"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("https://api.example.com", "https://api.example.com"),
        ("https://api.example.com/", "https://api.example.com"),
        ("  https://api.example.com/base/ \n", "https://api.example.com/base"),
        ("https://api.example.com/a/b//", "https://api.example.com/a/b"),
        ("https://API.Example.com/Base", "https://api.example.com/Base"),
        ("HTTPS://api.example.com", "https://api.example.com"),
        ("https://api.example.com:443/", "https://api.example.com"),
        ("https://api.example.com:8443", "https://api.example.com:8443"),
        ("api.example.com", "https://api.example.com"),
        ("api.example.com/base/", "https://api.example.com/base"),
        ("https://192.0.2.7/x", "https://192.0.2.7/x"),
        ("https://[2001:db8::1]:8443/x", "https://[2001:db8::1]:8443/x"),
        ("http://127.0.0.1:8765/lumen", "http://127.0.0.1:8765/lumen"),
        ("http://127.0.0.53", "http://127.0.0.53"),
        ("http://localhost:8765/", "http://localhost:8765"),
        ("http://[::1]:8765/", "http://[::1]:8765"),
        ("https://localhost", "https://localhost"),
    ],
)
def test_addresses_that_are_taken(typed: str, meant: str) -> None:
    kept = str(base_url(typed))
    assert kept.rstrip("/") == meant
    assert str(base_url(kept)) == kept
    assert str(base_url(typed) / "partners") == f"{meant}/partners"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "lumen",
        "https://lumen",
        "https://",
        "https:///path",
        "https://.",
        "two words",
        "https://api.example.com/two words",
        "https://api .example.com",
        "https://api.example.com/\nX-Header: 1",
        "http://api.example.com",
        "http://192.168.1.5",
        "http://0.0.0.0",
        "http://10.0.0.1:8080/lumen",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1@api.example.com",
        "ftp://api.example.com",
        "ws://api.example.com",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://user:pass@api.example.com",
        "https://user@api.example.com",
        "https://:pass@api.example.com",
        "https://api.example.com/?key=1",
        "https://api.example.com?key=1",
        "https://api.example.com/#top",
        "https://api.example.com:99999",
        "https://api.example.com:port",
        "https://[2001:db8::1",
    ],
)
def test_addresses_that_are_refused(typed: str) -> None:
    with pytest.raises(InvalidUrlError):
        base_url(typed)


SENT = "Wed, 18 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        ("120", timedelta(seconds=120)),
        (" 120 ", timedelta(seconds=120)),
        ("0", timedelta()),
        ("Wed, 18 Nov 2026 12:02:00 GMT", timedelta(minutes=2)),
        ("Wednesday, 18-Nov-26 12:02:00 GMT", timedelta(minutes=2)),
        ("Wed, 18 Nov 2026 11:00:00 GMT", timedelta()),
        ("Wed, 25 Nov 2026 12:00:00 GMT", LONGEST_WAIT),
        ("86401", LONGEST_WAIT),
        ("9" * 30, LONGEST_WAIT),
        ("9" * 5000, LONGEST_WAIT),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("١٢٠", None),
    ],
)
def test_retry_after(asked: str, wait: timedelta | None) -> None:
    assert retry_after({"Retry-After": asked, "Date": SENT}) == wait


def test_a_date_to_wait_for_is_told_by_the_vendors_clock(freezer: FrozenDateTimeFactory) -> None:
    """A house whose clock is an hour off still waits two minutes."""
    freezer.move_to(datetime(2026, 11, 18, 13, tzinfo=UTC))
    asked = "Wed, 18 Nov 2026 12:02:00 GMT"
    assert retry_after({"Retry-After": asked, "Date": SENT}) == timedelta(minutes=2)
    assert retry_after({"Retry-After": asked, "Date": "today"}) == timedelta()
    assert retry_after({"Retry-After": "Wed, 18 Nov 2026 13:02:00 GMT"}) == timedelta(minutes=2)
    assert retry_after({}) is None


async def _ask(sim: Simulator, **more: Any) -> object:
    async with ClientSession() as session:
        answer = await request(
            session,
            "GET",
            URL(sim.lumen.url) / "partners" / "v1" / "alerts",
            headers={"X-Partner-Api-Key": SECRET},
            params={"date": "2026-11-17"},
            **more,
        )
        return answer.json()


@pytest.mark.parametrize(
    ("name", "kind", "message", "wait"),
    [
        ("400_bare", RefusedError, "HTTP 400 INVALID_INPUT", None),
        ("401_bare", AuthError, "HTTP 401 UNAUTHORIZED", None),
        ("403_bare", RefusedError, "HTTP 403 FORBIDDEN", None),
        ("404_bare", RefusedError, "HTTP 404 NOT_FOUND", None),
        ("409_bare", RefusedError, "HTTP 409 DATE_UNAVAILABLE", None),
        ("429_seconds", RateLimitedError, "HTTP 429 RATE_LIMIT", timedelta(minutes=2)),
        ("429_http_date", RateLimitedError, "HTTP 429 RATE_LIMIT", timedelta(minutes=2)),
        ("429_bare", RateLimitedError, "HTTP 429 RATE_LIMIT", None),
        ("500_bare", UnreachableError, "HTTP 500 INTERNAL_ERROR", None),
        ("503_http_date", UnreachableError, "HTTP 503", timedelta(minutes=2)),
        ("redirect", UnexpectedAnswerError, "HTTP 302", None),
        ("page_302", UnexpectedAnswerError, "HTTP 302", None),
        ("page_401", ForeignRefusalError, "HTTP 401, but not the vendor's", None),
        ("page_403", ForeignRefusalError, "HTTP 403, but not the vendor's", None),
        ("page_405", ForeignRefusalError, "HTTP 405, but not the vendor's", None),
        ("page_407", ForeignRefusalError, "HTTP 407, but not the vendor's", None),
        ("page_451", ForeignRefusalError, "HTTP 451, but not the vendor's", None),
        ("page_511", UnreachableError, "HTTP 511", None),
        ("reset", UnreachableError, None, None),
        ("cut_body", UnreachableError, None, None),
        ("wrong_content_type", UnexpectedAnswerError, "not JSON", None),
        ("not_json", UnexpectedAnswerError, "not JSON", None),
        ("not_utf8", UnexpectedAnswerError, "not JSON", None),
        ("deep_json", UnexpectedAnswerError, "not JSON", None),
        ("empty_body", UnexpectedAnswerError, "not JSON", None),
        ("huge_body", UnexpectedAnswerError, "too large", None),
        ("zip_bomb", UnexpectedAnswerError, "too large", None),
    ],
)
async def test_errors(
    sim: Simulator, name: str, kind: type[ApiError], message: str | None, wait: timedelta | None
) -> None:
    sim.faults.add("lumen.alerts", CATALOGUE[name]())
    with pytest.raises(ApiError) as caught:
        await _ask(sim)
    error = caught.value
    assert type(error) is kind
    assert message is None or str(error) == message
    assert error.retry_after == wait
    _assert_discreet(error, sim)


@pytest.mark.parametrize("name", ["hang", "hang_body"])
async def test_no_answer_in_time(sim: Simulator, freezer: FrozenDateTimeFactory, name: str) -> None:
    sim.faults.add("lumen.alerts", CATALOGUE[name]())
    asked = asyncio.create_task(_ask(sim))
    await sim.arrival("lumen.alerts")
    freezer.tick(62)
    with pytest.raises(UnreachableError, match="in time"):
        await asked


def _assert_discreet(error: BaseException, sim: Simulator) -> None:
    """No error of the chain holds the key, the address or what was asked."""
    link: BaseException | None = error
    while link is not None:
        said = f"{link} {link!r} {link.args}"
        for secret in (SECRET, sim.url, "2026-11-17", "Too many"):
            assert secret not in said
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


async def test_an_answer_may_be_as_large_as_allowed(sim: Simulator) -> None:
    content = b'"' + b"x" * 98 + b'"'
    sim.faults.add("lumen.alerts", body(content))
    assert await _ask(sim, largest=100) == "x" * 98
    with pytest.raises(UnexpectedAnswerError, match="too large"):
        await _ask(sim, largest=99)


async def test_an_error_body_is_read_only_for_its_code(sim: Simulator) -> None:
    """What a vendor writes into an error may name a person or repeat the key."""

    def code_of(error: ApiError) -> str | None:
        assert isinstance(error, RefusedError)
        return error.code

    for content, code in (
        (b'{"error": {"code": "GONE_NOW"}}', "GONE_NOW"),
        (b'{"error": {"code": "a8f1Kd93kq"}}', None),
        (b'{"error": "gone"}', "gone"),
        (b'{"code": "gone_now"}', "gone_now"),
        (b'{"error": {"code": "maria@example.com"}}', None),
        (b'{"code": "no such user: 17"}', None),
        (b'{"code": 17}', None),
        (b"", None),
    ):
        sim.faults.add("lumen.alerts", _refusal(content), times=1)
        with pytest.raises(RefusedError) as caught:
            await _ask(sim)
        assert code_of(caught.value) == code
        assert str(caught.value) == (f"HTTP 418 {code}" if code else "HTTP 418")


def _refusal(
    content: bytes, *, status: int = 418, content_type: str = "application/json", **headers: str
) -> Fault:
    async def respond(exchange: Exchange) -> web.StreamResponse:
        return web.Response(status=status, body=content, content_type=content_type, headers=headers)

    return Fault("refusal", respond)


# Whose refusal it is.

LUMENS = b'{"success": false, "error": {"code": "UNAUTHORIZED", "message": "No."}}'
OAUTHS = b'{"error": "invalid_grant"}'
SIGNING_IN = b'{"code": 401, "reason": "No user matched the given details"}'
SETTINGS = (
    b'{"errors": [{"code": "unauthorized", "title": "t", "detail": "d", "status": "403"}]}',
    b'{"code": "unauthorized", "title": "t", "detail": "d"}',
)
DATA = b'{"status": 403, "id": "a1", "code": "data_cant_view", "message": "user is not authorized"}'
VENDORS = (LUMENS, OAUTHS, SIGNING_IN, *SETTINGS, DATA)
NOBODYS = (
    b"<html><body>Blocked</body></html>",
    b"Access denied by policy 17.",
    b"[]",
    b'"Unauthorized"',
    b"null",
    b"{",
    b'{"code": "' + b"x" * 100_000 + b'"}',
)
GATEWAYS = (
    b'{"message": "Forbidden"}',
    b'{"type": "about:blank", "title": "Forbidden", "status": 403, "detail": "Blocked"}',
    b'{"blocked": true}',
)


@pytest.mark.parametrize(
    ("is_refusal", "theirs"),
    [
        # Nobody knows what Dexcom's look like.
        pytest.param(says_no, (*VENDORS, *GATEWAYS, b"", b"{}"), id="Dexcom's data"),
        pytest.param(oauth._is_refusal, (OAUTHS,), id="Dexcom's token"),
        pytest.param(lumen._is_refusal, (LUMENS,), id="Lumen"),
        pytest.param(tidepool.is_refusal, (SIGNING_IN, *SETTINGS, DATA), id="Tidepool"),
    ],
)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 407, 451])
async def test_a_refusal_is_the_vendors_only_in_the_vendors_words(
    sim: Simulator, is_refusal: Any, theirs: tuple[bytes, ...], status: int
) -> None:
    for content in (*VENDORS, *GATEWAYS, *NOBODYS, b"", b"{}"):
        for content_type in ("application/json", "text/html"):
            fault = _refusal(content, status=status, content_type=content_type)
            sim.faults.add("lumen.alerts", fault, times=1)
            with pytest.raises(ApiError) as caught:
                await _ask(sim, is_refusal=is_refusal)
            is_theirs = content in theirs and content_type != "text/html"
            kind = AuthError if status == 401 else RefusedError
            assert type(caught.value) is (kind if is_theirs else ForeignRefusalError), content


async def test_tidepool_leaves_a_trace(sim: Simulator) -> None:
    traced = _refusal(b'"Unauthorized"', status=401, **{"X-Tidepool-Trace-Request": "a1"})
    sim.faults.add("lumen.alerts", traced)
    with pytest.raises(AuthError):
        await _ask(sim, is_refusal=tidepool.is_refusal)


def test_the_very_same_answer_is_read_once() -> None:
    """Unless something else is asked of it, or it could not be read."""
    last = LastAnswer[list[int]]()
    asked_for = Counter[str]()

    def read(
        body: bytes | bytearray, asked: str = "all", content_type: str = "application/json"
    ) -> list[int]:
        def made(answer: Answer) -> list[int]:
            asked_for[asked] += 1
            found: list[int] = answer.json()
            return found

        return last.read(Answer({}, content_type, body), made, asked=asked)

    first = read(b"[1]")
    assert read(b"[1]") is first
    assert read(bytearray(b"[1]")) is first
    assert read(b"[1]", "some") == first
    assert read(b"[1] ", "some") == first
    assert asked_for == {"all": 1, "some": 2}
    for _ in range(2):
        with pytest.raises(UnexpectedAnswerError):
            read(b"[1] ", "some", "text/html")
        with pytest.raises(UnexpectedAnswerError):
            read(b"[1", "some")
    assert asked_for["some"] == 6
    assert read(b"[2]") == [2]
