# Every target sets up what it needs; `make demo` and `make test` work on a new machine with Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NEO4J := $(BIN)/python -m tests.neo4j_server

.PHONY: help demo demo-neo4j lint test test-lts test-all bench examples clean

help:
	@echo "make demo         example events, the graph, its top paths, and a journey map to open"
	@echo "make demo-neo4j   the same on a real Neo4j, started for it"
	@echo "make test         lint, types, all tests, on the embedded store and one Neo4j version"
	@echo "make test-lts     the tests on Neo4j once more, on the long-term release, and random tests with more examples"
	@echo "make test-all     both"
	@echo "make bench        speed and memory beside peers, into docs/benchmarks.md"
	@echo "make examples     the pictures in visualizations/ and docs/, made anew"

$(VENV)/ready: pyproject.toml
	@echo "setting up $(VENV) (once) …"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(VENV)/ready
	@$(BIN)/graphsvc demo

demo-neo4j: $(VENV)/ready
	@$(NEO4J) run -- sh -c '$(BIN)/graphsvc demo --store "$$NEO4J_URI"'

lint: $(VENV)/ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml

test: lint
	$(BIN)/pytest --numprocesses 2 --dist loadgroup

test-lts: $(VENV)/ready
	$(BIN)/pytest --numprocesses 2 --dist loadgroup --neo4j-versions 5.26.30 \
		-m "neo4j or hypothesis or thorough" --hypothesis-profile thorough

test-all: test test-lts

bench: $(VENV)/ready
	$(BIN)/python -m bench

examples: $(VENV)/ready
	$(BIN)/python -m tests.make_examples

clean:
	rm -rf $(VENV) demo
