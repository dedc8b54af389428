# On a bare machine with Python >= 3.10 and make, `make demo` and `make test` are all you need.
# Every target makes what it needs inside the checkout; nothing outside is changed.
#
# PYTHON=python3.12 make …   takes that Python          VENV=/somewhere make …   puts the environment there

VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := PYTHON="$(PYTHON)" sh .ci/install $(VENV)
# One more than there are cores: many tests wait for other processes.
PYTEST_WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
# Where it is set, every process would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo ui wheel image test chaos same test-ui test-extras test-image check fix docs bench bench-engine bench-server bench-growth bench-client bench-agents coverage lock lock-bench clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ------------------------------------------------------------------ environment
# One environment that grows: to run, to test, to develop. The locks agree on every version,
# so a later step only adds packages. The stamps make a second call instant.
$(VENV)/.stamp-run: requirements/run.txt pyproject.toml .ci/install
	@$(INSTALL) run

$(VENV)/.stamp-test: requirements/test.txt $(VENV)/.stamp-run
	@$(INSTALL) test

$(VENV)/.stamp-dev: requirements/dev.txt $(VENV)/.stamp-test
	@$(INSTALL) dev

$(VENV)/.stamp-ui: requirements/ui.txt $(VENV)/.stamp-run
	@$(INSTALL) ui

# The libraries of extras hold other packages back, so they have an environment of their own.
EXTRAS_VENV ?= .venv-extras
$(EXTRAS_VENV)/.stamp-extras: requirements/extras.txt pyproject.toml .ci/install
	@PYTHON="$(PYTHON)" sh .ci/install $(EXTRAS_VENV) extras

setup: $(VENV)/.stamp-dev ## everything for development in .venv

# ------------------------------------------------------------------ use
# Without the npm registry there are plain pages in place of the web UI; all else is the same.
demo: $(VENV)/.stamp-run ## server, agent, registered flows and a run to watch, until Ctrl-C (ONCE=1 ends by itself)
	@test -e src/prefect/server/ui/index.html || $(MAKE) --no-print-directory ui \
		|| echo "The web UI could not be built (see above); the demo goes on with plain pages." >&2
	@$(BIN)/python examples/demo.py $(if $(ONCE),--once)

ui: $(VENV)/.stamp-ui ## build the web UI, for `prefect server start`
	@sh .ci/ui $(VENV) build

wheel: ui ## the package in dist/, with the web UI in it
	@rm -f dist/prefect_classic-*.whl
	@$(BIN)/python -m hatchling build --target wheel

# IMAGE=registry.example.com/prefect-classic:1.5   names it     BASE=…   builds on another image
CONTAINER_ENGINE ?= $(shell command -v docker podman | head -1)
IMAGE ?= prefect-classic:latest
image: wheel ## the container image of server, agents and flow runs
	@$(CONTAINER_ENGINE) build $(if $(BASE),--build-arg BASE=$(BASE)) --file deploy/Dockerfile --tag $(IMAGE) .

# ------------------------------------------------------------------ verify
# Tests of a file share a server, so they stay on one worker; files with servers come first, and small ones fill the end.
# COVERAGE=1 make test   also says how much of the code ran: in all, and in core and engine
test: $(VENV)/.stamp-test ## all tests
	@$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadfile --no-loadscope-reorder $(if $(COVERAGE),--cov --cov-report=) $(PYTEST_ARGS)
	@$(if $(COVERAGE),sh .ci/coverage $(BIN)/python)

# Azurite, Azure's own emulator of its storage, is a program for Node.js.
AZURITE := $(EXTRAS_VENV)/azurite/node_modules/.bin/azurite-blob
$(AZURITE):
	@npm install --silent --no-fund --no-audit --prefix $(EXTRAS_VENV)/azurite azurite@3.35.0 || \
		echo "npm is missing or has no registry: the tests with Azure's storage are SKIPPED" >&2

test-extras: $(EXTRAS_VENV)/.stamp-extras $(AZURITE) ## the tests that need boto3, Google's and Azure's storage, pandas or Kubernetes' client and schemas
	@AZURITE=$(abspath $(AZURITE)) $(EXTRAS_VENV)/bin/python -m pytest -n $(PYTEST_WORKERS) $(PYTEST_ARGS) \
		tests/unit/engine/results tests/unit/engine/test_serializers.py tests/unit/storage/test_codecommit.py \
		tests/contract/test_cloud_places.py tests/repository/test_deployment.py tests/chaos/test_results_lost.py \
		tests/e2e/client/test_storage_runs.py tests/contract/test_agent_kubernetes.py tests/contract/test_agent_ecs.py

# PYTEST_ARGS="-k f9" runs some of them.
chaos: $(VENV)/.stamp-test ## fault and attack scenarios in full size, for hours; their figures are in scoreboard.jsonl
	@rm -f scoreboard.jsonl
	@failed=0; PREFECT_CHAOS=full PREFECT_SCOREBOARD=$(CURDIR)/scoreboard.jsonl $(BIN)/python -m pytest -q \
		$(PYTEST_ARGS) tests/chaos tests/security tests/unit/server/graphql/test_filters_equal_the_model.py || failed=1; \
		test ! -e scoreboard.jsonl || $(BIN)/python tests/support/scoreboard_table.py scoreboard.jsonl; exit $$failed

same: $(VENV)/.stamp-test ## flows that 1.4.1 and this version run against one server; the table of what came of them is same.md
	@PREFECT_SAME_OUTCOMES=$(CURDIR)/same.md $(BIN)/python -m pytest -q $(PYTEST_ARGS) tests/e2e/client/test_same_as_1_4_1.py

test-ui: $(VENV)/.stamp-ui $(VENV)/.stamp-test ## the web UI: types, lint, units, and pages in Chromium
	@sh .ci/ui $(VENV) build lint test e2e

test-image: $(VENV)/.stamp-test ## build the image, and run the tests that need containers (root, podman)
	@PYTHON_FOR_TESTS=$(BIN)/python .ci/image

check: $(VENV)/.stamp-dev ## format, lint, types, layers
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/basedpyright --level error >$(VENV)/types.log || { cat $(VENV)/types.log; exit 1; }
	@$(BIN)/lint-imports --no-cache --no-logo >$(VENV)/layers.log || { cat $(VENV)/layers.log; exit 1; }
	@echo "format, lint, types and layers are fine"

fix: $(VENV)/.stamp-dev ## let ruff format and repair
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

coverage: $(VENV)/.stamp-test ## all tests, with the lines they miss
	@$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --cov --cov-report=term $(PYTEST_ARGS)

docs: $(VENV)/.stamp-dev ## the documentation as a site in site/; a warning is an error
	@$(BIN)/zensical build --strict --clean

# 1.4.1 with the dependencies of its time needs Python 3.10 or 3.11 of its own.
OLD_VENV ?= .venv-1.4.1
OLD_PYTHON ?= $(shell for python in python3.11 python3.10 python3 \
	"$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.11.*/bin/python "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.10.*/bin/python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 10), (3, 11)))' 2>/dev/null && echo "$$python" && break; done)

$(OLD_VENV)/.stamp-bench-1.4.1: requirements/bench-1.4.1.txt .ci/install
	@test -n "$(OLD_PYTHON)" || { echo "prefect 1.4.1 needs Python 3.10 or 3.11; name one with OLD_PYTHON=" >&2; exit 1; }
	@PYTHON="$(OLD_PYTHON)" sh .ci/install $(OLD_VENV) bench-1.4.1

# Prefect 3, whose server is compared with this one.
PEER_VENV ?= .venv-3
$(PEER_VENV)/.stamp-bench-3: requirements/bench-3.txt .ci/install
	@PYTHON="$(PYTHON)" sh .ci/install $(PEER_VENV) bench-3

bench: ## all measurements, as ratios of CPU time
	@$(MAKE) --no-print-directory --keep-going bench-engine bench-client bench-server bench-growth bench-agents

bench-engine: $(VENV)/.stamp-test $(OLD_VENV)/.stamp-bench-1.4.1 ## engine cases against prefect==1.4.1
	@$(BIN)/python benchmarks/run.py --old $(OLD_VENV)/bin/python $(BENCH_ARGS)

bench-server: $(VENV)/.stamp-test $(PEER_VENV)/.stamp-bench-3 ## the server against that of Prefect 3
	@$(PEER_VENV)/bin/python benchmarks/server.py --ours $(BIN)/python $(SERVER_BENCH_ARGS)

bench-growth: $(VENV)/.stamp-test ## queries with 1,000,000 task runs in the database against an empty one
	@$(BIN)/python benchmarks/server_growth.py $(GROWTH_BENCH_ARGS)

bench-agents: $(VENV)/.stamp-test $(PEER_VENV)/.stamp-bench-3 ## how soon runs begin, beside a worker of Prefect 3
	@$(BIN)/python benchmarks/agents.py --theirs $(PEER_VENV)/bin/python $(AGENT_BENCH_ARGS)

bench-client: $(VENV)/.stamp-test ## CPU and requests of a backend run, and of watching one
	@$(BIN)/python benchmarks/client.py $(CLIENT_BENCH_ARGS)

# ------------------------------------------------------------------ maintain
LOCK := uv pip compile pyproject.toml --quiet --no-config --universal --python-version 3.10 \
	--generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links

# Groups that stand alone: nothing that the package itself needs is among them.
LOCK_ONLY := uv pip compile --quiet --no-config --universal --python-version 3.10 \
	--generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --group

lock: ## renew the hash-pinned requirements (needs uv; UPGRADE=--upgrade takes newer versions)
	$(LOCK) $(UPGRADE) --group dev -o requirements/dev.txt
	$(LOCK) --group test -c requirements/dev.txt -o requirements/test.txt
	$(LOCK) --group build -c requirements/dev.txt -o requirements/run.txt
	$(LOCK) --group image -c requirements/dev.txt -o requirements/image.txt
	$(LOCK_ONLY) ui -o requirements/ui.txt
	$(LOCK) $(UPGRADE) --group extras -o requirements/extras.txt
	printf 'dask==2022.5.0\ndistributed==2022.5.0\n' > .oldest-dask
	$(LOCK) $(UPGRADE) --no-universal --group test --override .oldest-dask -o requirements/oldest-dask.txt; rm .oldest-dask

lock-bench: ## renew the locks of prefect 3, and of 1.4.1: what an installation of January 2023 got (needs uv)
	printf 'prefect==3.9.*\n' | uv pip compile - --quiet --no-config --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links -o requirements/bench-3.txt
	printf 'prefect==1.4.1\nmarshmallow<4\npendulum<3\n' | uv pip compile - --quiet --no-config --universal \
		--python-version 3.10 --exclude-newer 2023-01-15 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links -o requirements/bench-1.4.1.txt

clean: ## remove what make made
	rm -rf .make $(VENV) $(EXTRAS_VENV) $(OLD_VENV) $(PEER_VENV) .venv-3.* .venv-oldest-dask site .coverage .coverage.* htmlcov ui/node_modules src/prefect/server/ui
