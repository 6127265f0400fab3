"""HTTP as Tidepool speaks it: what its refusals look like."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from ..http import request as any_request

TRACES: Final = ("X-Tidepool-Trace-Request", "X-Tidepool-Trace-Session")
"""Headers of its own (TidepoolApi: "Tracing")."""


def is_refusal(error: Any, headers: Mapping[str, str]) -> bool:
    """Whether an error is Tidepool's: each of its services has words of its own, and some have none but a trace."""
    match error:
        case (
            # Signing in; alert settings, in two forms; data.
            {"code": int() | str(), "reason": str()}
            | {"errors": [{"code": str()}, *_]}
            | {"code": str(), "title": str()}
            | {"status": int(), "id": str(), "code": str(), "message": str()}
        ):
            return True
        case _:
            return any(trace in headers for trace in TRACES)


request = partial(any_request, is_refusal=is_refusal)
"""A request as to any vendor, with refusals in Tidepool's words."""
