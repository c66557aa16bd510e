#!/usr/bin/env bash
# Installs what is missing and checks everything: lint, format, types, contracts between the rooms, tests.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/install.sh" requirements-dev.lock
bin=.venv/bin
$bin/ruff check .
$bin/ruff format --check .
$bin/mypy
$bin/lint-imports
$bin/pytest --numprocesses 2 --dist loadfile "$@"
