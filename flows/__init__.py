"""Thin Prefect flows over the use cases of cxrscreen."""

import logging

from flows.leash import tie

logging.getLogger("cxrscreen").setLevel(logging.INFO)  # so that a run's page shows each study's outcome
tie()  # here, because it is the first that a run's process reads of ours
