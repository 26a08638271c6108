.DEFAULT_GOAL := help
COMPOSE_VERBS := compose-test rolling-restart backup restore
.PHONY: $(COMPOSE_VERBS) help setup run down test lint fmt types unit integration e2e chaos simulate golden bench lock clean
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest

help:         ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' Makefile

setup:        ## make .venv with everything a developer needs
	@scripts/setup dev

run:          ## start the whole desk here with a simulated market; Ctrl-C stops it
	@scripts/setup console
	@exec $(BIN)/tapedeck up

down:         ## stop a desk that runs in the background
	@scripts/setup console
	@$(BIN)/tapedeck down

test: lint    ## everything a change must pass: lint, then all tests on real servers
	$(PYTEST)

lint: setup types  ## format, ruff, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: setup  ## mypy, strict
	$(BIN)/mypy

fmt: setup    ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

unit: setup   ## the quick tests: no server
	$(PYTEST) tests/unit tests/property tests/tidy

integration: setup  ## tests on a real NATS and a real PostgreSQL
	$(PYTEST) tests/contract tests/integration

e2e: setup    ## the whole desk, one process a service
	$(PYTEST) tests/e2e

chaos: setup  ## kill and stop processes of a playing desk: ROUNDS=20, SEED= of the first
	$(BIN)/python -m tests.chaos

simulate: setup  ## a simulated desk under every fault, thousands of seeds: SEED= ROUNDS= MINUTES=3
	$(BIN)/python -m tests.simulation

compose-test: setup  ## docker-compose.yml on a container engine: up, scale, kill, back up, restore
	TAPEDECK_COMPOSE_ALL=1 $(PYTEST) tests/compose

rolling-restart:  ## replace the containers one at a time while the market runs: SERVICES="risk data"
	@deploy/rolling-restart $(SERVICES)

backup:       ## back up the desk of containers, database and tape: FOLDER=backups/...
	@deploy/backup $(FOLDER)

restore:      ## bring a backup into an empty stack of containers: FOLDER=backups/...
	@deploy/restore "$(FOLDER)" $(SERVICES)

golden: setup  ## record the golden tapes anew, when the desk is to behave differently
	$(BIN)/python -m tests.golden

bench: setup  ## print start-up times, memory, rates and latencies
	$(BIN)/python -m bench

lock: setup   ## pin the dependency groups of pyproject.toml in requirements/ (UPGRADE=1: newest)
	scripts/lock

clean:        ## remove the environment and caches; the desk's state stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
