# Every target stands on `make setup`, which builds .venv from requirements.lock and nothing else.
PYTHON ?= python3
UV_VERSION = $(shell sed -n 's/^uv==\([0-9.]*\).*/\1/p' requirements.lock)
BIN = .venv/bin
# The instance's own files (dagster.yaml, history in .dagster/) stand beside this Makefile.
export DAGSTER_HOME ?= $(CURDIR)

# uv trusts a list of its own, and pip before 24.2 too: behind a company's certificate authority both have to trust what
# this machine does, its own store or the file that SSL_CERT_FILE names.
export UV_SYSTEM_CERTS ?= true
ifdef SSL_CERT_FILE
export PIP_CERT ?= $(SSL_CERT_FILE)
endif

# `dagster dev` begins with the advice to take `dg dev`, which is another package and does the same (dg.toml is for it).
QUIET_DEV = PYTHONWARNINGS='ignore:Function `dev_command` is superseded'

.DEFAULT_GOAL := help
.PHONY: help setup demo dev test check bench torture audit bom docs lock clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

define NOT_FETCHED
echo "The packages could not be installed; the lines above say what stood in the way. A certificate: name the file of \
those to trust, with your company's, in SSL_CERT_FILE. No connection: name the proxy in HTTPS_PROXY. No wheel: this \
Python is too new or this machine too rare; remove .venv and name another one, make setup PYTHON=python3.12."; exit 2
endef

setup: .venv/synced ## Build .venv from requirements.lock (hashes checked)

.venv/synced: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is older than Python 3.11. Name a newer one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) || { $(NOT_FETCHED); }
	@$(BIN)/uv pip sync --quiet --compile-bytecode --only-binary :all: --python $(BIN)/python --require-hashes \
		requirements.lock || { $(NOT_FETCHED); }
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## See it work: a local stand-in for GitHub, 120 days, tables, then the Dagster UI
	@$(BIN)/copilot-assets demo

dev: setup ## The Dagster UI on your own data (.env)
	@$(QUIET_DEV) $(BIN)/dagster dev

# Dagster's history and DuckDB wait for the disk at every commit: the tests' own are kept in memory where 4 GB are free.
ROOMY_MEMORY = [ "$$(df -k --output=avail /dev/shm 2>/dev/null | tail -n 1)" -gt 4000000 ] 2>/dev/null \
	&& echo /dev/shm || echo "$${TMPDIR:-/tmp}"

# Bytecode is kept whatever the environment says: hundreds of processes would compile every module anew.
# One process more than there are cores: the tests of Dagster's UI wait for its daemon, which looks every 30 seconds.
# Tests of a lake run by themselves, on the DuckDB that has its extensions, as many at once as there are cores.
test: setup check .duckdb-1.5/synced .duckdb-lake/synced .moto/synced ## Everything CI runs: style, types, import contract, tests
	@tmp=$$(mktemp -d -p "$$($(ROOMY_MEMORY))"); trap 'rm -rf "$$tmp"' EXIT; \
		TMPDIR="$$tmp" PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n "$$(($$(getconf _NPROCESSORS_ONLN) + 1))" --dist loadfile --no-loadscope-reorder \
		&& PYTHONPATH="$(CURDIR)/.duckdb-lake" TMPDIR="$$tmp" PYTHONDONTWRITEBYTECODE= $(BIN)/pytest tests/lake \
			-n "$$(getconf _NPROCESSORS_ONLN)" --dist loadfile --no-loadscope-reorder

check: setup ## Style, strict types and the import contract alone
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: setup .bench/synced .duckdb-lake/synced ## Measure how long things take on this machine (half an hour; ARGS=--quick: two minutes)
	@$(BIN)/python -m benchmarks $(ARGS)

# DuckDB's older line beside the locked one: tests put this folder first on the path of a child process.
.duckdb-1.5/synced: requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --target .duckdb-1.5 'duckdb>=1.5,<1.6'
	@touch $@

# DuckLake: its extensions come as wheels for this version of DuckDB alone, and only where these can't be downloaded.
.duckdb-lake/synced: requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --target .duckdb-lake duckdb==1.5.5 \
		duckdb-extension-ducklake==1.5.5 duckdb-extension-postgres-scanner==1.5.5 duckdb-extension-httpfs==1.5.5
	@touch $@

# A server that speaks S3, for tests of a lake in a bucket; what it needs stays out of .venv.
.moto/synced:
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --target .moto 'moto[s3,server]>=5,<6'
	@touch $@

torture: setup ## Kill, starve and lie to it at random (ARGS="--minutes 60"); ends with 1 if anything is lost
	@TMPDIR="$$($(ROOMY_MEMORY))" $(BIN)/python -m torture $(ARGS)

# What benchmarks measure against stays out of .venv: only the processes that measure it have it on their path.
.bench/synced: benchmarks/requirements.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --target .bench --requirement $<
	@touch $@

# Tools of their own environment: theirs are not among what they look at.
.audit/synced:
	@$(BIN)/uv venv --quiet --python $(BIN)/python .audit
	@$(BIN)/uv pip install --quiet --python .audit/bin/python 'pip-audit>=2.10,<3' 'cyclonedx-bom>=7,<8'
	@touch $@

audit: setup .audit/synced ## Ask the package index (ARGS="-s osv": OSV) for known weaknesses of what is locked
	@.audit/bin/pip-audit --strict --disable-pip --no-deps --requirement requirements.lock $(ARGS)

bom: setup .audit/synced ## Write bom.json, a bill of materials of .venv (CycloneDX)
	@.audit/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible -o bom.json $(BIN)/python

docs: setup ## Make docs/endpoints.md and docs/tables.md anew from catalogue, contract and models
	@$(BIN)/copilot-assets endpoints > docs/endpoints.md
	@$(BIN)/copilot-assets tables > docs/tables.md

lock: setup ## Resolve requirements.lock anew from pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --extra dev \
		--no-emit-index-url --no-header --upgrade pyproject.toml -o requirements.lock

clean: ## Remove what the targets above made, but no data
	@rm -rf .venv .duckdb-1.5 .duckdb-lake .moto .bench .audit bom.json .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
