# Understudy. `make help` lists the targets.
SHELL := /bin/bash
PYTHON ?= python3
.DEFAULT_GOAL := help

UV := .venv/bin/uv
PY := .venv/bin/python
CODE := functions layers/controller agent cli local bench tests tools examples
export PYTHONDONTWRITEBYTECODE := 1
PYTEST := $(PY) -m pytest --durations 10 --durations-min 0.5

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

SYSTEM_PACKAGES := chromium postgresql systemd-container dbus iproute2 nftables e2fsprogs nginx-light libfaketime \
  resource-agents apache2 mariadb-server redis-server nfs-kernel-server \
  nfs-ganesha-vfs libnfs-utils rsync haproxy

# A test of what is missing is skipped and says so. PostgreSQL's package makes a cluster of its own unless told not to, and
# packages start what they have installed unless a policy says no: theirs is there while they are installed.
.PHONY: system-packages
system-packages: ## install what the tests use of the distribution (Debian, as root)
	@missing=$$(for name in $(SYSTEM_PACKAGES); do \
	    dpkg-query -W -f '$${Status}' $$name 2>/dev/null | grep -q 'ok installed' || echo $$name; done); \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
	  echo "not installed:" $$missing "(needs root and apt-get): the tests of it are skipped"; exit 0; fi; \
	conf=/etc/postgresql-common/createcluster.conf; \
	[ -e $$conf ] || { mkdir -p $${conf%/*} && echo 'create_main_cluster = false' > $$conf; }; \
	policy=/usr/sbin/policy-rc.d; \
	[ -e $$policy ] || { printf '#!/bin/sh\nexit 101\n' > $$policy && chmod 755 $$policy && trap "rm $$policy" EXIT; }; \
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing

.PHONY: lock
lock: .venv/ready ## resolve the requirements again and write the pinned files with hashes
	@for name in requirements/bootstrap requirements/dev requirements/sam requirements/agent requirements/build requirements/peers layers/dependencies/requirements; do \
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
	@PYTHONPATH=layers/controller/python:agent:cli .venv/bin/lint-imports
	@.venv/bin/cfn-lint template.yaml examples/two-node-service/template.yaml examples/pagers/*.yaml
	@PYTHONPATH=layers/controller/python:agent:cli $(PY) -m tools.generate_docs --check

.PHONY: docs
docs: .venv/ready ## write the generated documents: decision table, traceability, JSON Schema
	@PYTHONPATH=layers/controller/python:agent:cli $(PY) -m tools.generate_docs

# To compile the tests takes as long as to collect them otherwise: what they are compiled into is kept for the next run.
PYTEST_FAST := env -u PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX=$(CURDIR)/build/pycache $(PYTEST)
# What covers the domain whole is traced, and nothing else: that more than doubles the time of a test.
COVERING := tests/unit/domain tests/unit/usecases tests/unit/test_notice_shapes.py tests/unit/test_events.py tests/unit/test_wiring.py

.PHONY: test-fast
test-fast: .venv/ready ## the tests that need neither a simulated cluster nor an embedded AWS
	@$(PYTEST_FAST) -n 2 --cov --cov-report= $(COVERING)
	@.venv/bin/coverage report --include '*/understudy/domain/*' --fail-under 100
	@$(PYTEST_FAST) -n 3 --dist worksteal tests $(addprefix --ignore ,$(COVERING) tests/simulation tests/explorer tests/e2e tests/browser tests/nodes)

.PHONY: test-sim
test-sim: .venv/ready ## what must always hold, in simulated clusters and in every interleaving of a few deviations
	@$(PYTEST_FAST) -n 3 --dist worksteal tests/simulation tests/explorer

.PHONY: test-e2e
test-e2e: setup system-packages ## the tests on a deployed stack on the embedded AWS
	@$(PYTEST) -n 3 --dist loadscope tests/e2e

.PHONY: test-board
test-board: .venv/ready system-packages ## the board in a real browser; pictures of it into build/board
	@$(PYTEST) tests/browser

.PHONY: test-nodes
test-nodes: setup system-packages ## the agent on real nodes: systemd as process 1, real services, power cuts (Debian, as root)
	@$(PYTEST) -n 3 --dist loadscope -rs tests/nodes

.PHONY: test
test: setup lint test-fast test-sim test-board test-e2e test-nodes ## everything that must pass before a change lands

# --- the embedded AWS -----------------------------------------------------------------------

.PHONY: demo
demo: setup ## a node dies and the name follows, on an AWS on this machine; SHOW=1 serves the board meanwhile
	@$(PY) -m local.demo $(if $(SHOW),--show)

# --- a stack to play with, and what can be done to it ---------------------------------------

UP := @$(PY) -m local.up
.PHONY: up down env state kill boot cut reconnect freeze thaw outage end-outage
up: setup ## a cluster on an AWS on this machine, to play with until `make down`; FIRST_PORT of eight, default 17400
	$(UP) up $(if $(FIRST_PORT),--port $(FIRST_PORT))
down: ## ends what `make up` has started
env: ## how aws, dig and understudy reach it: eval "$(make -s env)"
state: ## where it answers, and how its nodes and the service are
kill: ## NODE=node-a dies, with everything that runs on it; undo: make boot
boot: ## NODE=node-a is switched on
cut: ## NODE=node-a loses its network; undo: make reconnect
reconnect: ## NODE=node-a has its network again
freeze: ## NODE=node-a stands still; undo: make thaw
thaw: ## NODE=node-a goes on
outage: ## AWS is gone, for the nodes and for you; undo: make end-outage
end-outage: ## AWS is back
down env state kill boot cut reconnect freeze thaw outage end-outage: .venv/ready
	$(UP) $@ $(if $(NODE),'$(NODE)')

# --- measurements ---------------------------------------------------------------------------

RUNS ?= 2

.PHONY: bench
bench: setup ## counts, ratios and times into build/bench/; RUNS warm failovers, default 2; some ten minutes
	@PYTHONPATH=layers/controller/python:agent $(PY) -m bench --runs $(RUNS)

.PHONY: bench-counts
bench-counts: setup ## what `make bench` counts, without what it times
	@PYTHONPATH=layers/controller/python:agent $(PY) -m bench.counts

SEED ?= 0
CLUSTERS ?= 1000
ZONES ?= 1

RUNS_OF_PEERS ?= 5
PEER_PACKAGES := pacemaker corosync pacemaker-cli-utils fence-agents awscli bind9-dnsutils curl etcd-server

.PHONY: bench-peers
bench-peers: SYSTEM_PACKAGES += $(PEER_PACKAGES)
bench-peers: setup system-packages ## the same faults for Understudy, Pacemaker, Patroni and the paper's procedure, on real nodes, RUNS_OF_PEERS of each (Debian, as root); some fifty minutes
	@PYTHONPATH=layers/controller/python:agent:examples/postgresql $(PY) -m bench.peers --runs $(RUNS_OF_PEERS)

.PHONY: bench-outage
bench-outage: .venv/ready ## an Availability Zone goes dark for CLUSTERS clusters in ZONES zones, by SEED; in virtual time
	@PYTHONPATH=layers/controller/python:agent $(PY) -m bench.outage --clusters $(CLUSTERS) --zones $(ZONES) --seed $(SEED)

.PHONY: performance-docs
performance-docs: .venv/ready ## what the benchmarks left in build/bench, into bench/results, docs/performance.md and its plots
	@PYTHONPATH=layers/controller/python:agent $(PY) -m bench.performance

.PHONY: cost
cost: .venv/ready ## count what is paid for, on the emulator, and write docs/cost.md and docs/scale.md; a minute
	@POWERTOOLS_LOG_LEVEL=CRITICAL PYTHONPATH=layers/controller/python:agent $(PY) -m bench.usage
	@PYTHONPATH=layers/controller/python:agent $(PY) -m bench.cost
	@PYTHONPATH=layers/controller/python:agent $(PY) -m bench.scale

.PHONY: pace
pace: .venv/ready ## what each pace costs in dollars and in needless failovers, drawn by seed, into docs/pace.md; some minutes
	@PYTHONPATH=layers/controller/python:agent $(PY) -m bench.pace
	@PYTHONPATH=layers/controller/python:agent:cli $(PY) -m tools.generate_docs

.PHONY: chaos
chaos: setup ## every AWS call of the functions with every fault, into docs/reliability.md; some ten minutes
	@PYTHONPATH=layers/controller/python:agent $(PY) -m bench.reliability

.PHONY: sim
sim: RUNS = 1000
sim: .venv/ready ## try to break a simulated cluster, or CROWD=1 several, or one under a script of WEATHER: RUNS seeds from SEED, default 1000 from 0; lists all that fail, or STOP=1 tells the story of the first
	@PYTHONPATH=layers/controller/python:agent $(PY) -m tests.simulation --seed $(SEED) --runs $(RUNS) $(if $(JOBS),--jobs $(JOBS)) \
	  $(if $(PAUSES),--pauses) $(if $(OFF_ALONE),--off-alone) $(if $(CROWD),--crowd) $(if $(FITNESS),--fitness) $(if $(PACES),--paces) $(if $(BALANCER),--balancer) $(if $(WEATHER),--weather $(WEATHER)) $(if $(STOP),--stop)

MINUTES ?= 10

.PHONY: explore
explore: .venv/ready ## try every interleaving of a few deviations: THEME, all without it; DEVIATIONS, HORIZON (seconds), MINUTES, default 10
	@PYTHONPATH=layers/controller/python:agent $(PY) -m tests.explorer --minutes $(MINUTES) \
	  $(if $(THEME),--theme $(THEME)) $(if $(DEVIATIONS),--deviations $(DEVIATIONS)) $(if $(HORIZON),--horizon $(HORIZON))

.PHONY: wheel
wheel: .venv/ready ## the agent with all that it needs, for nodes that reach no package registry, into dist/
	@$(PY) -m tools.agent_bundle

.PHONY: release
release: setup ## what a release consists of, into dist/, built twice from what is committed; fails when the builds differ
	@$(PY) -m tools.release

.PHONY: clean
clean: ## remove what was built; the environments stay
	@[ ! -S build/up/control ] || { echo "A stack is up in build/up. End it first: make down"; exit 1; }
	@rm -rf build .aws-sam dist
