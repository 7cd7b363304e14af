# Everything one does with this repository. `make` alone lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# TensorFlow without bytecode takes four times as long to start; some environments switch it off.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= $(shell command -v python3.11 || command -v python3)
UV_VERSION := 0.13.9
UV := .uv/bin/uv
BIN := .venv/bin
STAMP := .venv/.stamp-$(shell cat uv.lock pyproject.toml 2>/dev/null | cksum | cut -d' ' -f1)
# Triton's client pins an older protobuf than ours, so it lives in an environment of its own.
TRITON_VERSION := 2.73.0
TRITON := build/tritonclient-$(TRITON_VERSION)/bin/python
export TRITONCLIENT_PYTHON := $(CURDIR)/$(TRITON)
PROTOS := $(wildcard proto/modelyard/v1/*.proto)
PROTO_STAMP := .venv/.proto

.PHONY: help setup proto demo up down test test-unit test-integration test-e2e test-protections check format images bench-serving bench-jobs bench-cli bench-client docs record clean

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

setup: $(STAMP) $(PROTO_STAMP) ## the environment in .venv, exactly as locked
	@true

# A virtual environment where Python can make one, else a plain folder: both hold bin/uv.
$(UV):
	@echo "installing uv $(UV_VERSION) into .uv"
	@( $(PYTHON) -m venv .uv >/dev/null 2>&1 && .uv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)" ) \
	  || $(PYTHON) -m pip install --quiet --disable-pip-version-check --target .uv "uv==$(UV_VERSION)"

$(STAMP): | $(UV)
	@echo "installing the locked packages into .venv"
	@$(UV) sync --frozen --extra local --group dev --compile-bytecode --quiet --python "$(PYTHON)"
	@rm -f .venv/.stamp-*
	@touch $@

$(TRITON): | $(UV)
	@$(UV) venv --quiet --python "$(PYTHON)" build/tritonclient-$(TRITON_VERSION)
	@$(UV) pip install --quiet --python $@ "tritonclient[grpc,http]==$(TRITON_VERSION)"

proto: ## generate services/modelyard/v1 from proto/
	@$(MAKE) $(STAMP)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python hatch_build.py
	@touch $(PROTO_STAMP)

$(PROTO_STAMP): $(STAMP) $(PROTOS) hatch_build.py
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python hatch_build.py
	@touch $@

demo: setup ## train three models on real data, ask each over gRPC, stop everything
	@$(BIN)/modelyard demo

up: setup ## start all services on this machine; Ctrl-C stops them
	@$(BIN)/modelyard up

down: setup ## stop what `make up` started
	@$(BIN)/modelyard down

test: setup $(TRITON) ## all tests
	@$(BIN)/python -m pytest tests

test-unit: setup ## the tests that take seconds
	@$(BIN)/python -m pytest tests/unit

test-integration: setup $(TRITON) ## the tests with a real queue, worker, trainer or server
	@$(BIN)/python -m pytest tests/integration

test-e2e: setup ## the tests with all services together
	@$(BIN)/python -m pytest tests/end_to_end

test-protections: setup ## every fault test fails without the protection that it tests (a quarter of an hour)
	@$(BIN)/python tests/protections

check: setup ## style, types, imports, protos, lock
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/buf lint
	@$(UV) lock --check --quiet

format: setup ## rewrite the code in its format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

images: ## the three container images; DOCKER_BUILD="--network host" where builds cannot reach out otherwise
	@for target in jobs training inference; do \
	  docker build $(DOCKER_BUILD) -f services/Dockerfile --target $$target -t modelyard/$$target:0.1.0 . ; \
	done

bench-serving: setup ## latency and calls per second of a running inference service
	@$(BIN)/python tests/benchmarks/bench_serving.py

bench-jobs: setup ## what the jobs API bears: watchers, waiting jobs, a long log over restarts
	@$(BIN)/python tests/benchmarks/bench_jobs.py

bench-cli: setup ## CPU seconds of --version, --help, train --help and jobs list
	@$(BIN)/python tests/benchmarks/bench_cli.py

bench-client: setup ## what the client costs who installs nothing else: size, packages, CPU seconds of its import
	@$(BIN)/python tests/benchmarks/bench_client.py --uv $(UV)

docs: setup ## regenerate docs/reference from the code: requests, predictions, errors, metrics, settings, commands
	@for generator in docs/generate_*.py; do $(BIN)/python $$generator; done

record: setup ## record the terminal session of the README, for real
	@$(BIN)/python docs/record.py

clean: ## remove everything that make made, but the data under var/
	@rm -rf .venv .uv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find services tests -name __pycache__ -type d -prune -exec rm -rf {} +
