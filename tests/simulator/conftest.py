"""The simulator is tested without Home Assistant."""

import pytest


@pytest.fixture(autouse=True)
def _load_care_alerts() -> None:
    """Take the place of the fixture that starts a Home Assistant for each test."""
