"""A pytest plugin: the test kit beside a Home Assistant that is newer than the one it was made for. scripts/test --next loads it."""

from importlib import import_module

# Name -> where the kit and the tests take it from, and where it is by now. What Home Assistant puts in the place of
# `httpx` has to be there before the kit imports that: with the first import here it is.
MOVED = {
    "_clear_logger_overwrites": (
        "homeassistant.components.logger",
        "homeassistant.components.logger.helpers",
    ),
    "_CONDITIONS_DESCRIPTION_SCHEMA": (
        "homeassistant.helpers.condition",
        "homeassistant.helpers.condition.descriptions",
    ),
}

for name, (before, now) in MOVED.items():
    setattr(import_module(before), name, getattr(import_module(now), name))
