# The two commands are `make rate` and `make test`; both prepare what they need (packaging/setup.sh) and stop there if it is ready.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help rate test test-desktop soak interop export bench doctor lint format lock wheel deb clean

# make would expand dollars in a folder's name and run what looks like a call: the name travels unexpanded, under a name of its own.
export SAFELIGHT_FOLDER := $(value FOLDER)
export SAFELIGHT_FOLDER_FROM := $(origin FOLDER)
unexport FOLDER
export PYTHON
export TORCH

PYTEST_WORKERS ?= 2
SECONDS ?= 300

help:
	@echo 'make rate FOLDER=~/Pictures/2026-11-21   rate a folder (without FOLDER: a sample shoot); more options in ARGS='
	@echo 'make test                                pass the tests; ARGS= goes to pytest'
	@echo 'make test-desktop                        test notifications, tray, cards and units on a screen of its own'
	@echo 'make soak                                five minutes of mixed traffic, kills and unmounts; SECONDS=3600 for the hour, ARGS=--seed=7'
	@echo 'make interop                             test with real programs (darktable, gio, rsync ...): installs them if it may'
	@echo 'make export                              turn a SigLIP checkpoint into a bundle; ARGS= as its --help says, TORCH= the torch'
	@echo 'make doctor                              say what is missing on this computer'
	@echo 'make bench                               measure time and memory; ARGS= as python -m tests.bench --help says'
	@echo 'make lint, make format                   check, or rewrite, the form of the code'
	@echo 'make lock                                resolve the dependencies of pyproject.toml anew; ARGS=--upgrade'
	@echo 'make wheel                               build dist/safelight-*.whl'
	@echo 'make deb                                 build dist/safelight_*.deb for this Debian; ARGS= as packaging/deb/build.py --help says'
	@echo 'make clean                               remove what was installed and cached; photographs and ratings stay'

rate:
	@packaging/rate.sh $(ARGS)

test:
	@packaging/setup.sh dev
	@.venv/bin/python -m pytest -n $(PYTEST_WORKERS) --dist loadgroup $(ARGS)

test-desktop:
	@packaging/setup.sh dev
	@packaging/desktop.sh
	@.venv/bin/python -m pytest tests/desktop -n $(PYTEST_WORKERS) --dist loadgroup $(ARGS)

soak:
	@packaging/setup.sh dev
	@.venv/bin/python -m tests.soak --seconds $(SECONDS) $(ARGS)

interop:
	@packaging/setup.sh dev
	@packaging/interop.sh
	@.venv/bin/python -m pytest tests/interop -n $(PYTEST_WORKERS) --dist loadgroup $(ARGS)

export:
	@packaging/setup.sh run
	@packaging/export.sh $(ARGS)

bench:
	@packaging/setup.sh dev
	@.venv/bin/python -m tests.bench $(ARGS)

doctor:
	@packaging/setup.sh run
	@.venv/bin/safelight doctor $(ARGS)

lint:
	@packaging/setup.sh dev
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/mypy packaging/sample_shoot.py
	@.venv/bin/lint-imports

format:
	@packaging/setup.sh dev
	@.venv/bin/ruff check --fix-only .
	@.venv/bin/ruff format .

lock:
	@packaging/setup.sh dev
	@packaging/lock.sh $(ARGS)

wheel:
	@packaging/setup.sh run
	@.venv/bin/python -m hatchling build --target wheel

deb:
	@packaging/setup.sh run
	@.venv/bin/python packaging/deb/build.py $(ARGS)

clean:
	@rm -rf .venv .venv-export .cache dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
