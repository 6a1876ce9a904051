# Everything runs from .venv, which is made from requirements.lock when it is missing or older than it.
# Needs Python >= 3.11 (another interpreter: make PYTHON=python3.12 ...) and make; nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# OMP_NUM_THREADS is about threads, not about how many processes may run.
JOBS ?= $(shell env -u OMP_NUM_THREADS nproc 2>/dev/null || echo 2)
# Where there is a process for every core, threads of numpy only wait for each other.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

.DEFAULT_GOAL := help
.PHONY: help report test lint types unit browser office notebooks-test lab notebooks bench bench-models bench-report data simulate pandas3 lock clean
.DELETE_ON_ERROR:

help:
	@echo "make report     write reports/index.html from the example data (German and English)"
	@echo "make test       lint, format, types, layers, unit tests, doctests, pages in Chromium, template in LibreOffice, notebooks"
	@echo "make lab        open the notebooks in JupyterLab"
	@echo "make notebooks  execute the notebooks again and keep their outputs"
	@echo "make bench      compare speed and memory with other systems; writes benchmarks/RESULTS.md (25 minutes, 4 GB of disk);"
	@echo "                one part of it: make bench BENCH='--only survival'"
	@echo "make bench-models  compare churn models with CatBoost and skrub; writes into benchmarks/RESULTS.md (10 minutes)"
	@echo "make bench-report  time and memory of kbind check and kbind report; writes into benchmarks/RESULTS.md (10 minutes)"
	@echo "make data       write the simulated companies in data/ anew"
	@echo "make simulate   check claimed coverage and error rates by simulation; and what can be"
	@echo "                computed back from reports; writes docs/simulations.md, docs/refinement.md, docs/disclosure.md (an hour and a half)"
	@echo "make pandas3    unit tests against pandas 3, which lifelines does not allow yet"
	@echo "make lock       resolve requirements.lock anew (needs uv)"
	@echo "make clean      remove .venv, reports and caches"

# The environment: one stamp for the locked packages, one for kbind itself.
$(VENV)/.packages: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || \
		{ echo "kbind needs Python 3.11, 3.12 or 3.13, and '$(PYTHON)' is $$($(PYTHON) -V 2>&1); try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Making $(VENV) from requirements.lock (about two minutes) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements.lock
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib > /dev/null 2>&1 || true
	@touch $@

$(VENV)/.kbind: $(VENV)/.packages pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

report: $(VENV)/.kbind
	$(BIN)/kbind report

test: lint types unit notebooks-test

lint: $(VENV)/.kbind
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.kbind
	$(BIN)/mypy

# Pages and JupyterLab are tested in a real browser: one that is there, or Debian's where it can be had without asking.
CHROMIUM = command -v "$${KBIND_CHROMIUM:-chromium}" || command -v chromium-browser || command -v google-chrome
APT_GET = DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=2
browser:
	@{ $(CHROMIUM); } > /dev/null || { \
		test "$$(id -u)" = 0 && command -v apt-get > /dev/null && echo "Installing Debian's Chromium ..." && \
		{ $(APT_GET) install -y --no-install-recommends chromium fonts-liberation fonts-dejavu-core || \
		{ $(APT_GET) update && \
		$(APT_GET) install -y --no-install-recommends chromium fonts-liberation fonts-dejavu-core; }; } > /dev/null 2>&1; \
	} || true
	@{ $(CHROMIUM); } > /dev/null || echo "No Chromium (chromium, chromium-browser, google-chrome or KBIND_CHROMIUM), so not" \
		"checked: requests, console, accessibility, overflow, keyboard and print of the pages; a chapter in JupyterLab."

# The formulas of the template are recalculated by a real spreadsheet program, found or fetched in the same way.
SOFFICE = command -v "$${KBIND_SOFFICE:-soffice}" || command -v libreoffice
office:
	@{ $(SOFFICE); } > /dev/null || { \
		test "$$(id -u)" = 0 && command -v apt-get > /dev/null && echo "Installing Debian's LibreOffice Calc ..." && \
		{ $(APT_GET) install -y --no-install-recommends libreoffice-calc-nogui || \
		{ $(APT_GET) update && $(APT_GET) install -y --no-install-recommends libreoffice-calc-nogui; }; } > /dev/null 2>&1; \
	} || true
	@{ $(SOFFICE); } > /dev/null || echo "No LibreOffice (soffice, libreoffice or KBIND_SOFFICE), so not checked:" \
		"whether the formulas of the template give kbind's numbers."

unit: $(VENV)/.kbind browser office
	$(ONE_THREAD) $(BIN)/pytest -n $(JOBS) --dist loadscope --durations=40 --durations-min=4 tests kbind simulations/company simulations/attacker

notebooks-test: $(VENV)/.kbind
	$(ONE_THREAD) $(BIN)/pytest -n $(JOBS) --dist loadfile --nbval --nbval-current-env --nbval-sanitize-with notebooks/nbval.cfg -p no:cacheprovider notebooks

lab: $(VENV)/.kbind
	$(BIN)/jupyter lab --notebook-dir=notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

notebooks: $(VENV)/.kbind
	$(BIN)/jupyter nbconvert --to notebook --execute --inplace --ExecutePreprocessor.record_timing=False notebooks/*.ipynb

# What is only compared with stays out of .venv.
PEERS := $(VENV)-peers
$(PEERS)/.done: benchmarks/requirements.txt $(VENV)/.packages
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target $(PEERS) -r $<
	@touch $@

bench: $(VENV)/.kbind $(PEERS)/.done
	PYTHONPATH=$(PEERS) $(BIN)/python benchmarks/run.py $(BENCH)

# Classifiers need a lock of their own: they would pull other versions of what kbind uses.
MODELS := $(VENV)-models
$(MODELS)/.done: benchmarks/requirements-models.txt $(VENV)/.packages
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target $(MODELS) -r $<
	@touch $@

bench-models: $(VENV)/.kbind $(MODELS)/.done
	OMP_NUM_THREADS=1 PYTHONPATH=$(MODELS) $(BIN)/python benchmarks/models.py

bench-report: $(VENV)/.kbind
	$(BIN)/python benchmarks/report.py $(BENCH)

data: $(VENV)/.kbind
	$(BIN)/python -m simulations.company

simulate: $(VENV)/.kbind
	$(ONE_THREAD) $(BIN)/python simulations/run.py $(SIMULATE)
	$(ONE_THREAD) $(BIN)/python simulations/splits.py
	$(ONE_THREAD) $(BIN)/python simulations/disclosure.py

# The lock file with the newest pandas instead of its own; nothing is resolved, so lifelines cannot refuse.
pandas3: requirements.lock
	@$(PYTHON) -m venv --clear $(VENV)-pandas3
	@grep -E '^[A-Za-z0-9]' $< | sed 's/ *\\$$//' | grep -v -E '^pandas(-stubs)?==' > $(VENV)-pandas3/requirements.txt
	@$(VENV)-pandas3/bin/python -m pip install --quiet --disable-pip-version-check --no-deps "pandas>=3" -r $(VENV)-pandas3/requirements.txt
	@$(VENV)-pandas3/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(VENV)-pandas3/bin/python -c "import pandas; print('pandas', pandas.__version__)"
	$(ONE_THREAD) $(VENV)-pandas3/bin/python -m pytest -p no:cacheprovider -n $(JOBS) --dist loadscope tests kbind simulations/company simulations/attacker

lock:
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --fork-strategy fewest \
		--generate-hashes --no-emit-index-url --no-header -o requirements.lock

clean:
	rm -rf $(VENV) $(PEERS) $(MODELS) $(VENV)-pandas3 reports .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find kbind tests -name __pycache__ -type d -exec rm -rf {} +
