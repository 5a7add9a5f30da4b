.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INTEGRATIONS := .venv-integrations
DATA ?= fixtures/requests.jsonl
OUT ?= build/model
TORCH ?= torch==2.13.0
AXE_VERSION ?= 4.14.1
AXE := build/axe/package/axe.min.js

.PHONY: chaos fuzz mutants test-offline help demo setup test test-slow test-train test-integrations test-browser screenshots model format lint types coverage check bench bench-batches bench-large bench-peers bench-scaling bench-adaptive eval manual wheel clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

demo: $(VENV)/installed ## install into .venv and compress the fixtures, shown in under a screen
	@show() { \
	    record=$$(grep $$1 fixtures/requests.jsonl); id=$$1; shift; \
	    field() { $(BIN)/python -c "import json; record = json.loads(input()); print($$1)" <<< "$$record"; }; \
	    shorter=$$($(BIN)/ctxzip compress "$$@" --to text <<< "$$record") || exit; \
	    answer=$$(field 'record["answers"][0]'); \
	    echo "question: $$(field 'record["query"]')"; \
	    echo "\$$ grep $$id fixtures/requests.jsonl | ctxzip compress $${*:+$$* }--to text"; \
	    echo "$$shorter"; \
	    grep -qF "$$answer" <<< "$$shorter" && echo "the answer is kept: $$answer" || echo "the answer is NOT kept: $$answer"; \
	    echo; \
	}; \
	show table-hut-beds; show code-tallowry-lock-error --max-tokens 120; \
	show very-long-station-log --max-tokens 80 --prefilter off
	@echo '$$ ctxzip compress fixtures/requests.jsonl > shorter.jsonl'
	@$(BIN)/ctxzip compress fixtures/requests.jsonl > /dev/null

setup: $(VENV)/installed-dev ## install into .venv what development needs

test: setup ## run all tests that are not slow
	$(BIN)/python -m pytest -m "not slow"

test-slow: setup ## run the slow tests: README commands, the wheel, memory, large inputs
	$(BIN)/python -m pytest -m slow

test-train: $(VENV)/installed-train ## run the tests of training, which need torch
	$(BIN)/python -m pytest -o addopts= tests/train

test-integrations: $(INTEGRATIONS)/installed ## run the tests inside LangChain, LlamaIndex and Haystack, and with other tools
	$(INTEGRATIONS)/bin/python -m pytest -o addopts= -o filterwarnings= -ra tests/integrations \
	    tests/packaging/test_readme.py::test_a_command_runs tests/packaging/test_readme.py::test_a_python_example_runs

chaos: setup ## kill runs 50 times, fill the disk and cut stdin, and compare the output with that of an undisturbed run
	$(BIN)/python -m tests.chaos

fuzz: setup ## fuzz readers, splitting, selection, the model and the command line; SECONDS=of each, 60 by default
	-$(BIN)/python -m pip install --quiet atheris
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),60)

mutants: setup ## change the code at random places and count what the tests notice; SAMPLE=changes of each part, 100 by default
	$(BIN)/python -m pip install --quiet mutmut
	$(BIN)/python -m tests.mutants --sample $(or $(SAMPLE),100)

test-offline: setup ## run the tests of the command line without a network interface (Linux)
	unshare --map-root-user --net $(BIN)/python -m pytest -m "not slow" tests/cli

test-browser: $(VENV)/installed-browser $(AXE) ## test the pages in Chromium (apt-get install chromium npm), with axe-core
	AXE=$(AXE) $(BIN)/python -m pytest -o addopts= -ra tests/browser

screenshots: $(VENV)/installed-browser ## make the pictures of fixtures/screenshots, which needs Chromium
	$(BIN)/python -m tests.browser.screenshots fixtures/screenshots

model: $(VENV)/installed-train ## make the model; DATA=folder with train/ and dev/, OUT=folder
	for step in prepare train export quantize query card calibrate; do \
	    $(BIN)/python -m ctxzip.training $$step --data $(DATA) --out $(OUT) || exit 1; \
	done

format: setup ## rewrite the code in the one format
	$(BIN)/ruff format ctxzip tests
	$(BIN)/ruff check --fix ctxzip tests

lint: setup ## check format and style
	$(BIN)/ruff format --check ctxzip tests
	$(BIN)/ruff check ctxzip tests
	$(BIN)/lint-imports --no-logo

types: setup ## check types
	$(BIN)/mypy

coverage: setup ## run the tests that are not slow, print the branch coverage of ctxzip without training
	$(BIN)/python -m coverage run -m pytest -m "not slow"
	$(BIN)/python -m coverage report

check: lint types coverage ## lint, types, tests and their coverage

bench: setup ## measure speed against lower bounds; DATA=files of JSON lines
	$(BIN)/python -m tests.benchmarks.floors $(DATA)

bench-batches: setup ## measure the speed of several batch sizes; DATA=files of JSON lines
	$(BIN)/python -m tests.benchmarks.batch_sizes $(DATA)

bench-cuda: setup ## compare a GPU with the CPU, decisions and speed; DATA=files of JSON lines
	$(BIN)/python -m tests.benchmarks.cuda $(DATA)

bench-peers: $(VENV)/installed-bench ## compare the speed with alternatives; DATA=files of JSON lines
	$(BIN)/python -m tests.benchmarks.peers $(DATA)

bench-large: setup ## compress the largest inputs that are promised, and print time and memory
	$(BIN)/python -m tests.benchmarks.large_inputs

bench-scaling: setup ## measure speed by size of the input and threads; DATA=files of JSON lines
	$(BIN)/python -m tests.benchmarks.peers.scaling --plot speed.png $(DATA)

eval: setup ## measure evidence recall; DATA=files or folders in the common form
	$(BIN)/ctxzip eval $(DATA)

bench-adaptive: setup ## compare the adaptive budget with fixed ones; DATA=files or folders in the common form
	$(BIN)/ctxzip eval --compare-budgets --plot recall.png $(DATA)

manual: setup ## write ctxzip/share/ anew: the man page and the completions
	$(BIN)/python -m ctxzip.cli.share ctxzip/share

wheel: setup ## build dist/*.whl and the source archive
	$(BIN)/python -m build

clean: ## remove .venv and everything that was built
	rm -rf $(VENV) $(INTEGRATIONS) dist build .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	@echo "installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/installed-dev: pyproject.toml | $(VENV)/bin/python
	@echo "installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(VENV)/installed $@

$(VENV)/installed-train: $(VENV)/installed-dev
	@echo "installing torch into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check '$(TORCH)' --editable '.[dev,train]'
	@touch $@

# Not into $(VENV): their plugins for pytest and their versions of shared packages would be in every other test.
$(INTEGRATIONS)/installed: pyproject.toml
	@echo "installing into $(INTEGRATIONS) ..."
	@$(PYTHON) -m venv $(INTEGRATIONS)
	@$(INTEGRATIONS)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,test-integrations]'
	@touch $@

$(VENV)/installed-browser: $(VENV)/installed-dev
	@echo "installing playwright into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,browser]'
	@touch $@

$(AXE):
	@mkdir -p build/axe
	@cd build/axe && npm pack --silent axe-core@$(AXE_VERSION) > /dev/null && tar xzf axe-core-$(AXE_VERSION).tgz
	@touch $@

$(VENV)/installed-bench: $(VENV)/installed-dev
	@echo "installing torch and the peers into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check '$(TORCH)' --editable '.[dev,bench]'
	@touch $@
