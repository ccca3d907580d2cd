# Names for the commands that CI runs. Each installs what it needs first; a second time that costs a moment.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The tools of the environment for daily work where `make dev` made one, else those of the tests' own.
TOOLS ?= $(if $(wildcard .venv/medkd-dev.stamp),.venv,.venv-test)
TOOLS_KIND = $(if $(filter .venv,$(TOOLS)),dev,test)
# napari wants a screen with OpenGL: yours, else a virtual one.
VIRTUAL_SCREEN = $(if $(DISPLAY),,xvfb-run -a -s "-screen 0 1600x1000x24 +extension GLX")
PYTEST_ARGS ?=
# No test runs the benchmarks: this finds what they call that is gone or takes other arguments; what they pass on is not typed.
UNTYPED = arg-type assignment attr-defined dict-item import-not-found index list-item misc no-any-return no-untyped-call return-value union-attr
# One file's tests stay in one process: they share what is costly to make.
IN_PARALLEL = -n logical --maxprocesses 4 --dist loadfile

# What is tested must not depend on how many cores there are.
test test-slow coverage: export OMP_NUM_THREADS ?= 1
# The suite starts many processes: each of them would compile everything again where no bytecode is kept.
test test-slow coverage: export PYTHONDONTWRITEBYTECODE =

.PHONY: help demo dev test test-slow coverage lint format types contracts check bench gpu-check clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

demo: ## the main job end to end in a napari window; DATA=folder for your images, BUDGET=seconds for less training
	scripts/system_libraries.sh $(if $(DISPLAY),,--with-xvfb)
	scripts/environment.sh demo
	$(VIRTUAL_SCREEN) .venv/bin/python scripts/demo.py --out demo $(if $(DATA),--data "$(DATA)") $(if $(BUDGET),--budget $(BUDGET))

dev: ## an environment for daily work, .venv
	scripts/system_libraries.sh --with-xvfb
	scripts/environment.sh dev
	.venv/bin/pre-commit install --install-hooks

.PHONY: test-environment tools
test-environment:
	@scripts/system_libraries.sh --with-xvfb
	@scripts/environment.sh test
tools:
	@scripts/environment.sh $(TOOLS_KIND)

test: test-environment ## the whole suite in a fresh environment, real napari windows under Xvfb; PYTEST_ARGS=... for part of it
	.venv-test/bin/python -m pytest $(IN_PARALLEL) $(PYTEST_ARGS)

test-slow: test-environment ## the tests that train for minutes
	.venv-test/bin/python -m pytest -m slow --timeout 3600 $(PYTEST_ARGS)

coverage: test-environment ## the suite, and which lines it never ran
	.venv-test/bin/python -m pytest $(IN_PARALLEL) --cov --cov-report=term-missing:skip-covered $(PYTEST_ARGS)

lint: tools ## format, lint, spelling, sizes and names, packaging metadata
	$(TOOLS)/bin/ruff check
	$(TOOLS)/bin/ruff format --check
	$(TOOLS)/bin/python scripts/check_sizes.py src tests scripts benchmarks
	$(TOOLS)/bin/shellcheck scripts/*.sh .ci/run
	$(TOOLS)/bin/typos
	$(TOOLS)/bin/validate-pyproject pyproject.toml

format: tools ## put the layout and the simple lint right
	$(TOOLS)/bin/ruff format
	$(TOOLS)/bin/ruff check --fix

types: tools ## mypy --strict
	$(TOOLS)/bin/mypy --strict src
	$(TOOLS)/bin/mypy $(addprefix --disable-error-code=,$(UNTYPED)) benchmarks/*.py

contracts: tools ## which module may import which
	$(TOOLS)/bin/lint-imports

check: lint types contracts ## lint, types and contracts

bench: tools ## the benchmark table on real data (MEDKD_DATA), row by row, resumable; ARGS="--row recommended" for part of it
	$(TOOLS)/bin/python benchmarks/shape_intensity.py train $(ARGS)
	$(TOOLS)/bin/python benchmarks/shape_intensity.py report

gpu-check: $(if $(GPU_PYTHON),,tools) ## the GPU tests, the precision self-test, one short run and patches/s; GPU_PYTHON=python where torch is the machine's
	@python=$(or $(GPU_PYTHON),$(TOOLS)/bin/python); \
	if $$python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then \
	  $$python -m pytest -m gpu && $$python benchmarks/gpu_check.py; \
	else \
	  echo "not run on a GPU: torch sees none here"; \
	fi

clean: ## remove what the commands made, the environments too; the runs of benchmarks stay
	rm -rf .venv .venv-test .venv-headless .venv-viewer demo build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage htmlcov
