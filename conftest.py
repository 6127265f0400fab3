"""The root of all tests: Home Assistant finds the component of this checkout."""

from pathlib import Path
import sys

from hypothesis import settings
import pytest

sys.path.insert(0, str(Path(__file__).parent))

# The test kit brings a custom_components package of its own; the first one imported wins.
import custom_components  # noqa: F401

# How long an example takes says more of the machine than of the code.
settings.register_profile("care_alerts", deadline=None)
settings.load_profile("care_alerts")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the tests against a vendor's description be asked for: it is the vendor's and not part of the checkout."""
    parser.addoption(
        "--tidepool-openapi",
        type=Path,
        metavar="DIR",
        help="a checkout of github.com/tidepool-org/TidepoolApi: validate requests and answers by it",
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect such tests only if they were asked for: a test that is there is never skipped."""
    return True if _needs_openapi(collection_path, config) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Say what is missing to somebody who named such a test."""
    if any(_needs_openapi(item.path, config) for item in items):
        raise pytest.UsageError("these tests need --tidepool-openapi DIR")


def _needs_openapi(path: Path, config: pytest.Config) -> bool:
    """Return whether a test needs the description that was not given."""
    described = path.name in ("test_openapi.py", "test_tidepool_openapi.py")
    return described and config.getoption("--tidepool-openapi") is None
