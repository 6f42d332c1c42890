# What a developer types: one-line calls of the command line. `make help` lists the commands.
#
#   PYTHON=…              the Python that makes .venv, 3.11 or newer
#   ARGS=…                passed on, e.g. `make rehearse ARGS="--json report.json"`, `make test ARGS="-k vault"`
#   PROVIDERS=…           auto: the installed Pulumi plugins of AWS and Vault where they are, else fake providers;
#                         fake or installed: nothing but those
#
# make turns every failure into exit status 2; .venv/bin/iam-hardening has its own (docs/decisions/0014-one-command-line.md).

PYTHON ?= python3
PROVIDERS ?=
export PROVIDERS

# Installed by `environment`.
venv := .venv/bin
run := $(venv)/iam-hardening
checked := $(wildcard *.py access components iam_hardening rehearsal tests)
# Processes that run tests. More than one per core: engine tests wait for the engine most of the time.
WORKERS ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup environment rehearse mutate report sandbox test test-unit check format lock clean \
	credential-actions emulated-actions \
	mutants sandbox-down client-config doctor root-keys revoke-sessions jit jit-revoke jit-sweep jit-audit verify adopt

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: environment ## Make .venv and build the pinned tools; quick when nothing changed
	@$(run) tools

environment:
	@$(PYTHON) -m rehearsal.environment

rehearse: setup ## Deploy both accounts to an emulated AWS and a live Vault, and prove every claim
	@$(run) rehearse $(ARGS)

mutate: setup ## Make every deployed policy worse in every way; a claim must notice each time
	@$(run) mutate $(ARGS)

report: setup ## Rehearse, and write it as report/report.html and .md: [FROM=earlier.json]
	@$(run) report $(if $(FROM),--from '$(FROM)') $(ARGS)

sandbox: setup ## Leave the rehearsal running for hands-on use (see .sandbox/env)
	@$(run) sandbox $(ARGS)

test: export PROVIDERS = fake
test: setup ## Run all tests
	@$(venv)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

test-unit: environment ## Run the tests that need no server and no network
	@$(venv)/python -m pytest -n 2 --dist loadfile -m "not emulator and not engine" $(ARGS)

check: environment ## Lint (the policies, too), formatting, types, and that the lock fits the requirements
	@$(venv)/python -m rehearsal.environment check-lock
	$(venv)/ruff check
	$(venv)/ruff format --check
	$(venv)/mypy $(checked)
	$(venv)/python -m pytest -q tests/program/test_policy_lint.py

credential-actions: environment ## Add what AWS has added to iam_hardening/aws/credential_actions.yaml, to be judged
	@$(venv)/python tools/credential_actions.py

emulated-actions: environment ## Read anew what AWS lists of each action that the emulated AWS serves
	@$(venv)/python tools/emulated_actions.py

format: environment ## Format the code and mend what ruff can mend
	$(venv)/ruff check --fix-only
	$(venv)/ruff format

lock: environment ## Resolve the requirements again (newer versions: ARGS=--upgrade)
	$(venv)/python -m rehearsal.environment lock $(ARGS)

clean: ## Remove what setup, tests and checks left in the tree
	rm -rf .venv .tools .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- Names of before, for one more release: incident runbooks call them. Each says its new name.

renamed = echo 'make $@ is now: iam-hardening $(1)' >&2

mutants: setup
	@$(call renamed,mutate)
	@$(run) mutate $(ARGS)

sandbox-down: environment
	@$(call renamed,sandbox --down)
	@$(run) sandbox --down

client-config: environment
	@$(call renamed,client-config --person NAME --device NAME)
	@$(run) client-config --person '$(PERSON)' --device '$(DEVICE)' $(if $(TOOL),--tool '$(TOOL)')

doctor: environment
	@$(call renamed,doctor --person NAME [--stack NAME --role NAME --vault-role NAME])
	@$(run) doctor --person '$(PERSON)' $(if $(STACK),--stack '$(STACK)') $(if $(ROLE),--role '$(ROLE)') \
		$(if $(VAULT_ROLE),--vault-role '$(VAULT_ROLE)') $(ARGS)

root-keys: environment
	@$(call renamed,root-keys --account NAME)
	@$(run) root-keys --account '$(ACCOUNT)'

revoke-sessions: environment
	@$(call renamed,revoke-sessions --stack NAME --role NAME)
	@$(run) revoke-sessions --stack '$(STACK)' --role '$(ROLE)' $(ARGS)

jit: environment
	@$(call renamed,jit issue --stack NAME --role NAME)
	@$(run) jit issue --stack '$(STACK)' --role '$(ROLE)' $(ARGS)

jit-revoke: environment
	@$(call renamed,jit revoke --stack NAME --role NAME)
	@$(run) jit revoke --stack '$(STACK)' --role '$(ROLE)' $(ARGS)

jit-sweep: environment
	@$(call renamed,jit sweep --stack NAME)
	@$(run) jit sweep --stack '$(STACK)' $(ARGS)

jit-audit: environment
	@$(call renamed,jit audit --stack NAME --log FILE)
	@$(run) jit audit --stack '$(STACK)' --log '$(LOG)' $(patsubst --json,--json -,$(ARGS))

verify: environment
	@$(call renamed,verify --stack NAME)
	@$(run) verify --stack '$(STACK)' $(ARGS)$(if $(filter --print-policy,$(lastword $(ARGS))), both)

adopt: environment
	@$(call renamed,adopt --stack NAME)
	@$(run) adopt --stack '$(STACK)' $(ARGS)
