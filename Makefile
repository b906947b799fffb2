# Everything a developer does, by one short name each. `make setup` first; the other targets do it by themselves.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-stamp
PYTHON ?= python3
PYTEST_ARGS ?=
PROTOS := $(sort $(wildcard proto/engine/v1/*.proto))

# the tests of whole clouds run apart from the scheduler's: their processes share no library's threads
CLOUD_TESTS := tests/boot tests/cloud tests/rest tests/system tests/torture/test_boot_kills.py
# what libvirt's Python binding is built against
LIBVIRT_PACKAGES := libvirt-dev pkg-config gcc python3-dev

# the real nova and placement, in an environment of their own; NOVA_PYTHON=... names another that has them
NOVA_VENV := .venv-nova
NOVA_STAMP := $(NOVA_VENV)/.setup-stamp
NOVA_NEEDS := tests/differential/requirements.txt tests/differential/constraints.txt
NOVA_PYTHON ?=
# an interpreter that is named needs no environment made
NOVA_SETUP := $(if $(NOVA_PYTHON),,$(NOVA_STAMP))
NOVA_RUN := $(if $(NOVA_PYTHON),$(NOVA_PYTHON),$(CURDIR)/$(NOVA_VENV)/bin/python)
REQUESTS ?= 20000
QUERIES ?= 2000
SEED ?= $(shell date +%s)
# further arguments of bench.against: make compare COMPARE_ARGS='--sizes 1000,5000 --rounds 5'
COMPARE_ARGS ?=

.PHONY: help setup libvirt run test lint bench figures compare proto corpus differential bench-nova clean

help:
	@echo "make setup            the environment in $(VENV), with the berth command"
	@echo "make libvirt          libvirt's packages and Python binding, where they can be had"
	@echo "make run              a demonstration: placements over gRPC, a cloud, and an instance booted in 28 steps"
	@echo "make test             lint, types and all tests (PYTEST_ARGS=... is handed on)"
	@echo "make lint             ruff and mypy only"
	@echo "make bench            the benchmarks (then: make figures, for the README's table)"
	@echo "make compare          Berth, the real nova and second opinions on the same fleets, with a page of plots"
	@echo "make proto            engine/v1 made anew from proto/"
	@echo "make corpus CORPUS=D  the oracle cases in directory D"
	@echo "make differential     random requests to the real nova and placement, and to Berth (REQUESTS, QUERIES, SEED)"
	@echo "make bench-nova       Berth's selection against the real nova's, on this machine in one run"
	@echo "                      (these three make $(NOVA_VENV) first, or use NOVA_PYTHON=/path/to/python with nova)"
	@echo "make clean            removes what the other targets made"

setup: $(STAMP)

# Made again only when what it installs changed: the stamp is newer than both files otherwise.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("berth needs Python 3.11 or newer; set PYTHON=...") if sys.version_info < (3, 11) else None'
	@if command -v uv >/dev/null; then \
		test -x $(BIN)/python || uv venv --python $(PYTHON) $(VENV); \
		uv pip install --python $(BIN)/python --constraint constraints.txt --editable '.[dev]'; \
	else \
		if ! $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
			if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
				apt-get update && apt-get install --yes --no-install-recommends python3-venv; \
			else \
				echo "python3 cannot make environments with pip here: install uv, or (on Debian and Ubuntu, as root)" >&2; \
				echo "apt-get install python3-venv; then run make setup again" >&2; \
				exit 1; \
			fi; \
		fi; \
		test -x $(BIN)/python || $(PYTHON) -m venv $(VENV); \
		$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'; \
	fi
	@touch $@

# The binding is built here where libvirt is, or can be installed; without it Berth runs its memory launcher, and says so.
libvirt: setup
	@if ! $(BIN)/python -c 'import libvirt' 2>/dev/null; then \
		if ! pkg-config --exists libvirt 2>/dev/null && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
			{ apt-get update -qq && apt-get install --yes -qq --no-install-recommends $(LIBVIRT_PACKAGES) >/dev/null; } \
				|| echo "libvirt's packages could not be installed" >&2; \
		fi; \
		if pkg-config --exists libvirt 2>/dev/null; then \
			if command -v uv >/dev/null; then \
				uv pip install --python $(BIN)/python --constraint constraints.txt --editable '.[libvirt]'; \
			else \
				$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[libvirt]'; \
			fi || echo "libvirt's Python binding could not be built" >&2; \
		fi; \
	fi
	@$(BIN)/python -c 'import libvirt' 2>/dev/null \
		|| echo "no libvirt here: as root, apt-get install $(LIBVIRT_PACKAGES), then make libvirt" >&2

run: libvirt
	$(BIN)/berth demo

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

test: lint libvirt
	$(BIN)/python -m pytest -n 2 $(addprefix --ignore=,$(CLOUD_TESTS)) $(PYTEST_ARGS)
	$(BIN)/python -m pytest -n 2 $(CLOUD_TESTS) $(PYTEST_ARGS)

bench: setup
	@mkdir -p .benchmarks
	$(BIN)/python -m pytest bench --benchmark-only --benchmark-columns=min,median,mean,stddev,rounds --benchmark-sort=name \
		--benchmark-json=.benchmarks/last.json $(PYTEST_ARGS)

# README.md's table of figures, from the last `make bench` and, where it was made, `make bench-nova`
figures: setup
	$(BIN)/python -m bench.readme .benchmarks/last.json .benchmarks/nova.json

proto: setup
	$(BIN)/python -m grpc_tools.protoc -Iproto --python_out=. --pyi_out=. --grpc_python_out=. $(PROTOS)
	@# protoc writes a gRPC module for every file; those of files without a service are empty
	@for file in $(PROTOS); do \
		grep -q '^service ' $$file || rm -f engine/v1/$$(basename $$file .proto)_pb2_grpc.py; \
	done

corpus: setup
	@test -n "$(CORPUS)" || { echo "say which directory holds the cases: make corpus CORPUS=DIR" >&2; exit 2; }
	$(BIN)/python -m tests.oracle $(CORPUS)

$(NOVA_STAMP): $(NOVA_NEEDS)
	@if command -v uv >/dev/null; then \
		test -x $(NOVA_VENV)/bin/python || uv venv --python $(PYTHON) $(NOVA_VENV); \
		uv pip install --python $(NOVA_VENV)/bin/python --constraint $(word 2,$^) --requirement $<; \
	else \
		test -x $(NOVA_VENV)/bin/python || $(PYTHON) -m venv $(NOVA_VENV); \
		$(NOVA_VENV)/bin/python -m pip install --quiet --constraint $(word 2,$^) --requirement $<; \
	fi
	@touch $@

differential: setup $(NOVA_SETUP)
	$(BIN)/python -m tests.differential.nova_compare --python $(NOVA_RUN) --requests $(REQUESTS) --seed $(SEED)
	$(BIN)/python -m tests.differential.placement_compare --python $(NOVA_RUN) --requests $(QUERIES) --seed $(SEED)

bench-nova: setup $(NOVA_SETUP)
	@mkdir -p .benchmarks
	NOVA_PYTHON=$(NOVA_RUN) $(BIN)/python -m pytest bench/nova --benchmark-only --benchmark-columns=min,median,rounds \
		--benchmark-json=.benchmarks/nova.json $(PYTEST_ARGS)

# how costs grow comes from the last `make bench` if there was one, and is measured otherwise
compare: setup $(NOVA_SETUP)
	@mkdir -p .benchmarks
	@test -e .benchmarks/last.json || $(BIN)/python -m pytest bench/test_growth.py --benchmark-only -q \
		--benchmark-json=.benchmarks/last.json
	$(BIN)/python -m bench.against --nova $(NOVA_RUN) --growth .benchmarks/last.json \
		--json .benchmarks/compare.json --page .benchmarks/compare.html $(COMPARE_ARGS)
	@echo "plots: .benchmarks/compare.html"

clean:
	rm -rf $(VENV) $(NOVA_VENV) .differential dist build .mypy_cache .ruff_cache .pytest_cache .benchmarks .hypothesis
	find engine tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
