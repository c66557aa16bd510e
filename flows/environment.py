"""Prefect's own settings for one workspace: private, silent, on loopback. To be set before Prefect is imported."""

from __future__ import annotations

from cxrscreen.settings import Settings

HOST = "127.0.0.1"


def prefect_environment(settings: Settings, *, server: bool) -> dict[str, str]:
    """Return the environment variables for processes that use Prefect.

    Args:
        settings: Of the workspace, which also holds Prefect's database.
        server: True where a server is started for the workspace, false to let each process bring a passing one.
    """
    environment = {
        "CXRSCREEN_WORKSPACE": str(settings.workspace),
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
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    }
    if server:
        environment |= {
            "PREFECT_SERVER_API_HOST": HOST,
            "PREFECT_SERVER_API_PORT": str(settings.ui_port),
            "PREFECT_API_URL": f"{ui_url(settings)}/api",
            # Whoever can write to the API can run code: no page of another site may.
            "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
            "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": ui_url(settings),
        }
    return environment


def ui_url(settings: Settings) -> str:
    """Return where the Prefect UI answers."""
    return f"http://{HOST}:{settings.ui_port}"


def reports_url(settings: Settings) -> str:
    """Return where the reports folder is served."""
    return f"http://{HOST}:{settings.reports_port}"
