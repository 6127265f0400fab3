"""Every parser, given what nobody would send: a few examples with the other tests, many by `scripts/fuzz`."""

import os
from typing import Final

EXAMPLES: Final = int(os.environ.get("FUZZ_EXAMPLES", "15"))
"""Of each test; `scripts/fuzz` asks for more."""
