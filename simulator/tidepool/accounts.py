"""Care partners: who they are, their password, their sessions."""

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha1, shake_256
from typing import Any

from ..clock import Clock

ACCESS_LIFETIME = timedelta(minutes=10)
SESSION_LIFETIME = timedelta(hours=24)


@dataclass(slots=True)
class _Session:
    """From a login to its end, whatever tokens it had meanwhile."""

    until: datetime


@dataclass(slots=True)
class _Token:
    """A session token: a part that opens doors for a while, and one that renews it, once."""

    session: _Session
    access_until: datetime
    renewed: bool = False


class Account:
    """A care partner's account."""

    def __init__(
        self,
        username: str,
        password: str,
        clock: Clock,
        *,
        email_verified: bool = True,
        sso: bool = False,
        user_id: str | None = None,
    ) -> None:
        """Open an account; `sso`: an identity provider's, whose password is no use here."""
        self.username = username
        self.password = password
        self.user_id = user_id or made_up_id(username)
        self.email_verified = email_verified
        self.sso = sso
        self.full_name = "Robin Carepartner"
        self.renewable = True
        """Whether tokens can be renewed."""
        self.access_lifetime = ACCESS_LIFETIME
        self.session_lifetime = SESSION_LIFETIME
        self.logins = 0
        """How often the password was right."""
        self.refused_logins = 0
        """How often it was not, or was no use."""
        self.renewals = 0
        """How often a token was renewed."""
        self.trustees: dict[str, tuple[str, ...]] = {}
        """What this account itself grants, by user id."""
        self._clock = clock
        self._made = 0
        self._tokens: dict[str, _Token] = {}

    def change_password(self, new: str) -> None:
        """Set another password; sessions go on."""
        self.password = new

    def expire_access(self) -> None:
        """End the short-lived part of every token; renewing still works."""
        for token in self._tokens.values():
            token.access_until = self._clock.now()

    def kill_sessions(self) -> None:
        """End every session: no token opens anything or can be renewed."""
        self._tokens.clear()

    def grant(self, user_id: str, permissions: Iterable[str] = ("view",)) -> None:
        """Let somebody else see this account's own data: they follow it, not the other way round."""
        self.trustees[user_id] = tuple(permissions)

    def log_in(self) -> str:
        """Begin a session; return its first token."""
        self.logins += 1
        return self._token(_Session(self._clock.now() + self.session_lifetime))

    def renew(self, text: str) -> str | None:
        """Return a fresh token for one of the same session, or None: it is over, or did so before."""
        token = self._alive(text)
        if token is None or token.renewed or not self.renewable:
            return None
        token.renewed = True
        self.renewals += 1
        return self._token(token.session)

    def opens(self, text: str) -> bool:
        """Return whether a token gives access now."""
        token = self._alive(text)
        return token is not None and self._clock.now() < token.access_until

    def log_out(self, text: str) -> None:
        """End the session of a token, with all its tokens."""
        if (token := self._tokens.get(text)) is not None:
            self._tokens = {
                other: data
                for other, data in self._tokens.items()
                if data.session is not token.session
            }

    def expires_at(self, text: str) -> datetime:
        """Return when a token stops to open doors; KeyError if there is none such."""
        return self._tokens[text].access_until

    def profile(self) -> dict[str, Any]:
        """Return the account as the sign-in service tells about it."""
        return {
            "userid": self.user_id,
            "username": self.username,
            "emails": [self.username],
            "termsAccepted": "2025-01-11T09:14:02+01:00",
            "emailVerified": self.email_verified,
        }

    def _alive(self, text: str) -> _Token | None:
        """Return a token whose session is not over."""
        token = self._tokens.get(text)
        return token if token and self._clock.now() < token.session.until else None

    def _token(self, session: _Session) -> str:
        """Make a token: `kc:<access>:<refresh>`, both long, neither of any meaning."""
        self._made += 1
        now = self._clock.now()
        parts = ".".join(
            urlsafe_b64encode(
                shake_256(f"{self.user_id}/{self.password}/{self._made}/{part}".encode()).digest(
                    size
                )
            )
            .decode()
            .rstrip("=")
            for part, size in enumerate((48, 480, 256))
        )
        text = f"kc:{parts}:{parts[::-1]}"
        self._tokens[text] = _Token(session, min(now + self.access_lifetime, session.until))
        return text


def made_up_id(text: str) -> str:
    """Return the user id (10 hex digits) of a name, always the same."""
    return sha1(text.encode(), usedforsecurity=False).hexdigest()[:10]
