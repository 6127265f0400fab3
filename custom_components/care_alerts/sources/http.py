"""What every vendor's client needs of HTTP: time limits, a size limit, `Retry-After` and errors without secrets."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Hashable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
import ipaddress
import re
from typing import Any, TypeGuard, cast
from weakref import WeakKeyDictionary

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout
import orjson
from yarl import URL

from ..alerts.freshness import Status

REQUEST_TIMEOUT = ClientTimeout(total=60, sock_connect=10, sock_read=30)
LARGEST_ANSWER = 32 * 1024 * 1024
"""Bytes, after decompression."""

LARGE_ANSWER = 1024 * 1024
"""Ours: what comes every few minutes is smaller by far, two weeks of readings are larger."""

LARGE_AT_ONCE = 2
"""Ours: so many are read beyond `LARGE_ANSWER` at a time, of however many people: what they may take is `LARGEST_ANSWER` each."""

MOST_VALUES = 2_000_000
"""Ours: an answer of that many has about the largest size, and two bytes can become an object of sixty in memory."""

LONGEST_WAIT = timedelta(days=1)

MOST_RECORDS = 100_000
"""Ours: a reading a minute of three weeks, from three sensors. What is told of each takes its time."""

# Ours, because web servers take no longer line in a header, as a rule.
_CREDENTIAL = re.compile(r"[\x21-\x7e]{1,8192}")
_HEADER = re.compile(r"[\x20-\x7e]*")

_turns: WeakKeyDictionary[ClientSession, asyncio.Semaphore] = WeakKeyDictionary()
"""Whose turn it is to read a large answer."""

# An error code goes into messages and logs, so only what cannot be anything but a code is taken.
_CODE = re.compile(r"[A-Za-z]{2,20}([_-][A-Za-z]{1,20}){0,3}")


class ApiError(Exception):
    """A request that did not give what was asked. The message holds a status and a code, never a secret.

    `retry_after`: how long the vendor asked us to wait, if it did. `code`: the vendor's word for it.
    """

    def __init__(
        self, message: str, retry_after: timedelta | None = None, code: str | None = None
    ) -> None:
        """Keep the message, the wait and the code."""
        super().__init__(message)
        self.retry_after = retry_after
        self.code = code


class AuthError(ApiError):
    """The vendor does not accept our credentials (401)."""


class LoginEndedError(AuthError):
    """The login is over for certain: a renewal was tried. Only a person can log in again."""


class RateLimitedError(ApiError):
    """Too many requests (429)."""


class AskedToWaitError(RateLimitedError):
    """The vendor was not asked: it wanted us to wait, for `retry_after` from now."""


class UnreachableError(ApiError):
    """No answer, or the vendor says that it cannot answer now (5xx)."""


class ForeignRefusalError(UnreachableError):
    """A refusal (4xx) that is not in the vendor's words: the page of a firewall, a proxy, a portal. The vendor was not asked."""

    def __init__(self, status: int) -> None:
        """Keep the status."""
        super().__init__(f"HTTP {status}, but not the vendor's")
        self.status = status


class UnexpectedAnswerError(ApiError):
    """An answer that is not the API's: wrong type, not JSON, cut off, too large, of the wrong shape."""


class RefusedError(ApiError):
    """The vendor understood and said no (any other 4xx). `status` and `code` say which no."""

    def __init__(self, status: int, code: str | None) -> None:
        """Keep what the vendor answered."""
        super().__init__(_message(status, code), code=code)
        self.status = status


class InvalidUrlError(ValueError):
    """Not an address we would send credentials to."""


def base_url(text: str) -> URL:
    """The base URL in what a person typed or pasted, without a trailing slash.

    A bare host gets https. Anything but https is refused unless the host is this machine.

    Raises:
        InvalidUrlError: no such URL can be made of it.

    """
    text = text.strip()
    if "://" not in text:
        text = f"https://{text}"
    try:
        url = URL(text)
        host = url.host or ""
        port_is_valid = url.port is not None
    except ValueError as err:
        raise InvalidUrlError from err
    secure = url.scheme == "https" or (url.scheme == "http" and is_loopback(host))
    named = is_loopback(host) or "." in host.strip(".") or ":" in host
    if not (secure and named and port_is_valid) or re.search(r"\s", text):
        raise InvalidUrlError
    if url.user or url.password or url.query_string or url.fragment:
        raise InvalidUrlError
    return url.with_path(url.path.rstrip("/"))


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_credential(value: Any) -> TypeGuard[str]:
    """Whether a vendor can have meant it as a key or a token: visible ASCII that fits into a header."""
    return isinstance(value, str) and _CREDENTIAL.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Answer:
    """A 200 answer."""

    headers: Mapping[str, str]
    content_type: str
    body: bytes | bytearray

    def json(self) -> Any:
        """The JSON value it holds.

        Raises:
            UnexpectedAnswerError: it holds none, or one of more than `MOST_VALUES`.

        """
        if self.content_type != "application/json":
            raise UnexpectedAnswerError("not JSON")
        # Each value takes a byte of these.
        if (
            len(self.body) > MOST_VALUES
            and sum(map(self.body.count, (b",", b"[", b"{"))) > MOST_VALUES
        ):
            raise UnexpectedAnswerError("too large")
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise UnexpectedAnswerError("not JSON") from None


class LastAnswer[T]:
    """What was read of an answer, for as long as the very same comes again: who analyses once a day says the same for hours."""

    def __init__(self) -> None:
        """Begin with none."""
        self._key: tuple[Any, ...] | None = None
        self._found: T | None = None

    def read(self, answer: Answer, read: Callable[[Answer], T], *, asked: Hashable = None) -> T:
        """What `read` makes of an answer; `asked` is what else that depends on. What it raises is not remembered."""
        key = (asked, answer.content_type, sha256(answer.body).digest())
        if key == self._key:
            return cast(T, self._found)
        self._found, self._key = read(answer), key
        return self._found


def records_in(listed: Any, what: str) -> list[Any]:
    """The records of an answer.

    Raises:
        UnexpectedAnswerError: they are no list, or more than `MOST_RECORDS`.

    """
    if not isinstance(listed, list):
        raise UnexpectedAnswerError(f"the {what} are not a list")
    if len(listed) > MOST_RECORDS:
        raise UnexpectedAnswerError("too large")
    return listed


def status_of(error: ApiError) -> Status:
    """What an error says of the source."""
    match error:
        case AuthError():
            return Status.LOGIN_FAILED
        case RateLimitedError():
            return Status.RATE_LIMITED
        case RefusedError(status=403):
            return Status.PERMISSION_LOST
        case _:
            return Status.UNREACHABLE


def wait_after(failures: int, longest: timedelta) -> timedelta:
    """How long to leave a vendor alone after so many failures in a row: a minute at first, then ever longer."""
    return min(timedelta(minutes=1 << min(failures - 1, 10)), longest)


def says_no(error: Any, headers: Mapping[str, str]) -> bool:
    """Whether a refusal can be one of a vendor who does not document them: JSON or nothing at all, never a page."""
    return isinstance(error, dict)


async def request(
    session: ClientSession,
    method: str,
    url: URL,
    *,
    headers: Mapping[str, str],
    params: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
    json: Any = None,
    limits: ClientTimeout = REQUEST_TIMEOUT,
    largest: int = LARGEST_ANSWER,
    is_refusal: Callable[[Any, Mapping[str, str]], bool] = says_no,
) -> Answer:
    """Send a request, with a form or a JSON value as its body, and return a 200 answer.

    Redirects are not followed: they would take the headers along. `is_refusal` says whether a 4xx answer is in the
    vendor's words, by its JSON (`{}` for an empty body, None for anything else) and its headers.

    Raises:
        ApiError: one of its kinds, for everything that can go wrong.

    """
    sent = {"Accept": "application/json", **headers}
    if not all(_HEADER.fullmatch(value) for value in sent.values()):
        # A key that was mistyped: no vendor has given it.
        raise AuthError("a credential that cannot be sent")
    data: Any = form
    if json is not None:
        data = orjson.dumps(json)
        sent["Content-Type"] = "application/json"
    try:
        async with session.request(
            method,
            url,
            headers=sent,
            params=params,
            data=data,
            timeout=limits,
            allow_redirects=False,
        ) as response:
            if response.status != 200:
                raise _error_of(response, await _json_in(response), is_refusal)
            body = await _read(response, largest, _turn(session, limits))
            return Answer(response.headers, response.content_type, body)
    except TimeoutError as err:
        raise UnreachableError("no answer in time") from err
    except ClientError as err:
        # aiohttp's own messages can hold the URL with its query.
        raise UnreachableError(type(err).__name__) from None


@asynccontextmanager
async def _turn(session: ClientSession, limits: ClientTimeout) -> AsyncGenerator[None]:
    """Wait until it may read a large answer. Raises TimeoutError if others take too long."""
    turns = _turns.setdefault(session, asyncio.Semaphore(LARGE_AT_ONCE))
    async with asyncio.timeout(limits.total):
        await turns.acquire()
    try:
        yield
    finally:
        turns.release()


async def _read(
    response: ClientResponse, largest: int, turn: AbstractAsyncContextManager[None]
) -> bytearray:
    """The body; beyond `LARGE_ANSWER` it is read in `turn`."""
    if (response.content_length or 0) > largest:
        raise UnexpectedAnswerError("too large")
    body = bytearray()
    async with AsyncExitStack() as stack:
        async for chunk in response.content.iter_any():
            if len(body) <= LARGE_ANSWER < len(body) + len(chunk):
                await stack.enter_async_context(turn)
            body += chunk
            if len(body) > largest:
                raise UnexpectedAnswerError("too large")
    return body


async def _json_in(response: ClientResponse) -> Any:
    """The JSON of an error's body; `{}` if the body is empty, None if it is a page, or anything else."""
    try:
        body = await _read(response, 64 * 1024, nullcontext())
        return orjson.loads(body or b"{}") if response.content_type != "text/html" else None
    except orjson.JSONDecodeError, UnexpectedAnswerError:
        return None


def _code_in(error: Any) -> str | None:
    """The error code in an error's JSON, if there is one that can be read."""
    match error:
        case (
            {"error": {"code": str(code)}}
            | {"error": str(code)}
            | {"errors": [{"code": str(code)}, *_]}
            | {"code": str(code)}
        ):
            return code if _CODE.fullmatch(code) else None
        case _:
            return None


def _error_of(
    response: ClientResponse, error: Any, is_refusal: Callable[[Any, Mapping[str, str]], bool]
) -> ApiError:
    status, code = response.status, _code_in(error)
    message = _message(status, code)
    wait = retry_after(response.headers)
    if status == 429:
        return RateLimitedError(message, wait, code)
    if status >= 500:
        return UnreachableError(message, wait, code)
    if status < 400:
        return UnexpectedAnswerError(message)
    if not is_refusal(error, response.headers):
        return ForeignRefusalError(status)
    return AuthError(message, code=code) if status == 401 else RefusedError(status, code)


def _message(status: int, code: str | None) -> str:
    return f"HTTP {status}" + (f" {code}" if code else "")


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """The wait asked for by `Retry-After`: seconds, or a date (told by the vendor's own clock, its `Date`).

    None where there is none or it cannot be read. Never negative, never more than `LONGEST_WAIT`.
    """
    asked = headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit():
        # A number too long for a timedelta is longer than the longest wait.
        seconds = int(asked[:12])
        return min(timedelta(seconds=min(seconds, 10**9)), LONGEST_WAIT)
    until = _http_date(asked)
    if until is None:
        return None
    sent = _http_date(headers.get("Date", "")) or datetime.now(UTC)
    return min(max(until - sent, timedelta()), LONGEST_WAIT)


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
