# Every target installs first what is missing; a machine needs python3.11, make and PyPI.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
# More than cores: half of a test is waiting for somebody.
JOBS ?= 4
BIN := .venv/bin
# Each of the stack's processes would compile all it imports again.
unexport PYTHONDONTWRITEBYTECODE
INSTALLED := .venv/.installed
# Last of all it says which ten tests took longest.
PYTEST = $(BIN)/python -m pytest -n $(JOBS) --dist worksteal --durations 10

.DEFAULT_GOAL := help
.PHONY: help install up demo test test-quick check bench bench-peers lock clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

install: $(INSTALLED) ## the virtual environment, exactly as locked

$(INSTALLED): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@# uv itself comes by its hash from the same lock.
	test -x $(BIN)/uv || { sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.txt && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.txt; }
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@# Two makers' SDKs bring an alipay/__init__.py: the one that is more than a name goes in last.
	sed -n '/^python-alipay-sdk==/,/[^\\]$$/p' requirements.lock > .venv/alipay.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --no-deps --reinstall -r .venv/alipay.txt
	@# Not the 36,000 generated files of Alipay's SDK, of which tests load a few.
	$(BIN)/python -m compileall -qq -j 0 -x /alipay/aop/ .venv/lib || true
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	touch $@

up: install ## the whole system, in front; Ctrl-C stops it
	$(BIN)/seckill up

demo: install ## one flash sale from beginning to end
	$(BIN)/seckill demo

test: install ## all tests, on real servers
	$(PYTEST) $(ARGS)

# Without servers a test hardly waits, and each job more collects all of them once more.
test-quick: JOBS = 2
test-quick: install ## the tests that need no server, in half a minute
	$(PYTEST) -m "not servers" $(ARGS)

check: install ## lint, format, types, imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install ## what this machine can do
	$(BIN)/seckill bench $(ARGS)

bench-peers: install ## the same orders on DBOS, Restate and by hand; installs them beside the stack
	$(BIN)/seckill bench-peers $(ARGS)

lock: install ## resolve the dependencies anew
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --all-extras --no-header \
		--no-emit-index-url --no-emit-find-links --no-annotate pyproject.toml -o requirements.lock
	@# What both need is the same version for both.
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links --no-annotate --python-version 3.11 \
		-c requirements.lock bench/peers/requirements.in -o bench/peers/requirements.txt

clean: ## stop the stack, remove what was installed and cached; the data in .seckill stays
	test ! -x $(BIN)/seckill || $(BIN)/seckill down
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
