#!/usr/bin/env bash
# Installs what is missing, draws a demonstration intake and screens it through the real Prefect flow.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/install.sh" requirements.lock
exec .venv/bin/cxrscreen demo "$@"
