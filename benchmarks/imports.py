"""What importing costs: the component and its platforms against a core integration's, each time in a process of its own."""

from statistics import median
import subprocess
import sys

ROUNDS = 15
BARE_ROUNDS = 3
"""What is imported then is nearly all Home Assistant's own, and takes seconds."""

OURS = [
    "custom_components.care_alerts",
    *(
        f"custom_components.care_alerts.{module}"
        for module in ("binary_sensor", "button", "event", "sensor")
    ),
]
WITHINGS = [
    "homeassistant.components.withings",
    *(
        f"homeassistant.components.withings.{module}"
        for module in ("binary_sensor", "calendar", "sensor")
    ),
]
BARE = ["homeassistant.core"]
HOME = [
    "homeassistant.bootstrap",
    *(
        f"homeassistant.components.{component}"
        for component in (
            "application_credentials",
            "binary_sensor",
            "button",
            "calendar",
            "event",
            "http",
            "recorder",
            "sensor",
            "webhook",
        )
    ),
]
"""What every running home has imported."""

# Withings imports `cloud` and all that hangs on it, only to ask whether it is there: it is left out.
_PROGRAM = """
import os, sys, time, types
from importlib import import_module
import homeassistant.components
cloud = types.ModuleType("homeassistant.components.cloud")
homeassistant.components.cloud = sys.modules[cloud.__name__] = cloud
rounds, before, *contestants = sys.argv[1:]
for name in before.split(","):
    import_module(name)
for _ in range(int(rounds)):
    for contestant in contestants:
        sys.stdout.flush()
        if not os.fork():
            began = time.perf_counter()
            for name in contestant.split(","):
                import_module(name)
            print(time.perf_counter() - began, flush=True)
            os._exit(0)
        if os.wait()[1]:
            sys.exit("an import failed")
"""


def import_times(before: list[str], rounds: int) -> tuple[float, float]:
    """Return the median seconds that ours and withings take in turn, each time in a process that has imported `before`."""
    arguments = [str(rounds), *(",".join(modules) for modules in (before, OURS, WITHINGS))]
    command = [sys.executable, "-c", _PROGRAM, *arguments]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    seconds = [float(line) for line in lines]
    return median(seconds[::2]), median(seconds[1::2])
