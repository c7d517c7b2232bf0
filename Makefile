# Two commands matter: `make demo` and `make test`. The rest is for developers; `make help` lists it.

# The system's Python where it serves: it is what a device runs, and Debian builds it with optimizations that one built
# at home often lacks; else the first on the path.
PYTHON ?= $(shell for python in /usr/bin/python3 python3; do \
  $$python -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; done; echo $$python)
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# A container often forbids Python to keep what it has compiled: each program that is started would compile all of us anew.
unexport PYTHONDONTWRITEBYTECODE
# Most tests wait for something: five at a time on two cores, a file together, in the order of tests/conftest.py.
SIDE_BY_SIDE := -n 5 --dist loadfile --no-loadscope-reorder --timeout 300

.PHONY: help demo test test-pure check vectors frames sensor-pages city simulation chaos bad-inputs fuzz licences sbom audit-packages chaos-cluster powercut fulldisk drain overflow slow-line sensors-soak fleet pages-year visitors alert-kills bench flat-memory release-check servers lock clean

help:           ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/.demo      ## three lampposts, a collector and a live page on this machine
	@$(BIN)/lamppost demo $(ARGS)

test: $(VENV)/.test servers      ## everything, real servers and a real browser included
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not long"

test-pure: $(VENV)/.test      ## the part that needs no server and no browser
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not real and not long"

check: $(VENV)/.test      ## style, types and import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

vectors: $(VENV)/.test      ## FILE=...: domain vectors against measures/; without FILE those of the tests
	@$(BIN)/python -m tests.vectors $(or $(FILE),tests/measures/domain_vectors.json)

frames: $(VENV)/.test      ## FILE=...: golden frames through the profiles; without FILE those of the tests
	@$(BIN)/python -m tests.frames $(or $(FILE),tests/sensors/golden_frames.json)

sensor-pages: $(VENV)/.test      ## write docs/sensors/ from the profiles
	@$(BIN)/python -m device_profiles.pages docs/sensors

city: $(VENV)/.test      ## write docs/city.md: the simulated city beside real data
	@$(BIN)/python -m simulator.city.report docs

simulation: $(VENV)/.test      ## ARGS=...: the product's delivery in seeded worlds of faults, and mutants of its rules
	@$(BIN)/python -m tests.simulation $(ARGS)

chaos: $(VENV)/.test servers      ## ARGS="--kills N --readings N --seed S --workers N": kills and spoilt links between real programs
	@$(BIN)/python -m tests.chaos $(ARGS)

bad-inputs: $(VENV)/.test servers      ## FILE=...: hostile inputs against the running system, in the middle of good traffic
	@$(BIN)/python -m tests.bad_inputs $(FILE) $(ARGS)

chaos-cluster: $(VENV)/.test servers      ## ARGS="--kills N --readings N --seed S": a broker of three nodes, each killed in turn
	@$(BIN)/python -m tests.chaos.cluster $(ARGS)

fulldisk: $(VENV)/.test servers      ## ARGS="--cycles N --seed S": a disk filled and freed by turns under a real agent
	@$(BIN)/python -m tests.fulldisk $(ARGS)

drain: $(VENV)/.test servers      ## ARGS="--days N --seed S": a backlog that drains beside live readings
	@$(BIN)/python -m tests.drain $(ARGS)

overflow: $(VENV)/.test servers      ## ARGS="--agents N --pause S --seed S": a broker that drops what its queue does not hold
	@$(BIN)/python -m tests.overflow $(ARGS)

slow-line: $(VENV)/.test servers      ## ARGS="--bytes 120 --seconds 300 --seed S": a station behind a radio link of some bytes a second
	@$(BIN)/python -m tests.slow_line $(ARGS)

fuzz: $(VENV)/.fuzz      ## ARGS="--target batch --seconds 600": hostile bytes for every parser, coverage-guided where atheris is to be had
	@$(BIN)/python -m tests.fuzz $(ARGS)

licences: $(VENV)/.test      ## refuse a package whose licence does not fit ours
	@$(BIN)/python -m tests.supply.licences

sbom: $(VENV)/.demo      ## write build/lamppost-sbom.json (CycloneDX): what is installed, with hashes
	@$(BIN)/python -m tests.supply.sbom requirements/agent.txt requirements/demo.txt

audit-packages: $(VENV)/audit/.ready      ## look every pinned package up for known weaknesses; says so loudly when it cannot
	@$(BIN)/python -m tests.supply.advisories $(VENV)/audit/bin/pip-audit requirements/agent.txt requirements/demo.txt

powercut: $(VENV)/.test      ## ARGS="--cuts N": power cuts under the spool, on snapshots of a file system image
	@$(BIN)/python -m tests.powercut $(ARGS)

sensors-soak: $(VENV)/.test      ## ARGS="--seconds 600 --seed 7": every model at once on damaged lines
	@$(BIN)/python -m tests.soak $(ARGS)

fleet: $(VENV)/.test servers      ## ARGS="--nodes 10000 --seconds 600": virtual nodes against real programs, 0 lost
	@$(BIN)/python -m tests.fleet $(ARGS)

alert-kills: $(VENV)/.test      ## ARGS=...: the collector killed around episodes; what its webhook was told
	@$(BIN)/python -m tests.alerts.kills $(ARGS)

pages-year: $(VENV)/.test servers      ## ARGS="--stations 100": a year of hours, and how long every page and question takes
	@$(BIN)/python -m tests.web $(ARGS)

visitors: $(VENV)/.test servers      ## ARGS="--nodes 10000 --visitors 200": people read while a fleet reports
	@$(BIN)/python -m tests.web.visited $(ARGS)

bench: $(VENV)/.test servers      ## ARGS=...: every figure of docs/performance.md on this machine, in less than ten minutes
	@$(BIN)/lamppost bench $(ARGS)

flat-memory: $(VENV)/.test servers      ## ARGS="--seconds 600": a collector at full rate, then with its database down
	@$(BIN)/python -m benchmarks.flat $(ARGS)

.PHONY: deb
deb: $(VENV)/.test      ## ARGS="--arch arm64": the agent's Debian package, its own environment inside
	@$(BIN)/python deploy/deb/build.py $(ARGS)

release-check: $(VENV)/.test      ## the long proofs, one JSON object each
	@$(MAKE) --no-print-directory simulation ARGS="--seeds 300 --first 1000"
	@$(MAKE) --no-print-directory simulation ARGS="--seeds 40 --mutants"
	@$(MAKE) --no-print-directory chaos ARGS="--kills 200 --readings 1000000"
	@$(MAKE) --no-print-directory chaos ARGS="--kills 40 --readings 300000 --workers 2"
	@$(MAKE) --no-print-directory bad-inputs
	@$(MAKE) --no-print-directory fuzz ARGS="--seconds 600"
	@$(MAKE) --no-print-directory licences sbom
	@$(MAKE) --no-print-directory chaos-cluster ARGS="--kills 5 --readings 100000"
	@$(MAKE) --no-print-directory powercut ARGS="--cuts 500"
	@$(MAKE) --no-print-directory fulldisk ARGS="--cycles 20"
	@$(MAKE) --no-print-directory drain ARGS="--days 7"
	@$(MAKE) --no-print-directory overflow ARGS="--agents 50 --pause 60"
	@$(MAKE) --no-print-directory slow-line
	@$(MAKE) --no-print-directory sensors-soak ARGS="--seconds 600"
	@$(MAKE) --no-print-directory fleet ARGS="--nodes 10000 --seconds 600"
	@$(MAKE) --no-print-directory pages-year ARGS="--stations 100"
	@$(MAKE) --no-print-directory visitors ARGS="--nodes 10000 --visitors 200"
	@$(MAKE) --no-print-directory alert-kills ARGS="--kills 1000 --episodes 200"
	@$(MAKE) --no-print-directory flat-memory ARGS="--seconds 600"
	$(BIN)/python -m pytest -m long
	@$(MAKE) --no-print-directory audit-packages  # last: away from the advisories it cannot pass

servers:      ## install or name the real servers that the tests need
	@sh tests/servers.sh

# One environment; each stamp is made anew when what it holds changes. Hashes are required for all that is fetched.
$(VENV)/.demo: requirements/demo.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Lamppost needs Python 3.11 or newer")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the demo's packages" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/demo.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.demo
	@echo "installing the tests' packages" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.txt
	@touch $@

$(VENV)/.fuzz: requirements/fuzz.txt $(VENV)/.test
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/fuzz.txt \
	  || echo "atheris is not to be had for this Python: plain mutation instead" >&2
	@touch $@

# An environment of its own: what it needs is none of what it looks at.
$(VENV)/audit/.ready: requirements/audit.txt $(VENV)/.test
	@$(PYTHON) -m venv $(VENV)/audit
	@$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/audit.txt
	@touch $@

lock:           ## pin every package with its hashes (needs uv)
	for what in agent demo test; do \
	  extra=$$(case $$what in agent) ;; demo) echo "--extra all" ;; test) echo "--extra test" ;; esac); \
	  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    $$extra pyproject.toml requirements/build.in -o requirements/$$what.txt; done
	for what in fuzz audit; do \
	  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    requirements/$$what.in -o requirements/$$what.txt; done

clean:      ## remove the environment and everything generated
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
