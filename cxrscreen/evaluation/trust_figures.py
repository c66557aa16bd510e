"""The figures of the activation maps, of the gate by content and of the uncertain band on one set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.map_card import MapCard
from cxrscreen.classifier.reference import Reference
from cxrscreen.classifier.uncertain_band import UncertainBand
from cxrscreen.evaluation.intervals import fraction
from cxrscreen.evaluation.scored import Scored
from cxrscreen.evaluation.trust import QUANTILES, GateFigures, MapFigures, MapSpread, Region
from cxrscreen.lungs.gate import Admission
from cxrscreen.lungs.map_audit import MapAudit
from cxrscreen.types import Diseased


def map_figures(audits: Sequence[MapAudit | None], *, without_fields: int, limit: MapCard | None) -> MapFigures | None:
    """Sum up the maps of a set.

    Args:
        audits: Of the radiographs with plausible lung fields; ``None`` for a map that is zero everywhere.
        without_fields: Radiographs that were left out before.
        limit: Of the model's card.

    Returns:
        ``None`` where no map could be measured.
    """
    measured = [audit for audit in audits if audit is not None]
    regions = tuple(
        spread
        for one in fields(MapAudit)
        if (spread := _spread(one.name, measured)) is not None  # type: ignore[arg-type]  # pydantic refuses any other region
    )
    lungs = [share for audit in measured if (share := audit.lungs.against_chance) is not None]
    if not lungs:
        return None

    def below(least: float) -> Estimate:
        return fraction(sum(share < least for share in lungs), len(lungs))

    return MapFigures(
        n=len(lungs),
        empty=len(audits) - len(measured),
        without_fields=without_fields,
        regions=regions,
        lungs=Reference.of(lungs),
        below_chance=below(1.0),
        least=None if limit is None else limit.least,
        below_least=None if limit is None else below(limit.least),
    )


def gate_figures(admissions: Sequence[Admission], diseased: Diseased) -> GateFigures | None:
    """Count what the gate refused and flagged; ``None`` where it judged nothing.

    Args:
        admissions: Of each radiograph, length n.
        diseased: Reference standard, shape (n,). A gate that turns the sickest away leaves a model that never met them.
    """
    if not admissions:
        return None
    n, passed = len(admissions), [one for one in admissions if one.refusal is None]
    refused = np.array([one.refusal is not None for one in admissions])

    def share(of: NDArray[np.bool_]) -> Estimate | None:
        return fraction(int(refused[of].sum()), int(of.sum())) if of.any() else None

    return GateFigures(
        n=n,
        refused=fraction(n - len(passed), n),
        refused_diseased=share(diseased),
        refused_healthy=share(~diseased),
        flagged=fraction(sum(bool(one.notices) for one in passed), n),
        reasons=dict(Counter(one.refusal.reason.value for one in admissions if one.refusal is not None)),
        notices=dict(Counter(notice for one in passed for notice in one.notices)),
        strangeness=Reference.of([one.strangeness for one in admissions]),
    )


def band_on(band: UncertainBand, scored: Scored) -> UncertainBand:
    """Return the band with its rates on these radiographs, on which it was not chosen, in the place of the card's."""
    side = np.searchsorted([band.low, band.high], scored.scores, side="right")  # 0 negative, 1 uncertain, 2 positive

    def share(called: int, of: NDArray[np.bool_]) -> Estimate:
        return fraction(int((side[of] == called).sum()), int(of.sum()))

    diseased, healthy = scored.diseased, ~scored.diseased
    rates = {
        "missed": share(0, diseased),
        "found": share(2, diseased),
        "false_alarms": share(2, healthy),
        "cleared": share(0, healthy),
        "uncertain": share(1, np.ones_like(diseased)),
    }
    return band.model_copy(update=rates)


def _spread(region: Region, audits: Sequence[MapAudit]) -> MapSpread | None:
    shares = [getattr(audit, region) for audit in audits]
    there = [share for share in shares if share.against_chance is not None]
    if not there:
        return None
    return MapSpread(
        region=region,
        n=len(there),
        against_chance=tuple(float(q) for q in np.quantile([share.against_chance for share in there], QUANTILES)),
        energy=float(np.mean([share.energy for share in there])),
        area=float(np.mean([share.area for share in there])),
    )
