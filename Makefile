# Palaestra. `make run` shows it, `make` alone lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV ?= .venv
BIN := $(VENV)/bin
SPEC ?= configs/beacons/main.yaml
RUNS ?= runs
ARGS ?=
UV ?= $(or $(wildcard $(BIN)/uv),uv)
PYTHONS := $(or $(PYTHON),python3.13 python3.12 python3.11 python3 python)
TORCH_INDEX ?=

.PHONY: help setup setup-dev setup-bench run beacons agv envgen crafter crafter-play rewards overworld overworld-controllers overworld-selector results test check bench docs lock clean

help: ## List the targets and variables
	@echo "make TARGET [VARIABLE=value ...]"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-22s %s\n", $$1, $$2}' Makefile
	@echo "Variables:"
	@echo "  PYTHON       the interpreter, 3.11 to 3.13 (default: the newest of these that is found)"
	@echo "  TORCH_INDEX  index to take torch's wheel from, e.g. PyTorch's own index of CPU wheels (pytorch.org, Get Started)"
	@echo "  SPEC         what 'make run' runs (default: $(SPEC))"
	@echo "  TASK         the one task that 'make beacons' runs (default: all, one after another)"
	@echo "  ARGS         further arguments of run, beacons, test and bench, e.g. ARGS='--set seeds=1'"

# --- environment ---

setup: $(VENV)/.installed ## Make .venv with what a run needs (once, a few minutes)

setup-dev: $(VENV)/.installed-dev ## The same, with what the tests and checks need

setup-bench: $(VENV)/.installed-bench ## Add the peers that the benches measure against (JAX, envpool, ...)

$(BIN)/python:
	@for python in $(PYTHONS); do \
	  if "$$python" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then \
	    echo "Making $(VENV) with $$("$$python" --version)"; exec "$$python" -m venv --clear $(VENV); \
	  fi; \
	done; \
	echo "Palaestra needs Python 3.11, 3.12 or 3.13 with its venv module; tried: $(PYTHONS)." >&2; \
	echo "Install one (Debian and Ubuntu: apt install python3-venv), or name it: make PYTHON=/path/to/python3.12 ..." >&2; \
	exit 1

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(call install,.,the locked dependencies)

# Not after .installed: what both need would be resolved and built twice.
$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(call install,.[dev],the locked dependencies with the test and check tools)
	@touch $(VENV)/.installed

$(VENV)/.installed-bench: $(VENV)/.installed
	$(call install,.[bench],the peers for the benches)

$(VENV)/.installed-docs: $(VENV)/.installed
	$(call install,.[docs],what makes the site of the documentation)

$(VENV)/.installed-robots: $(VENV)/.installed
	$(call install,.[robots],MuJoCo and the robot models)

# $(call install,REQUIREMENT,WHAT IN WORDS): the stamp is touched only if pip succeeds.
# The build environment obeys the lock too (PIP_CONSTRAINT for old pips, PIP_BUILD_CONSTRAINT for new ones).
# torch from PyPI brings gigabytes of CUDA on Linux. Without a GPU, and unless pip finds a CPU build by itself
# (a local wheel, a mirror), say how to do without them before they are downloaded.
# pip compiles all files one after the other, which takes longer than the rest; Python does it on all cores. It fails
# for files that are written for later Pythons.
define install
	@echo "Installing $(2) into $(VENV)"; started=$$SECONDS; index="$(TORCH_INDEX)"; \
	export PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1; \
	if [[ -z "$$index" && "$$(uname -s)" == Linux ]] && ! command -v nvidia-smi >/dev/null; then \
	  $(BIN)/python -m pip install -qq --dry-run --ignore-installed --no-deps --report - torch | grep -q '+cpu' \
	    || echo "No GPU here, but pip finds torch with CUDA only (gigabytes). For the small CPU build, stop and give" \
	            "the address of PyTorch's CPU wheels (pytorch.org, Get Started): make $(MAKECMDGOALS) TORCH_INDEX=..."; \
	fi; \
	$(BIN)/python -m pip install -qq --no-compile $${index:+--extra-index-url "$$index"} --editable '$(1)'; \
	$(BIN)/python -m compileall -qq -j 0 -x '/tests?/' \
	  "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" || true; \
	touch $@; echo "Done in $$((SECONDS - started)) s"
endef

# --- running ---

run: $(VENV)/.installed ## Train the main curriculum and write its report (under 5 minutes; run again to go on or see it)
	@$(BIN)/palaestra run $(SPEC) --resume --runs $(RUNS) $(ARGS)

beacons: $(VENV)/.installed ## Run the Words-as-Beacons study (hours; resumable; TASK=... for one task)
	@for spec in configs/beacons/study/$(or $(TASK),[a-z]*).yaml; do \
	  $(BIN)/palaestra run "$$spec" --resume --runs $(RUNS) $(ARGS); \
	done

rewards: $(VENV)/.installed-robots ## Run the motion tasks of Language to Rewards (hours; resumable)
	@for robot in quadruped manipulator; do \
	  $(BIN)/palaestra motions $$robot --runs $(RUNS)/motions $(ARGS) || exit 1; \
	done

overworld: $(VENV)/.installed ## Play Minecraft-like tasks by plans (TASK=deps, diamond, errors, tree; resumable)
	@for task in $(or $(TASK),diamond deps errors); do \
	  $(BIN)/palaestra plan "$$task" --runs $(RUNS)/plans $(ARGS) || exit 1; \
	done

overworld-controllers: $(VENV)/.installed ## Train controllers that mine, approach, explore (minutes each; resumable)
	@$(BIN)/palaestra run overworld/controllers --resume --runs $(RUNS) $(ARGS)
	@echo "Beside the scripted ones: $(BIN)/palaestra bench controllers $(RUNS)/overworld-controllers-*"
	@echo "In games: $(BIN)/palaestra plan deps --set controllers.mine=FOLDER"

overworld-selector: $(VENV)/.installed ## Train the selector of DEPS, and play games with it (resumable)
	@$(BIN)/palaestra selector --runs $(RUNS)/selector
	@$(BIN)/palaestra plan selector --set planners.trained.weights=$(RUNS)/selector/weights.safetensors \
	  --runs $(RUNS)/plans $(ARGS)

agv: $(VENV)/.installed ## Run the study of vehicles in warehouses (hours; resumable; TASK=... for one floor)
	@for task in $(or $(TASK),simple complex crossing rooms); do \
	  $(BIN)/palaestra run "configs/agv/$$task.yaml" --resume --runs $(RUNS) $(ARGS); \
	done

crafter: $(VENV)/.installed ## Train PPO on Crafter from symbols (hours; resumable; TASK=symbolic, symbolic-10m, ...)
	@for task in $(or $(TASK),symbolic symbolic-10m); do \
	  $(BIN)/palaestra run "configs/crafter/$$task.yaml" --resume --runs $(RUNS) $(ARGS); \
	done

envgen: $(VENV)/.installed ## Compare EnvGen with its baselines on Crafter (hours; resumable; TASK=heist, crafter-10m, ...)
	@$(BIN)/palaestra run configs/envgen/$(or $(TASK),crafter).yaml --resume --runs $(RUNS) $(ARGS)

crafter-play: $(VENV)/.installed ## Play Crafter in the terminal (ARGS=--window for a window)
	@$(BIN)/palaestra play Crafter --set observation=symbolic $(ARGS)

results: $(VENV)/.installed ## Write the tables and curves of docs/results from the runs in $(RUNS)
	@for run in $(RUNS)/beacons-*; do \
	  name=$$(basename "$$run"); name=$${name%-*}; \
	  $(BIN)/palaestra compare "$$run" --output docs/results/$$name.md; \
	  $(BIN)/palaestra report "$$run" --picture docs/results/$$name.svg; \
	done

bench: $(VENV)/.installed-bench ## Measure worlds and learner against their peers
	@$(BIN)/palaestra bench worlds $(ARGS)
	@$(BIN)/palaestra bench learner $(ARGS)

# --- development ---

test: $(VENV)/.installed-dev ## Run the whole test suite
	@$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.installed-dev ## Lint, formatting, types, import directions
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports

docs: $(VENV)/.installed-docs ## Write generated pages anew (every key, messages, maps of the code), and docs/ as a site
	@$(BIN)/python docs/spec_reference.py
	@$(BIN)/python docs/mistakes.py
	@$(BIN)/python docs/matrix.py
	@$(BIN)/python docs/maps.py
	@$(BIN)/sphinx-build -q -W --keep-going -b html docs build/site
	@echo "Site: build/site/index.html"

# torch pins its CUDA packages itself and CPU builds have none, so they stay out of the lock.
lock: ## Resolve constraints.txt anew (needs uv; ARGS=--upgrade for newer releases)
	@cp constraints.txt $(VENV)/constraints.new
	@$(UV) pip compile pyproject.toml --quiet --all-extras --universal --python-version 3.11 --fork-strategy fewest \
	  --no-header --no-annotate $(ARGS) --output-file $(VENV)/constraints.new >/dev/null
	@{ echo "# Every package that Palaestra and its extras install, for Python 3.11 to 3.13. Written by: make lock"; \
	   echo "# Without torch's CUDA packages: torch names their exact versions itself, and its CPU builds need none."; \
	   grep -vE '^(#|nvidia-|cuda-|triton)' $(VENV)/constraints.new; } > constraints.txt

clean: ## Remove build leftovers and caches (runs and .venv stay)
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find platform worlds teachers agents tests -name __pycache__ -type d -prune -exec rm -rf {} +
