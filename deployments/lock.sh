#!/usr/bin/env bash
# Writes both lock files anew from pyproject.toml, for Python 3.11 to 3.13; `--upgrade` moves on to newer versions.
# Needs uv. Only versions that are published as wheels count: the installer builds nothing.
set -euo pipefail
unset CDPATH
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
compile="uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-strip-extras --no-build"
$compile "$@" pyproject.toml --group build -o deployments/requirements.lock
$compile "$@" pyproject.toml --group build --group dev -c deployments/requirements.lock -o deployments/requirements-dev.lock
