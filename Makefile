# Understudy. `make help` lists the targets.
SHELL := /bin/bash
PYTHON ?= python3
.DEFAULT_GOAL := help

UV := .venv/bin/uv
PY := .venv/bin/python
CODE := functions layers/controller agent local bench tests tools
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

# --- environments ---------------------------------------------------------------------------

.venv/ready: requirements/bootstrap.txt requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$(PYTHON) is older than 3.11. Name a newer one: make PYTHON=python3.13 ..."; exit 1; }
	@rm -rf .venv
	@$(PYTHON) -m venv .venv \
	  || { echo "$(PYTHON) has no venv module. On Debian: apt-get install python3-venv"; exit 1; }
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@$(UV) pip install --quiet --python $(PY) --require-hashes -r requirements/dev.txt
	@# Agents, functions and tests import these in process after process, which compile them anew each time otherwise.
	@$(PY) -m compileall -q -j 2 .venv/lib/python*/site-packages/{boto3,botocore,s3transfer,urllib3,jmespath,dateutil,ministack,moto}
	@touch $@

# The SAM CLI pins another boto3 than the embedded AWS does, so it lives apart.
.venv-sam/ready: .venv/ready requirements/sam.txt
	@rm -rf .venv-sam
	@$(UV) venv --quiet --python $(PY) .venv-sam
	@$(UV) pip install --quiet --python .venv-sam/bin/python --require-hashes -r requirements/sam.txt
	@touch $@

.PHONY: setup
setup: .venv/ready .venv-sam/ready ## install what the other targets need, into .venv and .venv-sam

.PHONY: lock
lock: .venv/ready ## resolve the requirements again and write the pinned files with hashes
	@for name in requirements/bootstrap requirements/dev requirements/sam layers/dependencies/requirements; do \
	  $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    $$name.in -o $$name.txt || exit 1; done

# --- checks ---------------------------------------------------------------------------------

.PHONY: format
format: .venv/ready ## format the code
	@.venv/bin/ruff format $(CODE)
	@.venv/bin/ruff check --fix $(CODE)

.PHONY: lint
lint: .venv/ready ## formatter, linters, types, import rules
	@.venv/bin/ruff format --check $(CODE)
	@.venv/bin/ruff check $(CODE)
	@.venv/bin/mypy
	@PYTHONPATH=layers/controller/python:agent .venv/bin/lint-imports
	@.venv/bin/cfn-lint template.yaml
	@PYTHONPATH=layers/controller/python:agent $(PY) -m tools.generate_docs --check

.PHONY: docs
docs: .venv/ready ## write the generated documents: decision table, traceability, JSON Schema
	@PYTHONPATH=layers/controller/python:agent $(PY) -m tools.generate_docs

.PHONY: test-fast
test-fast: .venv/ready ## the tests that need no embedded AWS
	@$(PY) -m pytest -n 2 --cov --cov-report= tests --ignore tests/e2e
	@.venv/bin/coverage report --include '*/understudy/domain/*' --fail-under 100

.PHONY: test-e2e
test-e2e: setup ## the tests on a deployed stack on the embedded AWS
	@$(PY) -m pytest -n 2 --dist loadscope tests/e2e

.PHONY: test
test: setup lint test-fast test-e2e ## everything that must pass before a change lands

# --- the embedded AWS -----------------------------------------------------------------------

.PHONY: demo
demo: setup ## a node dies and the name follows, on an AWS on this machine
	@$(PY) -m local.demo

RUNS ?= 3

.PHONY: bench
bench: setup ## counts, ratios and times into build/bench/bench.json; RUNS failovers, default 3
	@PYTHONPATH=layers/controller/python:agent $(PY) -m bench --runs $(RUNS)

.PHONY: chaos
chaos: setup ## every AWS call of the functions with every fault, into docs/reliability.md; some ten minutes
	@PYTHONPATH=layers/controller/python:agent $(PY) -m bench.reliability

SEED ?= 0

.PHONY: sim
sim: RUNS = 1000
sim: .venv/ready ## try to break a simulated cluster: RUNS seeds from SEED, default 1000 from 0; a failure is told as a story
	@PYTHONPATH=layers/controller/python:agent $(PY) -m tests.simulation --seed $(SEED) --runs $(RUNS) $(if $(PAUSES),--pauses)

.PHONY: clean
clean: ## remove what was built; the environments stay
	@rm -rf build .aws-sam dist
