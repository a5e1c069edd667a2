#!/bin/sh
# Write requirements.lock and environment.yml from pyproject.toml. Called by `make lock`.
#
# Two steps, so that Apache Flink and Kafka can join the same environment without moving a version:
# 1. resolve everything, Flink and Kafka included, for every supported Python and platform;
# 2. lock the lab and its development tools, within the versions of step 1.
# `--fork-strategy fewest` gives all Pythons the same versions wherever it can: notebook outputs depend on them.
set -eu
uv=${UV:-uv}
command -v "$uv" >/dev/null 2>&1 || { echo "make lock needs uv: pip install uv, or make lock UV=/path/to/uv" >&2; exit 1; }

everything=$(mktemp)
trap 'rm -f "$everything"' EXIT
compile() {
    "$uv" pip compile --quiet --universal --python-version 3.10 --fork-strategy fewest \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links "$@" pyproject.toml
}

echo "Resolving everything, with Flink and Kafka (a minute) ..."
compile --all-extras --output-file "$everything" >/dev/null
echo "Locking the lab and its tools, with hashes ..."
compile --extra dev --constraint "$everything" --generate-hashes --output-file requirements.lock >/dev/null
python3 scripts/conda_environment.py
