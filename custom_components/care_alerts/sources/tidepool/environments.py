"""Tidepool's servers."""

from typing import Final

CONF_ENVIRONMENT: Final = "environment"

ENVIRONMENTS: Final = {
    "production": "https://api.tidepool.org",
    "integration": "https://external.integration.tidepool.org",
    "dev1": "https://dev1.dev.tidepool.org",
    "qa1": "https://qa1.development.tidepool.org",
    "qa2": "https://qa2.development.tidepool.org",
}
"""The servers of the vendor's page."""


def host_of(environment: str) -> str:
    """The base URL of an environment by its name, or as a person typed it."""
    return ENVIRONMENTS.get(environment, environment)
