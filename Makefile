# Every chore is one line here. `make run` and `make test` need only Debian's python3 (3.11 or later).
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: run test setup check serve bench clean assets

run: $(VENV)/.installed           ## install, then show the whole path once: samples, dataset, training, predictions
	$(BIN)/gradus demo

test: setup check                 ## install with the test tools, then checks and tests
	$(BIN)/pytest -m 'not browser'
	$(BIN)/pytest -m browser

setup: $(VENV)/.tested            ## everything that developing needs

check: $(VENV)/.tested            ## style, types, direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

serve: $(VENV)/.installed         ## the server on the default home
	$(BIN)/gradus serve

bench: $(VENV)/.tested            ## speed as ratios to peers, side by side
	$(PIP) --group bench
	$(BIN)/python -m benchmarks

assets:                           ## maintainers only: rebuild the vendored browser files (needs Node)
	cd assets && npm ci --ignore-scripts && npm run build

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache out

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Gradus needs Python 3.11 or later")'
	$(PYTHON) -m venv $(VENV) || (rm -rf $(VENV); sh tools/apt.sh python3-venv && $(PYTHON) -m venv $(VENV))
	$(BIN)/python -m pip --disable-pip-version-check install --quiet --upgrade 'pip>=25.1'

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV): some minutes the first time, and 6 GB"
	$(PIP) --editable .
	touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(PIP) --group test
	command -v chromium >/dev/null || sh tools/apt.sh chromium
	command -v strace >/dev/null || sh tools/apt.sh strace
	touch $@
