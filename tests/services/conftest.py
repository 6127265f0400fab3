"""The house of the blueprints, for the verbs: phones."""

from tests.test_blueprints import _voice_packages, home, outside

__all__ = ["_voice_packages", "home", "outside"]
