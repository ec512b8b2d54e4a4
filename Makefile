# The table of contents: what one can do here.
#   make run [VIDEO=clip.mp4]   install what is missing, start the stack, show the main job
#   make test                   everything, on a stack of its own on free ports
#   make chaos                  the fault matrix, on stacks of its own: under an hour
#   make bench                  each stage beside its peers and its floor, and BENCHMARKS.md of it: long
#   make check                  format, lint, types, schemas, layers, compose file, Kubernetes manifests

.DEFAULT_GOAL := run
.PHONY: installed run test check static lint types schemas layers compose kubernetes mutants status logs down doctor format clean chaos bench

PYTHON ?= python3
BIN := .venv/bin
CACHE := $(or $(REELFOLD_CACHE),$(HOME)/.cache/reelfold)

run:
	@test -z "$(VIDEO)" || test -f "$(VIDEO)" || { echo "VIDEO=$(VIDEO): there is no such file" >&2; exit 1; }
	$(PYTHON) -m infra.bootstrap
	$(BIN)/reelfold up
	$(BIN)/reelfold demo $(if $(VIDEO),--video "$(VIDEO)")

# The layers are among its tests, and so not looked at twice. Two processes: tests mostly wait.
test: static
	$(BIN)/pytest -n 2

check: static
	@$(MAKE) --no-print-directory layers

static:
	$(PYTHON) -m infra.bootstrap --check
	@$(MAKE) --no-print-directory lint types schemas compose kubernetes

lint:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types:
	$(BIN)/mypy

schemas:
	$(BIN)/python -m schemas.generate --check
	$(BIN)/python -m schemas.evolution

layers:
	$(BIN)/pytest tests/test_layers.py

# The loader of Docker Compose itself, over the example's values: syntax, not that the images start.
compose:
	"$(CACHE)/compose-check" --env-file .env.example docker-compose.yml

# Kubernetes' own kinds against their strict schemas; custom resources are only read.
kubernetes:
	$(BIN)/python -m infra.kubernetes.check

# How many small faults in folds, sinks and lane the tests notice. Takes an hour or more; goes on where it was stopped.
# make mutants [ONLY="streams/folding/progress.py projections/recent.py"]
mutants: installed
	$(BIN)/python -m tests.mutants $(if $(ONLY),--only $(ONLY))

# What the commands below stand on.
installed:
	@test -x $(BIN)/reelfold -a -x $(BIN)/python || { echo "nothing is installed here yet: \`make run\` does it" >&2; exit 1; }

status: installed
	@$(BIN)/reelfold status

# make logs [PART=worker]
logs: installed
	@$(BIN)/reelfold logs $(PART)

down: installed
	@$(BIN)/reelfold down

doctor: installed
	@$(BIN)/reelfold doctor

# make chaos [SEED=7]; one case: reelfold chaos --case NAME; ten minutes at random: reelfold chaos --minutes 10
chaos: installed
	@$(BIN)/reelfold chaos --all $(if $(SEED),--seed $(SEED))

# make bench [STAGES="fold replay"]: each stage beside its peers and its floor; takes long, on a quiet machine
bench: installed
	@for stage in $(or $(STAGES),fold fold-clickhouse fold-both replay ingest feed fanout viral latency growth transcode); do \
	  $(BIN)/reelfold bench $$stage --into infra/bench/results || exit 1; done
	@$(BIN)/reelfold bench-report

format:
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The data of the local stack; the cache folder stays.
clean: down
	rm -rf "$(or $(REELFOLD_DATA),.reelfold)"
