#!/bin/sh
# Make the lab's own Python environment in .venv, from requirements.lock. Called by the Makefile.
# Needs nothing but a Python 3.10 to 3.13; PYTHON=... names one, otherwise a suitable one is looked for.
set -eu

suitable() { # is this command a Python that the lab supports? (A shim of pyenv may exist and fail.)
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

can_make_environments() { # Debian packs these two modules apart from Python
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1
}

without_venv=
found=
for candidate in ${PYTHON:-python3.12 python3.11 python3.10 python3.13 python3 python}; do
    suitable "$candidate" || continue
    if can_make_environments "$candidate"; then
        found=$candidate
        break
    fi
    without_venv=${without_venv:-$candidate}
done

if [ -z "$found" ] && [ -n "$without_venv" ]; then
    version=$("$without_venv" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "Python $version is here, but not its modules venv and ensurepip." >&2
    echo "On Debian and Ubuntu: sudo apt install python$version-venv   (then again: make)" >&2
    exit 1
elif [ -z "$found" ]; then
    echo "No suitable Python found${PYTHON:+ (PYTHON=$PYTHON)}; the lab needs 3.10, 3.11, 3.12 or 3.13." >&2
    echo "Install one (Debian: sudo apt install python3 python3-venv; macOS: brew install python@3.12)," >&2
    echo "or name one: make lab PYTHON=/path/to/python3.12" >&2
    exit 1
fi

# Settings of this account that would send the packages elsewhere than into .venv.
unset PIP_TARGET PIP_PREFIX PIP_ROOT PIP_USER PIP_REQUIRE_HASHES PYTHONHOME PYTHONPATH || true

if ! .venv/bin/python -c 'import pip' >/dev/null 2>&1; then
    echo "Making .venv with $("$found" --version) ..."
    rm -rf .venv
    "$found" -m venv .venv
fi
echo "Installing what requirements.lock lists: about 700 MB to fetch, 2 GB on disk, two to six minutes."
.venv/bin/python -m pip install --disable-pip-version-check --require-hashes -r requirements.lock
echo "Installing the lab itself ..."
.venv/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --no-index -e .
