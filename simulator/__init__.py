"""The vendors as one local server: for the demo, tests and benchmarks."""

from .faults import CATALOGUE, Fault
from .server import LoggedRequest, Simulator

__all__ = ["CATALOGUE", "Fault", "LoggedRequest", "Simulator"]
