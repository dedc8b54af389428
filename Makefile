# On a bare machine with Python >= 3.10 and make, `make demo` and `make test` are all you need.
# Every target makes what it needs inside the checkout; nothing outside is changed.
#
# PYTHON=python3.12 make …   takes that Python          VENV=/somewhere make …   puts the environment there

VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := PYTHON="$(PYTHON)" sh .ci/install $(VENV)
PYTEST_WORKERS ?= auto

.PHONY: help setup demo test check fix docs docs-serve bench coverage lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ------------------------------------------------------------------ environment
# One environment that grows: to run, to test, to develop. The locks agree on every version,
# so a later step only adds packages. The stamps make a second call instant.
$(VENV)/.stamp-run: requirements/run.txt pyproject.toml .ci/install
	@$(INSTALL) run

$(VENV)/.stamp-test: requirements/test.txt $(VENV)/.stamp-run
	@$(INSTALL) test

$(VENV)/.stamp-dev: requirements/dev.txt $(VENV)/.stamp-test
	@$(INSTALL) dev

setup: $(VENV)/.stamp-dev ## everything for development in .venv

# ------------------------------------------------------------------ use
demo: $(VENV)/.stamp-run ## survey the Python packages of this machine with a flow
	@$(BIN)/python examples/package_survey.py

# ------------------------------------------------------------------ verify
test: $(VENV)/.stamp-test ## all tests
	@$(BIN)/python -m pytest -n $(PYTEST_WORKERS) $(PYTEST_ARGS)

check: $(VENV)/.stamp-dev ## format, lint, types, layers
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/basedpyright --level error
	@$(BIN)/lint-imports --no-cache --no-color >$(VENV)/layers.log || { cat $(VENV)/layers.log; exit 1; }
	@echo "format, lint, types and layers are fine"

fix: $(VENV)/.stamp-dev ## let ruff format and repair
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

coverage: $(VENV)/.stamp-test ## all tests, with the lines they miss
	@$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --cov --cov-report=term $(PYTEST_ARGS)

docs: $(VENV)/.stamp-dev ## the documentation as a site in site/; a warning is an error
	@$(BIN)/zensical build --strict --clean

bench: $(VENV)/.stamp-test ## engine cases against prefect==1.4.1, as ratios of CPU time
	@$(BIN)/python benchmarks/run.py $(BENCH_ARGS)

# ------------------------------------------------------------------ maintain
LOCK := uv pip compile pyproject.toml --quiet --no-config --universal --python-version 3.10 \
	--generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links

lock: ## renew the hash-pinned requirements (needs uv; UPGRADE=--upgrade takes newer versions)
	$(LOCK) $(UPGRADE) --group dev -o requirements/dev.txt
	$(LOCK) --group test -c requirements/dev.txt -o requirements/test.txt
	$(LOCK) --group build -c requirements/dev.txt -o requirements/run.txt

clean: ## remove what make made
	rm -rf $(VENV) .venv-3.* site .coverage .coverage.* htmlcov
