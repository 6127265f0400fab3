"""A page in the oldest Chromium that we support, driven over its DevTools protocol: Playwright asks for a younger one."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count
import json
from pathlib import Path
import re
from typing import Any, Final, Self

import aiohttp

from scripts.old_chromium import CHROMIUM, ENVIRONMENT

ARGUMENTS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
)

STILL_FOR: Final = 30
"""Frames. Ours: cards that come one after the other, each of which moves the next, come closer together."""

FIND: Final = """
function find(selector, root = document) {
  return [...root.querySelectorAll("*")].flatMap(one => [
    ...(one.matches(selector) ? [one] : []),
    ...(one.shadowRoot ? find(selector, one.shadowRoot) : []),
  ]);
}
function textOf(node) {
  if (node.nodeType === Node.TEXT_NODE) return node.data;
  if (!(node instanceof Element) || getComputedStyle(node).display === "none") return "";
  const inside = node.localName === "slot" ? node.assignedNodes() : (node.shadowRoot || node).childNodes;
  return [...inside].map(textOf).join(" ").replace(/\\s+/g, " ").trim();
}
function shown(selector) {
  return find(selector).filter(one => one.getClientRects().length);
}
"""
"""Elements in any shadow root, and their texts; those of Home Assistant lie several deep."""


class OldPage:
    """The one page of an old Chromium."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Speak over the page's own connection."""
        self._socket = socket
        self._ids = count(1)
        self.errors: list[str] = []
        """What nobody caught in the page, and what it wrote to its console as an error."""

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        sent = next(self._ids)
        await self._socket.send_json({"id": sent, "method": method, "params": params})
        while True:
            message = await self._socket.receive_json()
            if message.get("id") == sent:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif message.get("method") == "Runtime.consoleAPICalled" and params["type"] == "error":
            said = (arg.get("description") or str(arg.get("value")) for arg in params["args"])
            self.errors.append(" ".join(said))

    async def set_up(self, *, width: int, height: int, script: str) -> Self:
        """Give the page a size, and what runs in it before all else."""
        await self.send("Page.enable")
        await self.send("Runtime.enable")
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        await self.send("Page.addScriptToEvaluateOnNewDocument", source=script + FIND)
        return self

    async def goto(self, url: str) -> None:
        """Go to an address."""
        answer = await self.send("Page.navigate", url=url)
        assert "errorText" not in answer, answer

    async def evaluate(self, expression: str) -> Any:
        """Return the value of JavaScript, awaited."""
        answer = await self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def texts(self, selector: str) -> list[str]:
        """Return the texts of the elements that match, wherever they are, as far as they are shown."""
        texts: list[str] = await self.evaluate(f"shown({json.dumps(selector)}).map(textOf)")
        return texts

    async def click(self, selector: str, text: str) -> None:
        """Click in the middle of the first element that is shown and says this, once nothing moves it any more."""
        x, y = await self.evaluate(
            f"""(async () => {{
              const find = () => shown({json.dumps(selector)}).find(one => textOf(one) === {json.dumps(text)});
              const middle = box => [box.x + box.width / 2, box.y + box.height / 2];
              let before, frames = 0;
              while (frames < {STILL_FOR}) {{
                await new Promise(requestAnimationFrame);
                const now = find() ? String(middle(find().getBoundingClientRect())) : undefined;
                frames = now !== undefined && now === before ? frames + 1 : 0;
                before = now;
              }}
              return middle(find().getBoundingClientRect());
            }})()"""
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.send(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1
            )

    async def screenshot(self, path: Path) -> None:
        """Take a picture."""
        answer = await self.send("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, b64decode(answer["data"]))


@asynccontextmanager
async def old_page(
    profile: Path, *, script: str, width: int, height: int
) -> AsyncGenerator[OldPage]:
    """Start the old Chromium with a profile of its own, and end it."""
    process = await asyncio.create_subprocess_exec(
        str(CHROMIUM),
        *ARGUMENTS,
        f"--user-data-dir={profile}",
        # By the locale of POSIX its `navigator.language` would be "en-US@posix", which is no language.
        env=ENVIRONMENT | {"LANG": "en_US.UTF-8"},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr
        async with asyncio.timeout(60):
            said = ""
            while not (found := re.search(r"listening on ws://([^/]+)/", said)):
                line = await process.stderr.readline()
                assert line, said
                said += line.decode()
        async with aiohttp.ClientSession(f"http://{found[1]}") as session:
            async with session.get("/json/new") as response:
                target = await response.json(content_type=None)
            async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                page = OldPage(socket)
                yield await page.set_up(width=width, height=height, script=script)
    finally:
        process.kill()
        await process.communicate()
