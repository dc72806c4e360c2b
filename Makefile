# Trivium. `make demo` and `make test` do all of their own set-up; `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.ONESHELL:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RESULTS := build/test-results
# What is installed depends on these files alone: a stamp carries their hash, so a second run starts at once.
KEY := $(shell cat pyproject.toml constraints.txt packages/opencv-python/pyproject.toml | sha256sum | cut -c1-16)
# The packaged weights lie in the user's cache: a stamp a list of them.
WEIGHTS_KEY := $(shell cat core/weights/manifest.py core/weights/table.py 2>/dev/null | sha256sum | cut -c1-16)
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt ./packages/opencv-python
WORKERS ?= 2
TEST_PROGRAMS := ffmpeg postgresql iproute2 espeak-ng dcmtk dicom3tools orthanc orthanc-dicomweb libgdcm-tools libpango-1.0-0 libpangoft2-1.0-0 poppler-utils

export PYTHONUNBUFFERED := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: help demo test check lint format types layers docs fast-tests slow-tests programs bench clean

help: ## list what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

demo: $(VENV)/weights-demo-$(WEIGHTS_KEY) ## set up in .venv, analyse the sample films and draft a report of the sample study, say where the results lie
	@$(BIN)/trivium demo

test: $(VENV)/test-$(KEY) programs $(VENV)/weights-surveillance-$(WEIGHTS_KEY) ## set up, check the style, types, layers and docs, then run every test
	@$(MAKE) --no-print-directory check docs fast-tests slow-tests
	$(BIN)/python tools/skipped.py $(RESULTS)/*.xml

$(VENV)/bin/python:
	@if ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
	  echo "trivium needs Python 3.11 or newer as '$(PYTHON)'; found: $$($(PYTHON) --version 2>&1 || true). Name another one: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2
	  exit 2
	fi
	if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then
	  tools/apt-install python3-venv || { echo "Python's venv module is missing; install it and call make again: apt install python3-venv" >&2; exit 2; }
	fi
	$(PYTHON) -m venv $(VENV)

$(VENV)/base-$(KEY): | $(VENV)/bin/python
	@echo "installing Trivium into $(VENV)"
	$(INSTALL) -e '.[medical]'
	rm -f $(VENV)/base-* $(VENV)/test-*
	touch $@

$(VENV)/test-$(KEY): | $(VENV)/bin/python
	@echo "installing Trivium and its test tools into $(VENV)"
	$(INSTALL) -e '.[dev]'
	rm -f $(VENV)/base-* $(VENV)/test-*
	touch $(VENV)/base-$(KEY) $@

$(VENV)/weights-%-$(WEIGHTS_KEY): $(VENV)/base-$(KEY)
	@$(BIN)/trivium models pull --for $*
	rm -f $(VENV)/weights-$*-*
	touch $@

programs: # system programs that tests need; without the right to install them those tests skip, and say so
	@tools/apt-install $(TEST_PROGRAMS) || echo "some of '$(TEST_PROGRAMS)' are missing and may not be installed here: the tests that need them will skip"

check: lint types layers

lint: $(VENV)/test-$(KEY) ## ruff
	@$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/test-$(KEY) ## let ruff write the files its way
	@$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/test-$(KEY) ## mypy --strict
	@$(BIN)/mypy

layers: $(VENV)/test-$(KEY) ## who may import whom
	@$(BIN)/lint-imports

docs: $(VENV)/test-$(KEY) ## the documentation, into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	echo "documentation: site/index.html"

fast-tests: $(VENV)/test-$(KEY) ## the tests that take seconds
	@mkdir -p $(RESULTS)
	rm -f $(RESULTS)/*.xml .coverage .coverage.*
	$(BIN)/pytest -m "not slow" -n $(WORKERS) --dist loadfile -rfEs --cov --cov-report= --junitxml=$(RESULTS)/fast.xml

slow-tests: $(VENV)/test-$(KEY) ## the tests that take longer
	@mkdir -p $(RESULTS)
	$(BIN)/pytest -m slow -n $(WORKERS) --dist loadfile -rfEs --durations=10 --cov --cov-append --cov-report=term --junitxml=$(RESULTS)/slow.xml || [ $$? -eq 5 ]

bench: $(VENV)/weights-surveillance-$(WEIGHTS_KEY) ## measure everything (long; QUICK=1 for less input) and write docs/benchmarks.md
	@mkdir -p build/bench
	for name in $$($(BIN)/trivium bench --list); do
	  $(BIN)/trivium bench "$$name" $(if $(QUICK),--quick) --json > "build/bench/$$name.json"
	done
	$(BIN)/trivium bench report build/bench/*.json -o docs/benchmarks.md

clean: ## remove what was made here (the weights in the user's cache stay)
	@rm -rf $(VENV) build site demo_output .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
