"""Run the simulator: `python -m simulator`."""

import argparse
import asyncio
from datetime import datetime
import signal
import sys

from .scenarios import SCENARIOS
from .server import Simulator


def _arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--scenario", choices=SCENARIOS, default="demo")
    parser.add_argument("--speed", type=float, default=1.0, help="simulated seconds per second")
    parser.add_argument(
        "--start", type=datetime.fromisoformat, help="time with a zone; default: now"
    )
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    """Serve until told to stop."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sim = Simulator(arguments.start, arguments.speed, arguments.scenario)
    await sim.start(arguments.host, arguments.port)
    print(
        f"Simulator: {sim.url} (Lumen: {sim.lumen.url}, key {sim.lumen.api_key}; "
        f"Dexcom: {sim.dexcom.url}, app {sim.dexcom.client_id}, secret {sim.dexcom.client_secret}; "
        f"Tidepool: {sim.tidepool.url}, {sim.tidepool.account.username}, "
        f"password {sim.tidepool.account.password})",
        flush=True,
    )
    try:
        await stop.wait()
    finally:
        await sim.stop()


def main() -> None:
    """Run; a wrong time, speed or address is said in one line."""
    try:
        asyncio.run(_serve(_arguments()))
    except (OSError, ValueError) as error:
        sys.exit(f"simulator: {error}")


if __name__ == "__main__":
    main()
