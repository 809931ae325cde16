# `make` makes the environment; `make run` shows Tocsin at work; `make test` proves it.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
MADE := $(VENV)/.made
CODE := config people suppliers contracts policies alerts tests manage.py
ARGS ?=
WORKERS ?= 2
SCALE ?= 1
export UV_SYSTEM_CERTS := 1

.DEFAULT_GOAL := environment
.PHONY: environment run test lint format lock catalogs bench storm faults faults-planted schemathesis clean

environment: $(MADE)

# uv is installed by pip from its own hashed lock; where that cannot be had, pip does the whole work.
$(MADE): requirements-dev.lock requirements-uv.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than Python 3.11: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "making $(VENV) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@{ $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-uv.lock \
	   && VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes --only-binary :all: -r requirements-dev.lock; } \
	 || { echo "uv could not do it; trying pip" >&2; \
	      $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-dev.lock; }
	@echo "$(CURDIR)" > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/tocsin.pth"
	@touch $(MADE)

run: $(MADE)
	@$(BIN)/python -m config.run $(ARGS)

test: $(MADE)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

lint: $(MADE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(MADE)
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

# Hashed, for every platform, and without the address of any registry.
lock: $(MADE)
	for name in requirements-uv requirements requirements-dev; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    --no-emit-index-url --upgrade $$name.in -o $$name.lock || exit 1; \
	done

# The words of mails: people edit the .po files, Django reads the .mo files, and both are kept, for not every machine has
# GNU gettext. Phrases that are new in the code are added without a translation, and a test fails until they have one.
catalogs: $(MADE)
	$(BIN)/python -m tests.catalogs

# `make bench SCALE=0.1` is a quick one; ARGS="--only P1 --keep DIR" measures one operation and keeps the databases.
bench: $(MADE)
	$(BIN)/python -m tests.benchmarks --scale $(SCALE) $(ARGS)

# Policy changes published and withdrawn while contracts are written; the same, small, is part of `make test`.
storm: CONTRACTS ?= 100000
storm: CHANGES ?= 200
storm: SEED ?= 1
storm: $(MADE)
	STORM_CONTRACTS=$(CONTRACTS) STORM_CHANGES=$(CHANGES) STORM_SEED=$(SEED) $(BIN)/python -m pytest tests/faults/test_storm.py -q -s $(ARGS)

# Workers, database, broker, mail server and receiver fail while people work: see docs/reliability.md. The same, short, is
# part of `make test`; `make faults-planted` shows that each of the bugs of tests/faults/planted.py turns a run red.
faults faults-planted: SEED ?= 1
faults: MINUTES ?= 5
faults: $(MADE)
	$(BIN)/python -m tests.faults --seed $(SEED) --minutes $(MINUTES) $(ARGS)

faults-planted: MINUTES ?= 1.5
faults-planted: $(MADE)
	$(BIN)/python -m tests.faults.planted --seed $(SEED) --minutes $(MINUTES) $(ARGS)

# Cases made of the OpenAPI document against a running server, as an administrator and as a buyer; a small run is part of
# `make test`.
schemathesis: SEED ?= 1
schemathesis: EXAMPLES ?= 50
schemathesis: $(MADE)
	$(BIN)/python -m tests.conformance --seed $(SEED) --examples $(EXAMPLES) $(ARGS)

# The state directory holds the embedded database: what it keeps is a demonstration, not your data.
clean:
	rm -rf $(VENV) .tocsin .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache staticfiles
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
