#!/usr/bin/env bash
# Makes the README's two pictures from the newest batch of a demonstration workspace. Needs pdftoppm (poppler-utils).
#   bash deployments/readme/pictures.sh [WORKSPACE]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
batch=$(ls -d "${1:-cxrscreen-demo}"/reports/*/ | tail -n 1)
# The study that has the highest score, i.e. the first link of the index.
study=$(.venv/bin/python -c 'import json, sys; print(json.load(open(sys.argv[1]))["studies"][0]["study"])' "${batch}batch.json")
pdftoppm -r 80 -singlefile -png "${batch}${study}/report.pdf" deployments/readme/study
pdftoppm -r 80 -singlefile -png "${batch}index.pdf" deployments/readme/batch
