"""The root of all tests: Home Assistant finds the component of this checkout."""

from pathlib import Path
import sys

sys.path.insert(0, str(Path(__file__).parent))

# The test kit brings a custom_components package of its own; the first one imported wins.
import custom_components  # noqa: F401
