# Everything here works on a fresh machine with Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup test test-long check docs clean

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[test]'
	touch $@

setup: .venv/ready

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: check
	$(BIN)/pytest -n 2

test-long: check
	$(BIN)/pytest -n 2 -m 'long or hypothesis' --hypothesis-profile=default

docs: setup
	$(BIN)/python docs/generate.py
	$(BIN)/python benchmarks/page.py

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
