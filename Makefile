PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Two processes share the files; threads that wait leave the processor to the other.
PYTEST = OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest -n 2 --dist loadfile
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-all test-page fuzz lowest check clean

help: ## say what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-9s%s\n", $$1, $$2 }'

demo: $(VENV)/.installed ## give samples/city.jpg the look of samples/sunset.jpg
	@mkdir -p out
	$(BIN)/photostyle run --content samples/city.jpg --style samples/sunset.jpg \
	  --content-mask samples/city_mask.png --style-mask samples/sunset_mask.png \
	  -o out/city-sunset.jpg --report out/report --overwrite

test: $(VENV)/.installed-dev ## run the tests that are not slow; ARGS='-k name' chooses among them
	$(PYTEST) -m 'not slow' $(ARGS)

test-all: $(VENV)/.installed-dev ## run all tests but those of the studio's page
	$(PYTEST) -m 'not page' $(ARGS)

test-page: $(VENV)/.installed-dev ## run the tests of the studio's page in a browser
	$(PYTEST) -m page $(ARGS)

fuzz: $(VENV)/.installed-dev ## damage files for SECONDS=600 and look for tracebacks and broken results
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),600) -o out/fuzz

lowest: ## run the tests that are not slow with the lowest versions that pyproject.toml allows
	$(PYTHON) tests/lowest_versions.py out/lowest

check: $(VENV)/.installed-dev ## lint, format, types and import rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

clean: ## remove what was made, the environment too
	rm -rf $(VENV) out dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.installed: pyproject.toml | $(BIN)/pip
	$(BIN)/python -m pip install -e ".[report]"
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/pip
	$(BIN)/python -m pip install -e '.[dev]'
	@touch $@ $(VENV)/.installed

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "expected Python 3.11 or newer, found $$($(PYTHON) --version 2>/dev/null || echo none) as $(PYTHON)"; \
	  echo "name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; } >&2
	@$(PYTHON) -m venv $(VENV) || { \
	  rm -rf $(VENV); echo "$(PYTHON) cannot make virtual environments (on Debian: apt install python3-venv)" >&2; exit 2; }
