"""The pages with the reports: one folder over HTTP, read-only, hardened against curious people and slow ones.

Nothing but the folder's own files is served: no hidden names, no links, nothing above it. No more connections than
there are threads for, none for longer than its deadline.
"""

from __future__ import annotations

import base64
import errno
import hmac
import html
import os
import shutil
import socket
import threading
import time
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes, urlsplit

from cxrscreen.access import REFUSAL, comes_from_here
from cxrscreen.screening.opening import folder_below, open_regular

MOST_CONNECTIONS = 32
REQUEST_SECONDS = 10.0  # to send the request
ANSWER_SECONDS = 300.0  # to take the answer, which may be a long report over a slow line
WRONG_PASSWORD_SECONDS = 0.5
INDEX = "index.html"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".svg": "image/svg+xml",
}
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; "
    "font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class ReportPages(ThreadingHTTPServer):
    """A server of one folder.

    Args:
        address: Host and port to listen at.
        folder: What is served.
        password: ``user:password`` to ask for (HTTP Basic, RFC 7617), or ``None`` to answer only what comes from this
            machine.

    Raises:
        OSError: The port is taken.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 4 * MOST_CONNECTIONS  # a browser that opens a page with many pictures is no flood

    def __init__(self, address: tuple[str, int], folder: Path, password: str | None) -> None:
        self.address_family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
        self.folder = folder
        self.expected = password and f"Basic {base64.b64encode(password.encode()).decode()}"
        self._deadlines: dict[socket.socket, float] = {}
        self._changing = threading.Lock()
        super().__init__(address, _Handler)

    def give_time(self, connection: socket.socket, seconds: float) -> None:
        """Let a connection live for so long from now."""
        with self._changing:
            self._deadlines[connection] = time.monotonic() + seconds

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  # as the base class types it
        """Take a connection in hand, unless too many are."""
        if len(self._deadlines) >= MOST_CONNECTIONS:
            self.shutdown_request(request)
            return
        self.give_time(request, REQUEST_SECONDS)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401  # likewise
        """Close a connection."""
        with self._changing:
            self._deadlines.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """End the connections that are past their deadline; ``serve_forever`` calls this twice a second."""
        now = time.monotonic()
        with self._changing:
            for connection, deadline in self._deadlines.items():
                if deadline < now:
                    with suppress(OSError):
                        connection.shutdown(socket.SHUT_RDWR)  # its thread wakes up, and closes it

    def server_bind(self) -> None:
        """Bind, without asking a name server who we are."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  # likewise
        """Say nothing: a browser that went away is nobody's business."""


class _Handler(BaseHTTPRequestHandler):
    server: ReportPages
    server_version, sys_version = "cxrscreen", ""
    timeout = REQUEST_SECONDS

    def do_GET(self) -> None:
        """Answer with a file or a list of names."""
        self.server.give_time(self.connection, ANSWER_SECONDS)
        if self._is_welcome():
            self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer with the headers alone."""
        self.server.give_time(self.connection, ANSWER_SECONDS)
        if self._is_welcome():
            self._answer(with_body=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class named it
        """Log nothing: paths are nobody's business."""

    def end_headers(self) -> None:
        """Add what every answer carries."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def _is_welcome(self) -> bool:
        expected, given = self.server.expected, self.headers.get("Authorization")
        if expected is None:
            if comes_from_here(self.headers.get_all("Host", []), self.headers.get_all("Origin", [])):
                return True
            self.send_error(HTTPStatus.FORBIDDEN, REFUSAL)
            return False
        if given is not None and hmac.compare_digest(expected.encode(), given.encode("latin-1")):
            return True
        if given is not None:
            time.sleep(WRONG_PASSWORD_SECONDS)  # for a guess
        self.send_response(HTTPStatus.UNAUTHORIZED)
        self.send_header("WWW-Authenticate", 'Basic realm="cxrscreen", charset="UTF-8"')
        self.send_header("Content-Length", "0")
        self.end_headers()
        return False

    def _answer(self, *, with_body: bool) -> None:
        name = os.fsdecode(unquote_to_bytes(urlsplit(self.path).path)).lstrip("/")
        if any(part.startswith(".") for part in name.split("/")) or {"\\", "\0"} & set(name):
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        try:
            if name == "" or name.endswith("/"):
                self._answer_folder(name, with_body=with_body)
            else:
                self._answer_file(name, with_body=with_body)
        except IsADirectoryError:
            self.send_response(HTTPStatus.MOVED_PERMANENTLY)
            self.send_header("Location", f"/{quote(os.fsencode(name))}/")
            self.send_header("Content-Length", "0")
            self.end_headers()
        except OSError as exc:
            if isinstance(exc, ConnectionError):
                raise
            self.send_error(HTTPStatus.NOT_FOUND)

    def _answer_file(self, name: str, *, with_body: bool) -> None:
        try:
            file = open_regular(self.server.folder, name)
        except OSError as exc:
            if exc.errno == errno.EINVAL and _names(self.server.folder, name) is not None:
                raise IsADirectoryError from exc
            raise
        with file:
            kind = KINDS.get(Path(name).suffix.lower(), "application/octet-stream")
            self._start(kind, os.fstat(file.fileno()))
            if with_body:
                shutil.copyfileobj(file, self.wfile)

    def _answer_folder(self, name: str, *, with_body: bool) -> None:
        names = _names(self.server.folder, name.rstrip("/"))
        if names is None:
            raise FileNotFoundError
        if INDEX in names:
            self._answer_file(name + INDEX, with_body=with_body)
            return
        lines = "".join(
            f'<li><a href="{html.escape(quote(os.fsencode(entry)))}">{html.escape(_shown(entry))}</a></li>\n'
            for entry in sorted(names, reverse=True)
        )
        page = f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Reports</title>\n<ul>\n{lines}</ul>\n'
        body = page.encode("utf-8")
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", KINDS[".html"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def _start(self, kind: str, found: os.stat_result) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(found.st_size))
        self.send_header("Last-Modified", formatdate(found.st_mtime, usegmt=True))
        self.end_headers()


def _names(folder: Path, name: str) -> list[str] | None:
    """Return the visible names in a folder below ``folder``, those of folders with a slash; ``None`` if it is none."""
    try:
        with folder_below(folder, filter(None, name.split("/"))) as handle, os.scandir(handle) as entries:
            return [
                entry.name + "/" * entry.is_dir(follow_symlinks=False)
                for entry in entries
                if not entry.name.startswith(".") and not entry.is_symlink()
            ]
    except (FileNotFoundError, NotADirectoryError):
        return None


def _shown(name: str) -> str:
    return name.encode("utf-8", "replace").decode("utf-8")
