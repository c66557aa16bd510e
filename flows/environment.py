"""Prefect's own settings for one workspace: private, silent, pruned. To be set before Prefect is imported."""

from __future__ import annotations

import ipaddress
import platform

from cxrscreen.access import url_of
from cxrscreen.settings import Settings
from flows.leash import temporary_folder

PASSWORD_VARIABLE = "PREFECT_SERVER_API_AUTH_STRING"  # noqa: S105  # a name, no password
EVENT_DAYS = 7  # events are what the pages' graphs are drawn from, and the most of the database
DAY_SECONDS = 86_400


def prefect_environment(settings: Settings, *, server: bool) -> dict[str, str]:
    """Return the environment variables for processes that use Prefect.

    Args:
        settings: Of the workspace, which also holds Prefect's database.
        server: True where a server is started for the workspace, false to let each process bring a passing one.
    """
    environment = {
        "CXRSCREEN_WORKSPACE": str(settings.workspace),
        "PYTHONSAFEPATH": "1",  # a module that lies in the folder where serve was started is not ours
        "PREFECT_HOME": str(settings.workspace / "prefect"),
        "PREFECT_LOGGING_EXTRA_LOGGERS": "cxrscreen",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",  # the watcher and serve itself log, too
        # Nothing calls home.
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_SERVER_UI_V2_ENABLED": "false",  # the V2 pages call an analytics host
        # The first start makes the database, which takes longer than Prefect's own 20 s.
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        # Else a dead run would hold the only place for ever.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        # While the server is busy (503), it is asked again for four minutes, not one: a machine that has just been
        # started is busy, and serve would end for it.
        "PREFECT_CLIENT_MAX_RETRIES": "7",
        # What ended longer ago is forgotten, with its logs and artifacts; SQLite uses the room again.
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs,orphans",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(settings.keep_runs_days * DAY_SECONDS),
        "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": f"P{min(settings.keep_runs_days, EVENT_DAYS)}D",
    }
    if server:
        environment |= {
            "TMPDIR": str(temporary_folder(settings.workspace / "prefect")),
            "PREFECT_API_URL": f"{api_url(settings)}/api",
            "PREFECT_SERVER_API_HOST": settings.host,
            "PREFECT_SERVER_API_PORT": str(settings.ui_port),
            # Its pages are unpacked here, not into the installed package, which may be read-only.
            "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(settings.workspace / "prefect" / "pages"),
            "PREFECT_SERVER_UI_API_URL": "/api",  # of whatever name the pages were opened by
            # Whoever can write to the API can run code: no page of another site may.
            "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
            "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": ui_url(settings),
        }
    return environment


def password_environment(password: str | None, *, server: bool = False) -> dict[str, str]:
    """Return the variables that make a client of the server give the password, and the server itself ask for it."""
    if password is None:
        return {}
    return {"PREFECT_API_AUTH_STRING": password} | ({PASSWORD_VARIABLE: password} if server else {})


def api_url(settings: Settings) -> str:
    """Return where our own processes, on this machine, reach Prefect's server."""
    return url_of(settings.host, settings.ui_port)


def ui_url(settings: Settings) -> str:
    """Return where people find the Prefect UI."""
    return url_of(_shown(settings.host), settings.ui_port)


def reports_url(settings: Settings) -> str:
    """Return where people find the reports folder."""
    return url_of(_shown(settings.host), settings.reports_port)


def _shown(host: str) -> str:
    try:
        everywhere = ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return host  # a name
    return platform.node() if everywhere else host
