# make demo    trains DCGAN on clothes, measures it and says where the report lies
# make test    the tests
# make lint    style and types
# make check   both: what continuous integration runs
# make soak    the tests that take over a minute
#
# PYTHON chooses the interpreter (3.11 or later), PROCESSES how many tests run side by side.

PYTHON ?= python3
PROCESSES ?= 2
BIN := .venv/bin

.PHONY: demo test lint check soak clean

demo: .venv/installed
	$(BIN)/cardigan train dcgan --out runs/demo

test soak: export OMP_NUM_THREADS = 1

test: .venv/developing
	$(BIN)/pytest -n $(PROCESSES) -m "not slow"

lint: .venv/developing
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright --pythonpath $(BIN)/python

check: lint test

soak: .venv/developing
	$(BIN)/pytest -m slow

clean:
	rm -rf .venv

# Set-up is done once, and again when what is required changes.

$(BIN)/python:
	$(PYTHON) -m venv .venv || { rm -rf .venv; apt-get update -qq; \
	    apt-get install -qq python3-venv; $(PYTHON) -m venv .venv; } # Debian packs it apart

.venv/installed: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

.venv/developing: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	# Beside the other packages it would bring torchvision in, which does not load here.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade \
	    --target .venv/oracles torch-fidelity==0.4.0
	touch $@ .venv/installed
