#!/bin/sh
# Write requirements.lock and environment.yml from pyproject.toml. Called by `make lock`.
# `--fork-strategy fewest` gives all Pythons the same versions wherever it can: notebook outputs depend on them.
set -eu
uv=${UV:-uv}
command -v "$uv" >/dev/null 2>&1 || { echo "make lock needs uv: pip install uv, or make lock UV=/path/to/uv" >&2; exit 1; }

"$uv" pip compile --quiet --universal --python-version 3.10 --fork-strategy fewest --extra dev --generate-hashes \
    --no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file requirements.lock pyproject.toml \
    >/dev/null
python3 scripts/conda_environment.py
