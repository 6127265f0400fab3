"""What goes out to a vendor, and what comes back: whoever answers, nothing is given away and nothing falls over."""

import ast
import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
import gc
from ipaddress import ip_address
from operator import attrgetter
from pathlib import Path
import socket
import ssl
import tracemalloc
from typing import Any, Final
import zlib

from aiohttp import ClientTimeout, web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.application_credentials import ClientCredential
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
import orjson
import pytest
from yarl import URL

from custom_components.care_alerts.alerts.freshness import Status
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.sources.dexcom.api import SLOW_ANSWERS, DexcomClient
from custom_components.care_alerts.sources.dexcom.oauth import RegionalImplementation
from custom_components.care_alerts.sources.http import (
    LARGE_AT_ONCE,
    LARGEST_ANSWER,
    MOST_VALUES,
    REQUEST_TIMEOUT,
    ApiError,
    UnexpectedAnswerError,
    UnreachableError,
    request,
)
from custom_components.care_alerts.sources.lumen.api import LumenClient
from custom_components.care_alerts.sources.tidepool.api import TidepoolClient
from custom_components.care_alerts.sources.tidepool.session import PasswordSession
from simulator import CATALOGUE, Fault
from simulator.faults import body
from tests.conftest import House
from tests.test_structure import modules

KEY: Final = "key-that-nobody-may-see"
THEN: Final = datetime(2026, 11, 18, 12, tzinfo=UTC)
MEBIBYTE: Final = 1024 * 1024

type Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
type Serve = Callable[[Handler], Awaitable[URL]]
type Asking = Callable[[HomeAssistant, URL], Awaitable[object]]


@pytest.fixture
async def serve(socket_enabled: None) -> AsyncGenerator[Serve]:
    """Have somebody answer on loopback."""
    runners: list[web.ServerRunner] = []

    async def start(handler: Handler) -> URL:
        runners.append(runner := web.ServerRunner(web.Server(handler)))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return URL.build(scheme="http", host="127.0.0.1", port=runner.addresses[0][1])

    yield start
    for runner in runners:
        await runner.cleanup()


async def _token() -> str:
    return KEY


async def _renewed(_: str) -> str:
    return KEY


def _lumen(hass: HomeAssistant, base: URL) -> LumenClient:
    return LumenClient(async_get_clientsession(hass), base, KEY)


def _dexcom(hass: HomeAssistant, base: URL) -> DexcomClient:
    return DexcomClient(async_get_clientsession(hass), base, _token, _renewed)


def _app(hass: HomeAssistant, base: URL) -> RegionalImplementation:
    return RegionalImplementation(hass, DOMAIN, ClientCredential("app", KEY), base)


def _session(hass: HomeAssistant, base: URL, *, is_in: bool = True) -> PasswordSession:
    session = PasswordSession(async_get_clientsession(hass), base, "anna@example.com", KEY)
    session._token = KEY if is_in else None
    return session


def _tidepool(hass: HomeAssistant, base: URL) -> TidepoolClient:
    return TidepoolClient(async_get_clientsession(hass), base, _session(hass, base))


LATER: Final = THEN + timedelta(hours=1)

REQUESTS: Final[dict[str, Asking]] = {
    "Lumen's consents": lambda hass, base: _lumen(hass, base).identity_mappings(),
    "Lumen's newest day": lambda hass, base: _lumen(hass, base).alerts(people=()),
    "a day of Lumen's": lambda hass, base: _lumen(hass, base).alerts(date(2026, 11, 17), people=()),
    "Dexcom's alerts": lambda hass, base: _dexcom(hass, base).alerts(THEN, LATER),
    "Dexcom's values": lambda hass, base: _dexcom(hass, base).egvs(THEN, LATER),
    "Dexcom's devices": lambda hass, base: _dexcom(hass, base).devices(),
    "Dexcom's data range": lambda hass, base: _dexcom(hass, base).data_range(),
    "a first token": lambda hass, base: _app(hass, base).async_resolve_external_data(
        {"code": "c", "state": {"redirect_uri": "https://example.com/auth/external/callback"}}
    ),
    "a token again": lambda hass, base: _app(hass, base).async_refresh_token(
        {"refresh_token": KEY}
    ),
    "logging in": lambda hass, base: _session(hass, base, is_in=False).token(),
    "renewing": lambda hass, base: _session(hass, base).renewed(KEY),
    "logging out": lambda hass, base: _session(hass, base).end(),
    "who we are": lambda hass, base: _tidepool(hass, base).me(),
    "who shares with us": lambda hass, base: _tidepool(hass, base).people("me"),
    "Tidepool's settings": lambda hass, base: _tidepool(hass, base).alerts("jill", "me"),
    "writing settings": lambda hass, base: _tidepool(hass, base).write_alerts(
        "jill", "me", {"low": {"enabled": False}}
    ),
    "deleting settings": lambda hass, base: _tidepool(hass, base).delete_alerts("jill", "me"),
    "Tidepool's data": lambda hass, base: _tidepool(hass, base).data("jill", THEN, ["cbg"]),
}
"""Every request that is ever sent."""


def test_every_request_is_among_these_and_goes_one_way() -> None:
    """One function sends, and `REQUESTS` has every caller of it."""
    senders, asks = set(), set()
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            match node.func:
                case ast.Attribute(attr="request" | "ws_connect"):
                    senders.add(path.name)
                case ast.Attribute(value=ast.Name(id="session"), attr="get" | "post"):
                    senders.add(path.name)
                case ast.Name(id="request"):
                    asks.add(f"{path.parent.name}/{path.name}")
            # Whoever turns verification off does it by one of these.
            named = {one.arg for one in node.keywords}
            assert not named & {"ssl", "verify_ssl", "ssl_context", "connector"}, path
    assert senders == {"http.py"}
    assert asks == {"lumen/api.py", "dexcom/api.py", "dexcom/oauth.py"} | {
        f"tidepool/{one}.py" for one in ("api", "session")
    }


@pytest.mark.parametrize("which", REQUESTS)
async def test_no_redirect_is_followed(hass: HomeAssistant, serve: Serve, which: str) -> None:
    elsewhere: list[str] = []
    heard: list[str] = []

    async def listen(asked: web.BaseRequest) -> web.Response:
        elsewhere.append(asked.path)
        return web.json_response({})

    other = await serve(listen)
    for status in (301, 302, 303, 307, 308):
        for where in (str(other), f"//{other.authority}/x", "http://localhost:1/", "/the-same"):

            async def redirect(
                asked: web.BaseRequest, status: int = status, where: str = where
            ) -> web.Response:
                heard.append(f"{asked.path} {asked.raw_headers!r} {await asked.text()}")
                return web.Response(status=status, headers={"Location": where})

            base = await serve(redirect)
            with pytest.raises(UnexpectedAnswerError, match=f"HTTP {status}"):
                await REQUESTS[which](hass, base)
    assert elsewhere == []
    # What nobody else gets was there to be had.
    secrets = KEY, "anna@example.com", "Basic "
    assert all(any(one in said for one in secrets) for said in heard)
    assert not any("/the-same" in said.split()[0] for said in heard)


def _certificate(folder: Path) -> ssl.SSLContext:
    """What anybody can make, for this machine."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1000))
        .not_valid_after(now + timedelta(days=10000))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / "tls.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.mark.usefixtures("socket_enabled")
async def test_who_cannot_prove_who_they_are_hears_nothing(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    context = _certificate(tmp_path)
    knocked: list[object] = []
    heard: list[bytes] = []

    def listen() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            knocked.append(connection)
            # Who does not believe the certificate hangs up.
            with suppress(OSError), context.wrap_socket(connection, server_side=True) as inside:
                heard.append(inside.recv(1000))

    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as beside:
        listening = beside.submit(listen)
        base = URL.build(scheme="https", host="127.0.0.1", port=server.getsockname()[1])
        try:
            for ask in REQUESTS.values():
                with pytest.raises(UnreachableError, match="Certificate"):
                    await ask(hass, base)
        finally:
            server.shutdown(socket.SHUT_RDWR)
        await hass.async_add_executor_job(listening.result)
    # Who shares with us is asked for in two ways.
    assert len(knocked) == len(REQUESTS) + 1
    assert not any(heard)


async def test_an_address_that_was_changed_on_disk_is_looked_at_again(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    for entry in (
        house.entry(data={"base_url": "http://lumen.example.com", "api_key": KEY}),
        house.tidepool_entry(data={"environment": "http://tidepool.example.com", "password": KEY}),
        await house.dexcom_entry(data={"region": "http://dexcom.example.com"}),
    ):
        await house.set_up(entry)
        assert entry.state is not ConfigEntryState.LOADED
    assert house.sim.log == []
    assert KEY not in caplog.text


# Answers.


async def _ask(hass: HomeAssistant, url: URL, **more: Any) -> Any:
    answer = await request(async_get_clientsession(hass), "GET", url, headers={}, **more)
    return answer.json()


def _bomb(encoding: str) -> bytes:
    """128 MiB of spaces, some kilobytes on the way."""
    if encoding == "zstd":
        from compression import zstd

        return zstd.compress(b" " * 128 * MEBIBYTE)
    packed = zlib.compressobj(9, wbits={"gzip": 31, "deflate": 15}[encoding])
    chunk = b" " * MEBIBYTE
    return b"".join([*(packed.compress(chunk) for _ in range(128)), packed.flush()])


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
async def test_what_is_small_on_the_way_is_not_unpacked_without_end(
    hass: HomeAssistant, serve: Serve, encoding: str, status: int
) -> None:
    bomb = _bomb(encoding)
    assert len(bomb) < MEBIBYTE

    async def answer(asked: web.BaseRequest) -> web.Response:
        headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
        return web.Response(status=status, body=bomb, headers=headers)

    base = await serve(answer)
    tracemalloc.start()
    try:
        with pytest.raises(ApiError):
            await _ask(hass, base)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Of an error, only so much is read as its code can be in.
    assert peak < (3 * LARGEST_ANSWER if status == 200 else 8 * MEBIBYTE)


@contextmanager
def _taking(most: int, *, in_the_end: bool = False) -> Generator[None]:
    """Take no more memory than that at any time, or in the end."""
    gc.disable()
    tracemalloc.start()
    try:
        yield
        taken = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert taken[not in_the_end] < most


async def test_large_answers_to_many_take_what_a_few_take(
    hass: HomeAssistant, serve: Serve
) -> None:
    async def answer(asked: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(asked)
        # All at the same time, a part of each in turn.
        with suppress(ConnectionError):
            for _ in range(LARGEST_ANSWER // MEBIBYTE + 1):
                await response.write(b" " * MEBIBYTE)
                await asyncio.sleep(0)
        return response

    base = await serve(answer)

    async def ask() -> None:
        with pytest.raises(UnexpectedAnswerError, match="too large"):
            await _ask(hass, base)

    with _taking((LARGE_AT_ONCE + 1) * LARGEST_ANSWER):
        await asyncio.gather(*(ask() for _ in range(10)))


async def test_large_answers_to_many_are_all_read(hass: HomeAssistant, serve: Serve) -> None:
    readings = [100] * MEBIBYTE

    async def answer(asked: web.BaseRequest) -> web.Response:
        return web.Response(body=orjson.dumps(readings), content_type="application/json")

    base = await serve(answer)
    answers = await asyncio.gather(*(_ask(hass, base) for _ in range(3 * LARGE_AT_ONCE)))
    assert all(one == readings for one in answers)


async def test_who_sends_a_large_answer_without_end_keeps_nobody_from_a_small_one(
    hass: HomeAssistant, serve: Serve
) -> None:
    went_on, done = [asyncio.Event() for _ in range(LARGE_AT_ONCE)], asyncio.Event()

    async def answer(asked: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_type = "application/json"
        await response.prepare(asked)
        if asked.path != "/small":
            await response.write(b" " * 2 * MEBIBYTE)
            if asked.path != "/large":
                went_on[int(asked.path[1:])].set()
                await done.wait()
        await response.write(b"1")
        return response

    base = await serve(answer)
    others = [asyncio.create_task(_ask(hass, base / f"{n}")) for n in range(LARGE_AT_ONCE)]
    for one in went_on:
        await one.wait()
    assert await _ask(hass, base / "small") == 1
    with pytest.raises(UnreachableError, match="no answer in time"):
        await _ask(hass, base / "large", limits=ClientTimeout(total=0.2))
    late = asyncio.create_task(_ask(hass, base / "large"))
    done.set()
    assert await asyncio.gather(*others, late) == [1] * (LARGE_AT_ONCE + 1)


@pytest.mark.parametrize("source", ["Lumen", "Dexcom", "Tidepool"])
@pytest.mark.parametrize(
    "answer",
    [
        CATALOGUE["zip_bomb"](),
        body(b"[" + b"1," * (MOST_VALUES - 10) + b"1]", name="numbers"),
        body(b"{" * 8 * MEBIBYTE, name="no JSON"),
    ],
    ids=attrgetter("name"),
)
async def test_of_what_was_refused_nothing_is_kept(
    house: House, source: str, answer: Fault
) -> None:
    entry = {"Lumen": house.entry, "Tidepool": house.tidepool_entry}.get(source)
    here = await house.set_up(entry() if entry else await house.dexcom_entry())
    house.sim.faults.add("*", answer)
    with _taking(4 * MEBIBYTE, in_the_end=True):
        await here.runtime_data.async_refresh()
        house.sim.log.clear()
    assert here.runtime_data.failure is Status.UNREACHABLE


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"[" + b"{}," * (MOST_VALUES // 2 + 1) + b"{}]", id="objects"),
        pytest.param(b"[" + b"[]," * (MOST_VALUES // 2 + 1) + b"[]]", id="lists"),
        pytest.param(b"[" + b"1.5," * (MOST_VALUES + 1) + b"1]", id="numbers"),
        pytest.param(b'{"data":[' + b'{"a":1},' * (MOST_VALUES // 2 + 1) + b"1]}", id="records"),
    ],
)
async def test_more_values_than_anybody_has_are_not_made(
    hass: HomeAssistant, serve: Serve, content: bytes
) -> None:
    async def answer(asked: web.BaseRequest) -> web.Response:
        return web.Response(body=content, content_type="application/json")

    base = await serve(answer)
    tracemalloc.start()
    try:
        with pytest.raises(UnexpectedAnswerError, match="too large"):
            await _ask(hass, base)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * LARGEST_ANSWER


@pytest.mark.parametrize(
    "content",
    [
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b"1e400",
        b"[-1e400]",
        b"9" * 400,
        b"[" * 2000 + b"]" * 2000,
        b'{"a":' * 2000 + b"1" + b"}" * 2000,
        b'"\\ud800"',
        b'"\xff"',
        b"",
        b"\x00",
    ],
    ids=lambda content: repr(content[:12]),
)
async def test_what_is_no_number_or_no_end_of_depth_is_no_answer(
    hass: HomeAssistant, serve: Serve, content: bytes
) -> None:
    async def answer(asked: web.BaseRequest) -> web.Response:
        return web.Response(body=content, content_type="application/json")

    with pytest.raises(UnexpectedAnswerError, match="not JSON"):
        await _ask(hass, await serve(answer))


async def test_a_number_without_end_is_one_that_can_be_kept(
    hass: HomeAssistant, serve: Serve
) -> None:
    async def answer(asked: web.BaseRequest) -> web.Response:
        return web.Response(body=b"[" + b"9" * 300 + b"]", content_type="application/json")

    [number] = await _ask(hass, await serve(answer))
    assert isinstance(number, float)
    assert orjson.loads(orjson.dumps(number)) == number


@pytest.mark.parametrize(
    ("limits", "drops"),
    [
        pytest.param(REQUEST_TIMEOUT, 4, id="a minute"),
        pytest.param(SLOW_ANSWERS, 8, id="Dexcom: two and a half"),
    ],
)
async def test_an_answer_that_drips_ends(
    hass: HomeAssistant,
    serve: Serve,
    freezer: FrozenDateTimeFactory,
    limits: ClientTimeout,
    drops: int,
) -> None:
    """Each drop comes in time; all of them together do not."""
    freezer.move_to(THEN)
    came, wanted = asyncio.Semaphore(0), asyncio.Semaphore(0)

    async def drip(asked: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(asked)
        for _ in range(drops):
            await response.write(b" ")
            came.release()
            await wanted.acquire()
        return response

    asked = asyncio.create_task(_ask(hass, await serve(drip), limits=limits))
    for _ in range(drops):
        await came.acquire()
        await asyncio.sleep(0)
        assert not asked.done()
        freezer.tick(19)
        wanted.release()
    with pytest.raises(UnreachableError, match="in time"):
        await asked
