from __future__ import annotations

from pathlib import Path

from cxrscreen.labelled.site import site_of
from cxrscreen.radiograph.acceptance import acceptance_limits
from cxrscreen.settings import load_settings
from cxrscreen.workspace import Workspace, open_workspace


def test_a_site_is_the_workspace_with_the_gate_of_screening(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "home", min_side_pixels=333, max_file_megabytes=3, automatic_promotion=True)
    workspace: Workspace = open_workspace(settings.workspace)
    site = site_of(settings)
    assert (site.models, site.runs, site.reports) == (workspace.models, workspace.retraining, workspace.reports)
    assert site.limits == acceptance_limits(settings)
    assert site.limits.max_file_bytes == 3 * 2**20
    assert site.automatic_promotion
    assert site.cache.size() == (0, 0)
    assert site.registry.champion() == "standard-2"
