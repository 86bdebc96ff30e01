# Every target makes .venv first when it is missing. `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
DOCS_READY := .venv/.docs-ready
# one thread a process, or torch's own would fight over the cores; one process more than cores, since many wait for others
TEST := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 WANDB_MODE=offline $(BIN)/python -m pytest -n 3 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo test test-all lint format bench notebooks docs lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || { echo "Python 3.10 to 3.13 is needed; name one: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --progress-bar off -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $(READY)

demo: $(READY)  ## render a crowd, train FairMOT on it, track held-out videos: report and video in outputs/synthetic
	$(BIN)/python -m fairmot_pl.train +experiment=synthetic

test: $(READY)  ## fast tests
	$(TEST)

test-all: $(READY)  ## fast, slow and packaging tests
	$(TEST) -m "not gpu"

lint: $(READY)  ## ruff, mypy, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)  ## mend what ruff can mend
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(READY)  ## time every part beside yardsticks: table, JSON and Markdown in outputs/benchmark
	$(BIN)/python -m fairmot_pl.benchmark

notebooks: $(READY)  ## execute the notebooks
	$(TEST) notebooks

$(DOCS_READY): $(READY)
	$(BIN)/python -m pip install --quiet --no-build-isolation -c requirements.lock -e '.[docs]'
	@touch $(DOCS_READY)

docs: $(DOCS_READY)  ## build the documentation's pages: build/site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

lock: $(READY)  ## pin the newest versions pyproject.toml allows into requirements.lock
	$(BIN)/python scripts/lock.py

clean:  ## remove caches and builds; data/, outputs/ and .venv stay
	rm -rf dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
