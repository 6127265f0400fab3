"""Who may: by what Home Assistant says of a user's entities, and nobody where it says nothing."""

from homeassistant.auth.models import User
from homeassistant.auth.permissions import AbstractPermissions, OwnerPermissions, PolicyPermissions
from homeassistant.auth.permissions.const import POLICY_CONTROL, POLICY_READ
from homeassistant.auth.permissions.models import PermissionLookup
import pytest

from custom_components.care_alerts.responses.permissions import forbidden

NOBODY = "care_alerts.nobody"
SOME = PolicyPermissions(
    {"entities": {"entity_ids": {"sensor.a": True, "sensor.b": {"read": True}}}},
    PermissionLookup(None, None),  # type: ignore[arg-type] # no area is asked for
)


def user(permissions: AbstractPermissions, *, is_active: bool = True) -> User:
    """Somebody who may so much."""
    found = User(name="Anna", perm_lookup=None, is_active=is_active)  # type: ignore[arg-type]
    found.__dict__["permissions"] = permissions
    return found


@pytest.mark.parametrize(
    ("permissions", "permission", "entities", "first"),
    [
        (OwnerPermissions, POLICY_CONTROL, ["sensor.a", "sensor.z"], None),
        (OwnerPermissions, POLICY_CONTROL, [], None),
        (SOME, POLICY_READ, ["sensor.a", "sensor.b"], None),
        (SOME, POLICY_CONTROL, ["sensor.a", "sensor.b"], "sensor.b"),
        (SOME, POLICY_READ, ["sensor.a", "sensor.y", "sensor.z"], "sensor.y"),
        # Where there is none, nothing says whose it would be.
        (SOME, POLICY_READ, [], NOBODY),
    ],
)
def test_who_may_do_it_for_all_of_them(
    permissions: AbstractPermissions, permission: str, entities: list[str], first: str | None
) -> None:
    assert forbidden(user(permissions), permission, entities) == first
    # Whoever was switched off may nothing.
    inactive = user(permissions, is_active=False)
    assert forbidden(inactive, permission, entities) == (entities[0] if entities else NOBODY)
