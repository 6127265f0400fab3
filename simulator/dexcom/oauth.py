"""Dexcom's OAuth 2: a login page, codes that live a minute, refresh tokens that work once."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
import hmac
from html import escape
from typing import Any, NamedTuple
from urllib.parse import urlencode

from aiohttp import hdrs, web
import orjson
from yarl import URL

from ..clock import Clock

SCOPE = "offline_access"
CODE_LIFETIME = timedelta(seconds=60)
MY_REDIRECT = "https://my.home-assistant.io/redirect/oauth"
CALLBACK = "/auth/external/callback"
REDIRECT_LIMIT = 128


@dataclass(slots=True)
class DexcomClient:
    """A developer's app."""

    client_id: str
    client_secret: str


class TokenRequest(NamedTuple):
    """A request to the token endpoint that was answered by Dexcom itself, not by a fault."""

    grant_type: str
    refresh_token: str | None
    status: int
    at: datetime


class Holder(NamedTuple):
    """Whom an access token is for: the app and the wearer's name."""

    client_id: str
    wearer: str


class _Code(NamedTuple):
    """An authorization not yet redeemed."""

    holder: Holder
    redirect_uri: str
    issued_at: datetime


class _Token(NamedTuple):
    """What a token says. It says it itself, so that a demo's tokens survive the simulator."""

    kind: str
    client_id: str
    wearer: str
    issued_at: datetime
    serial: int

    @property
    def mark(self) -> _Mark:
        """Return when it was issued."""
        return self.issued_at, self.serial


type _Mark = tuple[datetime, int]
"""A moment in the life of the tokens; the number decides while the clock stands still."""

_NEVER: _Mark = (datetime.min.replace(tzinfo=UTC), 0)


class _RefusedError(Exception):
    """A token request that is refused, with its OAuth error code."""


class Authority:
    """One region's authorization server."""

    def __init__(
        self,
        region: str,
        clock: Clock,
        client: DexcomClient,
        wearers: Callable[[], Collection[str]],
    ) -> None:
        """Serve one app; `wearers`: the names that may log in."""
        self.access_lifetime = timedelta(seconds=7200)
        self.refresh_lifetime = timedelta(days=90)
        self.clients = {client.client_id: client}
        self.token_log: list[TokenRequest] = []
        self.used_refresh_tokens: set[str] = set()
        self._region = region
        self._clock = clock
        self._wearers = wearers
        self._codes: dict[str, _Code] = {}
        self._serial = 0
        self._revoked: dict[str, _Mark] = {}
        self._expired = _NEVER

    def issue(self, holder: Holder) -> dict[str, Any]:
        """Return a fresh pair of tokens, as the token endpoint answers."""
        return {
            "access_token": self._sign("access", holder),
            "expires_in": int(self.access_lifetime.total_seconds()),
            "token_type": "Bearer",
            "refresh_token": self._sign("refresh", holder),
        }

    def revoke(self, wearer: str) -> None:
        """Let every token of a wearer be dead."""
        self._revoked[wearer] = (self._clock.now(), self._serial)

    def expire_access_tokens(self) -> None:
        """Let every access token be too old; refresh tokens stay good."""
        self._expired = (self._clock.now(), self._serial)

    def holder(self, access_token: str) -> Holder | None:
        """Return whose a good access token is; None if it is not good."""
        token = self._read("access", access_token)
        if (
            token is None
            or token.mark <= self._expired
            or token.issued_at + self.access_lifetime <= self._clock.now()
        ):
            return None
        return Holder(token.client_id, token.wearer)

    async def login(self, request: web.Request) -> web.StreamResponse:
        """Show the login page, or take what was chosen there."""
        if request.method not in (hdrs.METH_GET, hdrs.METH_POST):
            return _page("Only GET and POST are supported.", 405)
        query = request.query
        client_id, redirect_uri = query.get("client_id", ""), query.get("redirect_uri", "")
        if len(query) != len(set(query)):
            return _page("A parameter is given twice.", 400)
        if client_id not in self.clients:
            return _page("This app is not known here.", 400)
        if not is_registered(redirect_uri):
            return _page("This redirect URI is not registered.", 400)
        state = {"state": query["state"]} if "state" in query else {}
        if query.get("response_type") != "code":
            return _redirect(redirect_uri, {"error": "unsupported_response_type", **state})
        if query.get("scope") != SCOPE:
            return _redirect(redirect_uri, {"error": "invalid_scope", **state})
        if request.method == hdrs.METH_GET:
            return _login_page(self._wearers())
        form = await request.post()
        if form.get("action") == "cancel":
            return _redirect(redirect_uri, {"error": "access_denied", **state})
        wearer = form.get("user")
        if form.get("action") != "login" or wearer not in self._wearers():
            return _page("Choose a user and log in.", 400)
        code = self.code(Holder(client_id, str(wearer)), redirect_uri)
        return _redirect(redirect_uri, {"code": code, **state})

    def code(self, holder: Holder, redirect_uri: str) -> str:
        """Return a code, as the login page's redirect carries it."""
        self._serial += 1
        code = sha256(f"{self._region}/{self._serial}/{self._clock.now()}".encode()).hexdigest()
        self._codes[code] = _Code(holder, redirect_uri, self._clock.now())
        return code

    async def token(self, request: web.Request) -> web.StreamResponse:
        """Answer the token endpoint: a form by POST, or nothing."""
        if request.method != hdrs.METH_POST:
            return web.json_response(
                {"error": "invalid_request"}, status=405, headers={hdrs.ALLOW: "POST"}
            )
        # What is no form, or says something twice, counts as empty and is refused for that.
        is_form = request.content_type == "application/x-www-form-urlencoded"
        fields = [*(await request.post()).items()] if is_form else []
        form = {name: str(value) for name, value in fields}
        if len(form) != len(fields):
            form.clear()
        try:
            status, content = 200, self._grant(form, basic=hdrs.AUTHORIZATION in request.headers)
        except _RefusedError as refusal:
            status, content = 400, {"error": str(refusal)}
        self.token_log.append(
            TokenRequest(
                form.get("grant_type", ""), form.get("refresh_token"), status, self._clock.now()
            )
        )
        return web.json_response(content, status=status, headers={hdrs.CACHE_CONTROL: "no-store"})

    def _grant(self, form: Mapping[str, str], *, basic: bool) -> dict[str, Any]:
        """Return tokens for a form; raise what is refused."""
        grant_type = form.get("grant_type")
        if not grant_type:
            raise _RefusedError("invalid_request")
        if grant_type not in ("authorization_code", "refresh_token"):
            raise _RefusedError("unsupported_grant_type")
        client = self.clients.get(form.get("client_id", ""))
        if basic or client is None or form.get("client_secret") != client.client_secret:
            raise _RefusedError("invalid_client")
        if form.get("scope", SCOPE) != SCOPE:
            raise _RefusedError("invalid_scope")
        if grant_type == "refresh_token":
            return self._refresh(form, client)
        return self._redeem(form, client)

    def _redeem(self, form: Mapping[str, str], client: DexcomClient) -> dict[str, Any]:
        """Return tokens for a code: fresh, unused, of this app and redirect URI."""
        if not form.get("code") or not form.get("redirect_uri"):
            raise _RefusedError("invalid_request")
        # Any attempt spends it: a code in the wrong hands is not for another try.
        code = self._codes.pop(form["code"], None)
        if (
            code is None
            or code.holder.client_id != client.client_id
            or code.redirect_uri != form["redirect_uri"]
            or code.issued_at + CODE_LIFETIME <= self._clock.now()
        ):
            raise _RefusedError("invalid_grant")
        return self.issue(code.holder)

    def _refresh(self, form: Mapping[str, str], client: DexcomClient) -> dict[str, Any]:
        """Return tokens for a refresh token, which is used up by that."""
        text = form.get("refresh_token")
        if not text or not is_registered(form.get("redirect_uri", MY_REDIRECT)):
            raise _RefusedError("invalid_request")
        token = self._read("refresh", text)
        if (
            token is None
            or text in self.used_refresh_tokens
            or token.client_id != client.client_id
            or token.issued_at + self.refresh_lifetime <= self._clock.now()
        ):
            raise _RefusedError("invalid_grant")
        self.used_refresh_tokens.add(text)
        return self.issue(Holder(token.client_id, token.wearer))

    def _sign(self, kind: str, holder: Holder) -> str:
        """Return a new token."""
        self._serial += 1
        payload = urlsafe_b64encode(
            orjson.dumps((kind, *holder, self._clock.now().isoformat(), self._serial))
        )
        return f"{payload.decode()}.{self._signature(payload)}"

    def _read(self, kind: str, text: str) -> _Token | None:
        """Return what a token of ours says; None if it is not ours, or was revoked."""
        payload, _, signature = text.partition(".")
        if not payload.isascii() or not signature.isascii():
            return None
        if not hmac.compare_digest(signature, self._signature(payload.encode())):
            return None
        is_kind, client_id, wearer, issued_at, serial = orjson.loads(urlsafe_b64decode(payload))
        token = _Token(is_kind, client_id, wearer, datetime.fromisoformat(issued_at), serial)
        if (
            token.kind != kind
            or token.client_id not in self.clients
            or token.wearer not in self._wearers()
            or token.mark <= self._revoked.get(token.wearer, _NEVER)
        ):
            return None
        return token

    def _signature(self, payload: bytes) -> str:
        """Return what proves that a token is of this region."""
        return hmac.new(self._region.encode(), payload, sha256).hexdigest()


def is_registered(redirect_uri: str) -> bool:
    """Return whether the apps here have registered a redirect URI: Home Assistant's, without a query."""
    if len(redirect_uri) > REDIRECT_LIMIT or "?" in redirect_uri or "#" in redirect_uri:
        return False
    try:
        url = URL(redirect_uri)
    except ValueError:
        return False
    if url.scheme not in ("http", "https") or not url.host:
        return False
    return redirect_uri == MY_REDIRECT or url.path.endswith(CALLBACK)


def _redirect(redirect_uri: str, query: dict[str, str]) -> web.Response:
    """Send the browser back to the app."""
    return web.Response(status=302, headers={hdrs.LOCATION: f"{redirect_uri}?{urlencode(query)}"})


def _login_page(wearers: Collection[str]) -> web.Response:
    """Return the page with the users to choose from; it posts to its own address."""
    options = "".join(f"<option>{escape(name)}</option>" for name in wearers)
    return _page(
        f"""<form method="post">
<p><label for="user">User</label> <select id="user" name="user" required>{options}</select></p>
<p><button id="login" name="action" value="login">Log in</button>
<button id="cancel" name="action" value="cancel" formnovalidate>Cancel</button></p>
</form>""",
        200,
    )


def _page(content: str, status: int) -> web.Response:
    """Return an HTML page."""
    return web.Response(
        status=status,
        content_type="text/html",
        text=f"""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Dexcom (simulated)</title>
<meta name="viewport" content="width=device-width"></head>
<body><main><h1>Dexcom (simulated)</h1>
{content}
</main></body>
</html>""",
    )
