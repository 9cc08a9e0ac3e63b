# `make help` lists the targets. Every target installs what it needs; only Python 3.11, 3.12 or 3.13 has to be there.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo
SHARED := ../shared

.DEFAULT_GOAL := help
.PHONY: help demo install format check test test-slow samples readme bench false-alarms acceptance packing qat matrix \
	task-matrix clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

# The first Python that is 3.11, 3.12 or 3.13, tried in this order; PYTHON=... names another.
$(BIN)/python:
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python; do \
	    if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then \
	        echo "creating $(VENV) with $$($$python --version)"; exec $$python -m venv $(VENV); \
	    fi; \
	done; \
	echo "tfopt needs Python 3.11, 3.12 or 3.13 (what TensorFlow 2.21 and Keras 3.15 have in common); this machine has $$(python3 --version 2>&1)." >&2; \
	echo "Install one of them, or name it: make PYTHON=/path/to/python3.12 demo" >&2; \
	exit 1

$(VENV)/installed: pyproject.toml | $(BIN)/python
	@echo "installing tfopt and TensorFlow into $(VENV) (about 2.5 GB; a minute or two after the download)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/installed-dev: pyproject.toml | $(BIN)/python
	@echo "installing tfopt, TensorFlow and the tools of the tests into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,tensorboard]'
	@touch $@ $(VENV)/installed

install: $(VENV)/installed ## create .venv with tfopt in it

demo: $(VENV)/installed ## train, prune and quantize a digits CNN; one table of all variants
	@mkdir -p $(DEMO)
	@set -e; cd $(DEMO); tfopt() { echo; echo "\$$ tfopt $$*"; ../$(BIN)/tfopt "$$@"; }; \
	    tfopt train --force; \
	    tfopt prune model.keras --sparsity 0.5 --force; \
	    tfopt convert model.keras --force --quiet; \
	    tfopt quantize model.keras --int8 --force --quiet; \
	    tfopt quantize model-pruned.keras --int8 --force --quiet; \
	    tfopt compare model.keras model-pruned.keras model.tflite model-int8.tflite model-pruned-int8.tflite
	@echo; echo "the files are in $(DEMO)/"

format: $(VENV)/installed-dev ## format the code and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

check: $(VENV)/installed-dev ## format, lint, types, vulnerabilities, tests: what CI runs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pip check
	$(BIN)/python .ci/audit.py
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile -m "not slow"

test: $(VENV)/installed-dev ## run the tests
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile -m "not slow"

test-slow: $(VENV)/installed-dev ## run the tests that take minutes
	$(BIN)/pytest -n auto --maxprocesses 4 --dist worksteal -m slow

samples: $(VENV)/installed ## train the sample models anew
	$(BIN)/python sample_models/build.py

readme: $(VENV)/installed ## run the commands of the README and put their output into it
	$(BIN)/python benchmarks/readme.py

bench: $(VENV)/installed ## throughput against plain Keras and a TFMOT script, and by workers; speed of layers with few bits
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/fine_tuning.py
	$(BIN)/python benchmarks/forms.py
	$(BIN)/python benchmarks/scaling.py

false-alarms: $(VENV)/installed ## how often each verdict of a report is wrong, by simulation
	$(BIN)/python benchmarks/false_alarms.py

acceptance: $(VENV)/installed ## what the commands do with real models, those of SHARED/models on SHARED/data
	$(BIN)/python benchmarks/acceptance.py $(SHARED)

packing: $(VENV)/installed ## what packing takes off .tflite files of others and of tfopt, and whether they answer alike
	$(BIN)/python benchmarks/packing.py $(SHARED)

qat: $(VENV)/installed ## which operations of a file compute in integers after training for them, by classes of layers
	$(BIN)/python benchmarks/qat.py classes

matrix: $(VENV)/installed ## which kinds of models can be rebuilt in tf_keras and back, and what each width does to them
	$(BIN)/python benchmarks/tf_keras_copies.py $(SHARED)/models
	$(BIN)/python benchmarks/matrix.py $(SHARED)/models

task-matrix: $(VENV)/installed-dev ## what every command does with every kind of task: docs/task-matrix.md
	$(BIN)/python benchmarks/task_matrix.py --write docs/task-matrix.md

clean: ## remove what make made
	rm -rf $(VENV) $(DEMO) build *.egg-info .mypy_cache .ruff_cache .pytest_cache
