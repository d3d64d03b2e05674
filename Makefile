# `make` alone lists the targets. Everything runs out of .venv, which `make setup` fills from hash-locked requirements.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCK := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --exclude-newer "1 week" --quiet
# `make test ARGS="-k slack"` hands options on.
ARGS ?=
# What pip says, without its line for each package; fails where the last line that says so did not come.
BRIEFLY := awk '/^Collecting / { if (++n % 40 == 0) { print "setup: " n " fetched"; fflush() } next } \
	/^(Ignoring |  Downloading |  Using cached |Requirement already |Installing collected |Successfully installed )/ { next } \
	{ print; fflush() } /^setup: all installed$$/ { ok = 1 } END { exit !ok }'
# Where no PYTHON is named, the first of these that is new enough makes the environment.
PYTHON ?= $(firstword $(foreach candidate,python3 python3.13 python3.12 python3.11,$(shell \
	$(candidate) -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $(candidate))))

.DEFAULT_GOAL := help
.PHONY: help setup up demo test test-all check check-style check-types check-imports check-more docs chaos bench lock sbom audit format clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv from the locks (again only when they changed)

# --no-deps: the locks hold every package. A resolver would ask the index for an extra's newest version, and refuse it.
$(STAMP): requirements-dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "csatwatch needs Python 3.11 or newer: install one, or name it: make setup PYTHON=/path/to/python3" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is no Python 3.11 or newer: name another: make setup PYTHON=/path/to/python3" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) comes without venv: install it (Debian: apt-get install python3-venv), or name another Python: make setup PYTHON=/path/to/python3" >&2; exit 2; }
	@echo "setup: $$($(PYTHON) --version) → $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "setup: installing $$(grep -c '==' requirements-dev.txt) locked packages, which takes a minute or two"
	@{ $(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --require-hashes --no-deps \
		--requirement requirements-dev.txt 2>&1 && echo "setup: all installed"; } | $(BRIEFLY)
	@echo "setup: installing csatwatch itself"
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --no-index --editable .
	@touch $@
	@echo "setup: done"

up: $(STAMP) ## run everything on embedded servers, with the sample feed, until Ctrl-C
	@$(BIN)/csatwatch up $(ARGS)

demo: $(STAMP) ## the same, ended when every alert is delivered
	@$(BIN)/csatwatch up --exit-when-idle $(ARGS)

test: $(STAMP) ## the tests, without the slow ones
	@$(BIN)/python -m pytest -m "not slow" -n 4 --dist worksteal $(ARGS)

test-all: $(STAMP) ## all tests, with branch coverage
	@$(BIN)/python -m pytest --cov --cov-report=term $(ARGS)

check: check-style check-types check-imports check-more ## format, lint, types, import rules, generated files

check-style: $(STAMP)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

check-types: $(STAMP)
	@$(BIN)/mypy

check-imports: $(STAMP)
	@$(BIN)/lint-imports

# Every executable in .ci/checks is one more check: it says what it looks at, and exits 0 when all is well.
check-more: $(STAMP)
	@for check in .ci/checks/*; do \
		test -x "$$check" || continue; \
		echo "check: $${check##*/}"; \
		PATH="$(CURDIR)/$(BIN):$$PATH" "$$check" || exit 1; \
	done

docs: $(STAMP) ## make the documentation as a site in build/docs, to be opened without a server
	@$(BIN)/python -m sphinx -q -W --keep-going -b html -c docs/generator -d build/doctrees . build/docs
	@echo "docs: build/docs/index.html"

chaos: $(STAMP) ## the detector under faults, for long; ARGS="--seed N" repeats a run
	@$(BIN)/python -m tests.chaos $(ARGS)

bench: $(STAMP) ## measure the detector beside its peers, on a real Kafka (first: .venv/bin/python -m bench setup)
	@$(BIN)/python -m bench $(ARGS)

lock: $(STAMP) ## pin every dependency anew, each at least a week old
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(LOCK) --upgrade --output-file requirements.txt
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(LOCK) --upgrade --all-extras --group dev --constraint requirements.txt --output-file requirements-dev.txt
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(subst pyproject.toml,bench/requirements.in,$(LOCK)) --upgrade --output-file bench/requirements.txt

sbom: $(STAMP) ## what an image holds, out of the lock: dist/sbom.json (CycloneDX)
	@mkdir -p dist
	@PYTHONWARNINGS=ignore $(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --mc-type application --output-reproducible \
		--spec-version 1.6 --output-format JSON --output-file dist/sbom.json requirements.txt
	@echo "sbom: dist/sbom.json"

# The advisories are on the network: nothing offline knows those of today. ARGS="--vulnerability-service osv" asks osv.dev.
audit: $(STAMP) ## look for known weaknesses in the locked packages; asks the network
	@$(BIN)/uvx pip-audit --strict --require-hashes --disable-pip --requirement requirements.txt $(ARGS)

format: $(STAMP) ## format, and mend what ruff can mend
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

clean: ## remove the environment and every cache
	@rm -rf $(VENV) bench/.venv .cache .coverage .coverage.* htmlcov .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
