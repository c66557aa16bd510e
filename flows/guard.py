"""What watches over Prefect's server while `cxrscreen serve` runs."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
import time

from cxrscreen.upkeep.service import answers

SERVER_START_SECONDS = 180
GRACE_SECONDS = 2
STOP_SECONDS = 30
LOOK_SECONDS = 30.0
ANSWER_SECONDS = 5.0
MOST_SILENT_LOOKS = 10  # five minutes without an answer: it hangs
SERVER_LOST = "Prefect's server has ended, so nothing can be screened. Start cxrscreen serve again."

log = logging.getLogger("cxrscreen.serve")


class Guard(threading.Thread):
    """Ends this process when Prefect's server ends on its own, or hangs: then whoever watches over it starts it anew.

    Args:
        server: Prefect's server.
        health: Where it says that it is well.
    """

    def __init__(self, server: subprocess.Popen[bytes], health: str) -> None:
        super().__init__(daemon=True, name="guard")
        self._server = server
        self._health = health
        self._leaving = threading.Event()
        self._lost = False

    def wait_for_start(self) -> None:
        """Wait until the server answers.

        Raises:
            SystemExit: It ended, or did not answer in time.
        """
        deadline = time.monotonic() + SERVER_START_SECONDS
        while not answers(self._health, ANSWER_SECONDS):
            if self._server.poll() is not None:
                raise SystemExit(
                    "Prefect's server ended at its start. Is the port taken? Set ui_port in cxrscreen.toml."
                )
            if time.monotonic() > deadline:
                raise SystemExit(f"Prefect's server did not answer within {SERVER_START_SECONDS} s. Start it again.")
            time.sleep(0.3)

    def run(self) -> None:
        """Wait for the server's end."""
        silent = 0
        while silent < MOST_SILENT_LOOKS:
            try:
                self._server.wait(LOOK_SECONDS)
                break
            except subprocess.TimeoutExpired:
                silent = 0 if answers(self._health, ANSWER_SECONDS) else silent + 1
        if self._leaving.wait(GRACE_SECONDS):
            return  # a signal has reached us both
        self._lost = True
        os.kill(os.getpid(), signal.SIGTERM)  # Prefect ends its runs, and serve returns
        if not self._leaving.wait(STOP_SECONDS):
            log.error(SERVER_LOST)
            os._exit(1)

    def leave(self) -> None:
        """Say that this process is about to end, and see the server off.

        Raises:
            SystemExit: The server was lost, so it must not look like a wanted end.
        """
        self._leaving.set()
        try:
            self._server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._server.kill()
        if self._lost:
            raise SystemExit(SERVER_LOST)
