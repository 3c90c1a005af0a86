# Everything a person does with FKS Bridge. `make demo` is the place to start.
#
# Python 3.11 or newer and make are all that must be there; the rest is installed into .venv, whose
# stamp files make a second start immediate.

SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python
SERVICES := $(RUN) -m fksbridge.embedded exec --
ARGS ?=
# Tests wait for processes and pages half of their time, so three keep two cores busy.
WORKERS ?= 3
MINUTES ?= 0.2
# What runs the Pine scripts in tests, where there is an npm to fetch it.
PINE_TESTS := tests/terminals/pine
PINETS := $(if $(shell command -v npm),$(PINE_TESTS)/node_modules/.package-lock.json)

.PHONY: native wine wine-test shm-soak mql-coverage mql-mutants ninja-coverage ninja-mutants pine-coverage
.PHONY: pine-mutants help demo run test lint bench fuzz kill-test screenshots requirements clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.runs  ## The bridge with simulated terminals, until Ctrl-C
	@FKS_ENV=demo exec $(RUN) manage.py bridge --demo

run: $(VENV)/.runs  ## The bridge without simulators, until Ctrl-C
	@exec $(RUN) manage.py bridge

test: $(VENV)/.develops $(PINETS)  ## All tests; ARGS="tests/house -k port" chooses; STRICT=1 forbids skips; WORKERS=3
	@$(RUN) -m pytest --numprocesses $(WORKERS) --dist loadfile $(ARGS)

lint: $(VENV)/.develops  ## Style, types, the floors of the house, and migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/mypy --platform win32 agent/shm/windows.py agent/tail/opening.py
	$(BIN)/lint-imports --no-cache
	$(SERVICES) $(RUN) manage.py makemigrations --check --dry-run
	$(RUN) manage.py configuration --markdown | diff - docs/configuration.md

docs/configuration.md: fksbridge/config.py $(VENV)/.runs
	$(RUN) manage.py configuration --markdown > $@

bench: $(VENV)/.develops  ## Throughput and latency beside the baseline, measured now
	@$(RUN) -m bench $(ARGS)

fuzz: $(VENV)/.develops  ## Mutated messages, alerts, requests; MINUTES=0.2 of files for each parser
	@FUZZ_EXAMPLES=300 FUZZ_PARSER_EXAMPLES=20000 $(RUN) -m pytest --timeout 3600 -n 2 \
		tests/e2e/test_mutations.py tests/e2e/test_http_surface.py \
		tests/webhooks/test_dialect_properties.py $(ARGS)
	@MINUTES=$(MINUTES) $(RUN) -m pytest -m fuzz -n 2 --timeout 0 -rP $(ARGS)

kill-test: $(VENV)/.develops  ## kill -9 of every process at random; nothing acknowledged is lost
	@$(RUN) -m pytest -m kill --timeout 1800 $(ARGS)

screenshots: $(VENV)/.develops  ## Each page, light and dark, wide and narrow, into screenshots/
	@$(RUN) -m tests.browser.screenshots $(ARGS)

mql-coverage: $(VENV)/.develops  ## Lines of the MetaTrader programs that no test runs
	@$(RUN) -m tests.terminals.mql.coverage

mql-mutants: $(VENV)/.develops  ## Seeded defects in the MetaTrader 5 programs, all of which must be caught
	@$(RUN) -m tests.terminals.defects mql5 $(ARGS)

ninja-coverage: $(VENV)/.develops  ## Lines of NinjaTrader's programs that no test runs (needs libmono-profiler)
	@$(RUN) -m tests.terminals.executed

ninja-mutants: $(VENV)/.develops  ## Seeded defects in NinjaTrader's programs, all of which must be caught
	@$(RUN) -m tests.terminals.defects ninjatrader $(ARGS)

pine-coverage: $(VENV)/.develops $(PINETS)  ## Lines and branches of the Pine scripts that no test runs
	@$(RUN) -m tests.terminals.executed_pine

pine-mutants: $(VENV)/.develops $(PINETS)  ## Seeded defects in the Pine scripts, all of which must be caught
	@$(RUN) -m tests.terminals.defects pine $(ARGS)

wine-test: $(VENV)/.develops  ## The DLL of MetaTrader 4 itself under wine, where there is one (make wine)
	@$(RUN) -m pytest -m wine --timeout 600 tests/terminals/wine $(ARGS)

wine: build/wine/.ready  ## A wine of its own in build/wine (Debian, as root; 3 GB, a minute or two)

build/wine/.ready:
	@tests/terminals/wine/fetch.sh build/wine

shm-soak: $(VENV)/.develops  ## Ten million records through shared memory, both sides killed at random
	@$(RUN) -m pytest -m soak --timeout 900 -rP -q tests/terminals/soak $(ARGS)

native:  ## The DLL of MetaTrader 4, for 32 and 64 bit, into build/native (needs mingw-w64)
	@mkdir -p build/native
	i686-w64-mingw32-gcc $(DLL) -march=i686 -Wl,--enable-stdcall-fixup,--kill-at \
		-o build/native/fksbridge.dll $(wildcard mql4/native/*.c) mql4/native/bridge.def
	x86_64-w64-mingw32-gcc $(DLL) \
		-o build/native/fksbridge64.dll $(wildcard mql4/native/*.c) mql4/native/bridge.def

# Nothing beside Windows' own libraries may be needed at the trader's.
DLL := -O2 -Wall -Wextra -Werror -std=gnu11 -static-libgcc -shared -s

requirements: $(VENV)/.develops  ## Pin requirements.in and requirements-dev.in anew
	$(BIN)/pip-compile $(PINNING) --output-file requirements.txt requirements.in
	$(BIN)/pip-compile $(PINNING) --output-file requirements-dev.txt requirements-dev.in

# No address of any index may end up in the files.
PINNING := --quiet --upgrade --allow-unsafe --strip-extras --no-header --annotation-style line \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options

clean:  ## Remove the virtual environment and caches; data in .fks stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache screenshots
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@python=; for name in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
		if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
		then python=$$name; break; fi; done; \
	if [ -z "$$python" ]; then \
		echo "FKS Bridge needs Python 3.11 or newer; install it, or name it: make PYTHON=/path/to/python." >&2; \
		exit 1; fi; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "This Python can't make virtual environments: apt-get install python3-venv." >&2; exit 1; fi; \
	echo "Making a virtual environment in $(VENV)."; \
	"$$python" -m venv $(VENV)

$(PINE_TESTS)/node_modules/.package-lock.json: $(PINE_TESTS)/package-lock.json
	@echo "Installing what runs Pine scripts in tests."
	@npm ci --no-progress --loglevel=error --prefix $(PINE_TESTS) >/dev/null
	@touch $@

$(VENV)/.runs: requirements.txt | $(VENV)/bin/python
	@echo "Installing what the bridge runs with."
	@$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/.develops: requirements-dev.txt $(VENV)/.runs
	@echo "Installing what tests and checks need."
	@$(INSTALL) -r requirements-dev.txt
	@touch $@

INSTALL := $(RUN) -m pip install --quiet --disable-pip-version-check
