# Everything here works on a fresh machine with Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin
PINS := ganzoo/tested-versions.txt

.PHONY: setup test test-long coverage test-newest test-oldest check docs site pins clean

.venv/ready: pyproject.toml $(PINS)
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint $(PINS) --editable '.[test]'
	touch $@

setup: .venv/ready

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: check
	$(BIN)/pytest -n 2 --dist worksteal

test-long: check
	$(BIN)/pytest -n 2 --dist worksteal -m 'long or hypothesis' --hypothesis-profile=default

# Which lines the quick tests reach; processes that the tests start are not counted.
coverage: check
	$(BIN)/pytest -n 2 --dist worksteal --cov=ganzoo --cov=plugins --cov-report=term-missing:skip-covered

# The quick tests with the newest releases of everything, and with the oldest that pyproject.toml allows.
test-newest:
	$(PYTHON) -m venv --clear .venv-newest
	.venv-newest/bin/pip install --quiet --upgrade --editable '.[test]'
	.venv-newest/bin/pytest -n 2 --dist worksteal

test-oldest:
	$(PYTHON) -m venv --clear .venv-oldest
	.venv-oldest/bin/pip install --quiet uv
	.venv-oldest/bin/uv pip compile --quiet pyproject.toml --extra test --resolution lowest-direct \
		--python .venv-oldest/bin/python --output-file .venv-oldest/oldest.txt
	.venv-oldest/bin/pip install --quiet --constraint .venv-oldest/oldest.txt --editable '.[test]'
	.venv-oldest/bin/pytest -n 2 --dist worksteal

docs: setup
	$(BIN)/python docs/generate.py
	$(BIN)/python benchmarks/page.py
	$(BIN)/python benchmarks/scale_page.py

# The documents as a site in build/site, with a search; a broken link is an error.
site: setup
	$(BIN)/mkdocs build --strict --quiet

# Renew the tested versions, and see that they can be installed wherever ganzoo runs; CONTRIBUTING.md says when and how.
# HOLD='torch==2.14.1 torchvision==0.29.1' keeps packages at versions of your choice.
PLATFORMS := x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu aarch64-apple-darwin x86_64-pc-windows-msvc

pins:
	$(PYTHON) -m venv .venv-pins
	.venv-pins/bin/pip install --quiet --upgrade uv
	.venv-pins/bin/uv pip compile --quiet pyproject.toml --all-extras --universal --python-version 3.11 --no-annotate \
		--upgrade $(addprefix --upgrade-package ,$(HOLD)) --custom-compile-command 'make pins' --output-file $(PINS)
	for platform in $(PLATFORMS); do \
		MACOSX_DEPLOYMENT_TARGET=14.0 .venv-pins/bin/uv pip compile --quiet $(PINS) --only-binary :all: \
			--python-platform $$platform --python-version 3.11 --output-file .venv-pins/$$platform.txt || exit 1; \
	done

clean:
	rm -rf .venv .venv-* .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
