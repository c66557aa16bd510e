#!/usr/bin/env bash
# Writes both lock files anew from pyproject.toml, for Python 3.11 to 3.13. Needs uv.
set -euo pipefail
unset CDPATH
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
compile="uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-strip-extras"
$compile pyproject.toml --group build -o deployments/requirements.lock
$compile pyproject.toml --group build --group dev -c deployments/requirements.lock -o deployments/requirements-dev.lock
