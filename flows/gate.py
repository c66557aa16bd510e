"""What stands before Prefect's server: it answers this machine, or whoever may know the password, and nobody else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from cxrscreen.access import REFUSAL, comes_from_here

MANUALS = ("/docs", "/redoc", "/api/docs", "/api/redoc")  # these pages load their scripts from other sites

# No page of another site may show ours inside its own, and ours may call nobody but this server.
PAGE_RULES = (
    b"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none'; base-uri 'self'; "
    b"form-action 'self'; frame-ancestors 'none'"
)
ADDED_HEADERS = (
    (b"content-security-policy", PAGE_RULES),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Gate:
    """Stands before an ASGI application, and lets through what may come from this machine.

    Without a password, a request must name this machine as its host, and come from none or from a page of the same
    host and port. With one, any name will do (a proxy may have its own): a page of another site does not know it.
    """

    def __init__(self, app: App, *, asks_for_password: bool) -> None:
        self._app = app
        self._asks_for_password = asks_for_password

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, refuse, or hand on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["path"] in MANUALS or not (self._asks_for_password or _is_ours(scope)):
            await _refuse(scope, receive, send)
        else:
            await self._app(scope, receive, _with_headers(send))


def _is_ours(scope: Scope) -> bool:
    headers = [(name.lower(), value.decode("latin-1")) for name, value in scope["headers"]]
    hosts, origins = ([value for name, value in headers if name == wanted] for wanted in (b"host", b"origin"))
    return comes_from_here(hosts, origins)


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})  # RFC 6455: against the rules; before an accept it is 403
        return
    await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": f"{REFUSAL}.\n".encode()})


def _with_headers(send: Send) -> Send:
    async def send_on(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *ADDED_HEADERS]
        await send(message)

    return send_on
