"""A measured figure with its interval, as cards and evaluations record it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Base of everything that is written as JSON: unchangeable, without unknown keys, without NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Estimate(Frozen):
    """A measured figure with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int  # radiographs that the estimate rests on
    method: str  # e.g. "Wilson", "bootstrap by patient, 2000 draws"
