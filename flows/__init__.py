"""Thin Prefect flows over the use cases of cxrscreen."""

import logging

logging.getLogger("cxrscreen").setLevel(logging.INFO)  # so that a run's page shows each study's outcome
