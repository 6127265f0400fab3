"""What importing costs: the component and its platforms against a core integration's, each time in a process of its own."""

import os
from statistics import median
import subprocess
import sys
from tempfile import TemporaryDirectory

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
    """Return the median seconds that ours and withings take in turn, each time in a process that has imported `before`.

    All of it is compiled first, as it is in a home from its second start on, whatever this machine's way with bytecode.
    """
    command = [sys.executable, "-c", _PROGRAM]
    contestants = [",".join(modules) for modules in (before, OURS, WITHINGS)]
    with TemporaryDirectory() as bytecode:
        environment = os.environ | {"PYTHONPYCACHEPREFIX": bytecode, "PYTHONDONTWRITEBYTECODE": ""}
        for times in (1, rounds):
            printed = subprocess.run(
                [*command, str(times), *contestants],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
                env=environment,
            ).stdout
    seconds = [float(line) for line in printed.split()]
    return median(seconds[::2]), median(seconds[1::2])
