# The lab's commands. `make help` lists them. Needs make and Python 3.10 to 3.13, nothing else.
#   make lab PYTHON=python3.11     use this Python for the environment
#   make lab ARGS=--no-browser     hand arguments to `recsys-lab lab`

PY     := .venv/bin/python
# Three at once, also on two cores: tests of brokers and clusters wait for half of their time. Tracebacks are Python's,
# as reading sources for pytest's own can end a run on Python 3.11 (python/cpython#106905).
PYTEST := $(PY) -m pytest --numprocesses=3 --dist=loadfile --no-loadscope-reorder --tb=native
NBVAL  := --nbval --nbval-current-env --nbval-cell-timeout=120 --nbval-sanitize-with=tests/notebooks/sanitize.cfg
CODE   := recsys_lab tests benchmarks scripts
UV     := uv

# The account's own plot and kernel settings must not change what notebooks show; nor must they be needed.
export IPYTHONDIR  := $(CURDIR)/.lab/ipython
export MPLCONFIGDIR := $(CURDIR)/.lab/matplotlib
export RECSYS_LAB_PROGRESS := $(CURDIR)/.lab/tests-progress.json
export JUPYTER_PREFER_ENV_PATH := 1
unexport PYTHONPATH PYTHONHOME JUPYTER_PATH MPLBACKEND
ifneq ($(shell test -n "$$HOME" && test -d "$$HOME" && test -w "$$HOME" && echo yes),yes)
export HOME := $(CURDIR)/.lab/home
$(shell mkdir -p .lab/home)
endif

# The environment is made anew when the lock has changed, or when the folder has been moved.
READY := .venv/.ready
ifneq ($(shell cat $(READY) 2>/dev/null),$(CURDIR))
.PHONY: $(READY)
endif

.DEFAULT_GOAL := help
.PHONY: help lab test check lint types unit notebooks bench lock clean

help: ## list every target in a line
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

lab: $(READY) ## set everything up (once), then open JupyterLab on the first notebook
	@$(PY) -m recsys_lab.cli lab $(ARGS)

test: $(READY) lint types ## all that CI runs: check, integration, every notebook, every notebook in a browser
	@sh scripts/chromium.sh
	$(PYTEST) $(NBVAL) notebooks tests

check: $(READY) lint types unit ## two to three minutes: lint, format, types, import rules, unit tests; run it before every commit

lint: $(READY) ## ruff: rules and format
	$(PY) -m ruff check --quiet .
	$(PY) -m ruff format --check --quiet $(CODE)

types: $(READY) ## mypy
	$(PY) -m mypy

unit: $(READY) ## unit tests and import rules only
	$(PYTEST) -q -m "not integration and not browser" tests

notebooks: $(READY) ## run every notebook and save its outputs
	$(PY) scripts/notebooks.py notebooks/*.ipynb

bench: $(READY) ## measure ratios against the yardsticks of this machine; prints and saves the tables
	$(PY) -m benchmarks

lock: ## choose versions anew: requirements.lock and environment.yml (needs uv: pip install uv)
	UV="$(UV)" sh scripts/lock.sh

clean: ## remove what these commands made, the environment included; your progress in .lab stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist tests/browser/screenshots
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name .ipynb_checkpoints -type d -prune -exec rm -rf {} +

$(READY): requirements.lock pyproject.toml
	@sh scripts/environment.sh
	@$(PY) -m recsys_lab.cli kafka fetch || echo "Notebook 03 needs this; all before it does not. Again: make clean lab" >&2
	@$(PY) -m recsys_lab.cli flink fetch || echo "Notebook 05 needs this; all before it does not. Again: make clean lab" >&2
	@echo "$(CURDIR)" > $@
