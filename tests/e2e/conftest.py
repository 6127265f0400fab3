"""What the end-to-end tests share. They run without the in-process test kit: scripts/test knows how.

Screenshots go to test-output/; with UPDATE_SCREENSHOTS set, those of the README to docs/images/ as well.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
import json
import os
from pathlib import Path
import shutil
import signal
from typing import Any, Final, Literal

from playwright.async_api import Browser, Locator, Page, async_playwright, expect
import pytest

from scripts.real_home import ROOT, RealHome, free_port, write_stand_ins
from simulator import Simulator

from ..databases import _database_server, add_option, database
from .zygote import Zygote

__all__ = ["_database_server", "database"]
"""Fixtures that are made elsewhere."""

OUTPUT: Final = ROOT / "test-output"
IN_README: Final = ROOT / "docs" / "images"
TEXTS: Final = json.loads((ROOT / "custom_components/care_alerts/translations/en.json").read_text())
BROWSER_ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# A busy machine is slow, not wrong.
expect.set_options(timeout=20_000)
TEST_TIMEOUT: Final = 300
"""Seconds: ours, several times what the longest takes, so that only one that hangs is ended."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test so much time."""
    for item in items:
        item.add_marker(pytest.mark.timeout(TEST_TIMEOUT))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let homes write their history elsewhere."""
    add_option(parser)


def chromium() -> str | None:
    """Where the system's Chromium is."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    return None


@pytest.fixture
async def browser() -> AsyncGenerator[Browser]:
    """A real browser, headless."""
    if (path := chromium()) is None:
        pytest.skip("no Chromium on this machine: install Debian's package `chromium`")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=BROWSER_ARGUMENTS)
        yield browser
        await browser.close()


async def page_of(browser: Browser, *, width: int = 1280, height: int = 1000, **more: Any) -> Page:
    """A page of its own, in English and in light colours."""
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        service_workers="block",
        color_scheme="light",
        locale="en-GB",
        timezone_id="UTC",
        **more,
    )
    context.set_default_timeout(30_000)
    return await context.new_page()


def login_script(home: RealHome) -> str:
    """What gives a page, before it runs, the tokens that the login page would have left."""
    tokens = home.tokens | {
        "hassUrl": home.url,
        "clientId": home.client_id,
        "expires": 4_102_444_800_000,
    }
    return (
        f"if (location.origin === {json.dumps(home.url)})"
        f" localStorage.hassTokens = {json.dumps(json.dumps(tokens))};"
    )


async def log_in(page: Page, home: RealHome) -> None:
    """Let the page be logged in."""
    await page.context.add_init_script(login_script(home))


async def stillness(page: Page) -> None:
    """Wait until nothing fades or slides: three frames long, as a fade begins a frame after what asked for it."""
    await page.evaluate(
        """async () => {
          const all = root => [...root.querySelectorAll("*")].flatMap(one => [one, ...(one.shadowRoot ? all(one.shadowRoot) : [])]);
          const moves = () => all(document).flatMap(one => one.getAnimations()).some(({ effect, playState }) =>
            playState === "running" && effect.getComputedTiming().iterations !== Infinity);
          for (let frames = 0; frames < 3; frames = moves() ? 0 : frames + 1) await new Promise(requestAnimationFrame);
        }"""
    )


async def does_not_scroll_sideways(page: Page) -> None:
    """See that the page is as wide as its window, once charts and cards have heard of a new width."""
    await stillness(page)
    await page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")


async def in_colours(page: Page, colours: Literal["light", "dark"]) -> None:
    """Have the page light or dark, once Home Assistant, which hears of it later than the page, has put it on."""
    await page.emulate_media(color_scheme=colours)
    await page.wait_for_function(
        "dark => document.querySelector('home-assistant')?.hass?.themes?.darkMode === dark",
        arg=colours == "dark",
    )
    await stillness(page)


async def screenshot(
    of: Page | Locator, name: str, *, in_readme: bool = False, **more: Any
) -> None:
    """Take a picture; `more`: Playwright's, such as `clip`."""
    OUTPUT.mkdir(exist_ok=True)
    path = OUTPUT / f"{name}.png"
    await of.screenshot(path=path, animations="disabled", **more)
    if in_readme and os.environ.get("UPDATE_SCREENSHOTS"):
        IN_README.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, IN_README / path.name)


async def until(
    condition: Callable[[], Awaitable[bool] | bool], what: str, seconds: float = 60
) -> None:
    """Wait until something is so; the message says what was waited for."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                answer = condition()
                if await answer if isinstance(answer, Awaitable) else answer:
                    return
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"waited {seconds:.0f} s in vain: {what}")


@pytest.fixture(scope="session", autouse=True)
def _homes_are_forked(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """Import Home Assistant once for all homes: nine parts in ten of a start's CPU time, and there are dozens."""
    directory = tmp_path_factory.mktemp("zygote")
    stand_ins = directory / "stand_ins"
    write_stand_ins(stand_ins)
    zygote = Zygote(directory, str(stand_ins))
    spawn = RealHome.spawn
    RealHome.spawn = zygote
    yield
    RealHome.spawn = spawn
    zygote.stop()


@pytest.fixture
async def simulator() -> AsyncGenerator[Simulator]:
    """The vendors, in real time."""
    async with Simulator() as running:
        yield running


@pytest.fixture
async def home(tmp_path: Path, database: str | None) -> AsyncGenerator[RealHome]:
    """A real Home Assistant, started and logged in."""
    async with RealHome(tmp_path / "home", db_url=database) as running:
        yield running


@pytest.fixture
async def develop(tmp_path: Path) -> AsyncGenerator[str]:
    """What the real `scripts/develop` prints, while it runs."""
    process = await asyncio.create_subprocess_exec(
        str(ROOT / "scripts" / "develop"),
        *("--home", str(tmp_path / "demo")),
        *("--port", str(free_port()), "--simulator-port", str(free_port())),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout
    printed = ""
    try:
        async with asyncio.timeout(120):
            while "Ctrl-C stops it" not in printed:
                line = await process.stdout.readline()
                assert line, printed
                printed += line.decode()
        yield printed
    finally:
        process.send_signal(signal.SIGINT)
        rest = await process.communicate()
    assert process.returncode == 0, rest
