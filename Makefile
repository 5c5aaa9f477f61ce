# Two commands do everything on a fresh machine: `make run` and `make test`.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help run test test-vm check unit bench docs format clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: ## set up, then show the whole life of a cluster on the embedded AWS
	@$(PYTHON) tools/set_up.py run
	@$(BIN)/shoal local life

test: ## set up, then run every check and every test, with one summary
	@$(PYTHON) tools/set_up.py test
	@$(BIN)/python tools/run_tiers.py

test-vm: ## set up, then test on an emulated machine what a container lacks: disks, NFS, cgroups; a few minutes
	@$(PYTHON) tools/set_up.py vm
	@$(BIN)/python tools/run_tiers.py vm

check: ## the static checks only
	@$(PYTHON) tools/set_up.py test
	@$(BIN)/python tools/run_tiers.py checks

unit: ## the quick tests only: decisions and handlers
	@$(PYTHON) tools/set_up.py test
	@$(BIN)/python tools/run_tiers.py unit functions

bench: ## set up, then measure beside ParallelCluster: builds of images, sqswatcher, nodes that join; docs/performance.md
	@$(PYTHON) tools/set_up.py bench
	@$(BIN)/python -m benchmarks

docs: ## write the generated documentation and schemas anew
	@$(PYTHON) tools/set_up.py test
	@$(BIN)/python -m tools.generate_docs

format: ## format the code
	@$(PYTHON) tools/set_up.py run
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# What uses the container engine has a moment to end; what a killed one left mounted would be in the way.
clean: ## stop the embedded AWS and remove everything that was made here
	@if [ -x $(BIN)/shoal ]; then $(BIN)/shoal local down; fi
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m embedded_aws.containers.daemon; fi
	@awk -v folder=$(CURDIR)/.tools/ 'index($$2, folder) == 1 { print $$2 }' /proc/mounts | xargs -r umount --lazy
	rm -rf .venv .tools .aws-sam build *.egg-info .coverage
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
