# Every target brings what it needs: `make demo` on a fresh clone is enough.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
STAMP := $(VENV)/.ready
# What is started twice is compiled once, also where the environment forbids byte code.
unexport PYTHONDONTWRITEBYTECODE
# Half of a test's time is waiting for servers and for what must not happen: two for each processor.
WORKERS ?= 4

.PHONY: help setup demo test test-all test-thorough test-pythons test-deploy rehearsal layers conformance screenshots fuzz docs figures release lint format lock lock-layers clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 15

setup: $(STAMP) ## .venv with everything in it, from requirements.lock

$(STAMP): pyproject.toml requirements.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	  echo "$(PYTHON) cannot make a virtual environment: install its venv module (Debian: apt-get install python3-venv)"; exit 1; }
	@test -x $(UV) || $(BIN)/python -m pip install --quiet 'uv==0.13.9'
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@$(BIN)/python -m pip --version > /dev/null 2>&1 || true
	@touch $@

demo: setup ## the main job on sample photos, shown as it runs
	@$(BIN)/vindrop demo

test: setup ## what a change may break, in minutes; those whose servers are missing say so and skip
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not thorough"

test-thorough: setup ## the rest: what takes long, in every variant (tests/thorough.txt)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m thorough

test-all: test test-thorough ## both

test-pythons: setup ## the library alone on Python 3.10 and 3.13, where they are found
	@$(BIN)/python -m tests.pythons

test-deploy: setup ## both deployments against clouds on loopback: takes minutes, needs npm
	@DEPLOY_TESTS=1 $(BIN)/python -m pytest tests/deploy -m deploy

rehearsal: setup ## a deployment to look at, on a loopback cloud: CLOUD=aws or tencent, PHOTO=path; needs npm
	@$(BIN)/python -m tests.deploy.rehearsal

layers: setup ## the layers of both clouds, from the lock, byte for byte the same every time
	@$(BIN)/python -m layers.dependencies --layout all

build/docs/venv/.ready: tools/documentation/requirements.lock $(STAMP)
	@$(UV) venv --quiet --clear --python $(BIN)/python build/docs/venv
	@$(UV) pip sync --quiet --python build/docs/venv/bin/python --require-hashes tools/documentation/requirements.lock
	@touch $@

docs: setup build/docs/venv/.ready ## the documentation site in both languages, into build/site, its links checked
	@PYTHONPATH=tools $(BIN)/python -m documentation --zensical $(CURDIR)/build/docs/venv/bin/zensical

figures: setup ## the plots of the documentation, measured anew and drawn into docs/figures (ten minutes)
	@$(BIN)/python -m bench.figures

release: setup ## wheel, layers, bills of materials, checksums and notes, into build/release
	@PYTHONPATH=tools $(BIN)/python -m release

conformance: setup ## VinOCR driven by every official client: a table client x case
	@$(BIN)/python tests/conformance/run.py

screenshots: setup ## docs/images: the console as it shows the demo's photos; needs Chromium
	@$(BIN)/python -m tools.screenshots

fuzz: setup ## every parser with hostile input, for FUZZ_SECONDS (an hour)
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-3600} $(BIN)/python -m pytest tests/fuzz -s --timeout 0

lint: setup ## ruff, mypy --strict, oxlint for the scripts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/oxlint layers deploy tests

format: setup ## let ruff tidy up
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: ## renew requirements.lock (hashes for every platform, no index named: mirrors work)
	@test -x $(UV) || $(MAKE) setup
	@$(UV) pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url \
	  --upgrade --group dev --all-extras --output-file requirements.lock pyproject.toml

lock-layers: ## renew the lock of the layers: what the clouds' older systems can load
	@$(UV) pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url \
	  --no-header --upgrade -o layers/dependencies/requirements.lock layers/dependencies/requirements.in

clean: ## remove what the targets made
	rm -rf $(VENV) $(VENV)-* build .vindrop
