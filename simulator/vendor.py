"""What the server needs to know about a vendor."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from aiohttp import web

from .clock import utc


class Vendor(ABC):
    """One vendor's service: endpoints, a world of people, its part of the control API."""

    name: str
    """Path below the server's address and first word of the endpoints' names."""
    endpoints: Collection[str]
    """Names such as `lumen.alerts`, as the routes carry them."""
    base: str = ""
    """Address of the running server."""

    @property
    def url(self) -> str:
        """Return the base URL that a user of this vendor types."""
        return f"{self.base}/{self.name}"

    @abstractmethod
    def routes(self) -> Iterable[web.RouteDef]:
        """Return the endpoints' routes, each named."""

    @abstractmethod
    def control(self) -> Iterable[web.RouteDef]:
        """Return the control API's routes below `/control/<name>`."""

    @abstractmethod
    def error(self, status: int) -> object:
        """Return the JSON that the vendor sends with an error status."""

    def error_at(self, endpoint: str, status: int) -> object:
        """Return the JSON that one endpoint sends with an error status."""
        return self.error(status)

    @abstractmethod
    def reset(self) -> None:
        """Forget all people and what is known of them; accounts stay."""


async def read_object(request: web.Request) -> dict[str, Any]:
    """Return the JSON object of a control request; TypeError if it is none."""
    content = await request.json()
    if not isinstance(content, dict):
        raise TypeError("a JSON object is expected")
    return content


def read_moment(text: str | None) -> datetime | None:
    """Return a time of a control request, in UTC; ValueError without a time zone."""
    return None if text is None else utc(datetime.fromisoformat(text))
