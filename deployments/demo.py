"""The demonstration's second half: the real flow over the drawn intake. Run it with `cxrscreen demo`."""

from __future__ import annotations

import atexit
import os
import sys
from pathlib import Path

from cxrscreen.settings import load_settings
from flows.environment import prefect_environment, ui_url


def main() -> None:
    """Run the flow in this process, with a Prefect server that lives as long, and say where to look."""
    settings = load_settings()
    os.environ.update(prefect_environment(settings, server=False))
    last_words: list[str] = []
    atexit.register(lambda: print(*last_words))  # registered first, said last: after Prefect's farewell
    # Prefect reads its environment when it is imported.
    from flows.screen_intake import screen_intake  # noqa: PLC0415

    state = screen_intake(return_state=True)
    if not state.is_completed():
        raise SystemExit(f"The demonstration did not end well: {state.message}")
    newest = max((settings.workspace / "reports").glob("*/index.html"), key=lambda page: page.stat().st_mtime)
    last_words.append(
        f"\n{state.message}\n\n"
        "These are drawn phantoms: their scores mean nothing.\n\n"
        f"Batch report:  {newest}\n"
        f"Prefect UI:    {Path(sys.executable).with_name('cxrscreen')} serve --workspace {settings.workspace}\n"
        f"               then open {ui_url(settings)}\n"
    )


if __name__ == "__main__":
    main()
