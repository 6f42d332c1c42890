# The one command surface. `make help` lists the commands.
#
#   PYTHON=…              the Python that makes .venv, 3.11 or newer
#   ARGS=…                passed on, e.g. `make rehearse ARGS="--json report.json"`, `make test ARGS="-k vault"`
#   PROVIDERS=installed   use the installed Pulumi plugins of AWS and Vault instead of the stand-ins

PYTHON ?= python3
PROVIDERS ?=
export PROVIDERS

# Installed by `environment`.
venv := .venv/bin
checked := $(wildcard *.py components iam_hardening rehearsal tests)

.DEFAULT_GOAL := help
.PHONY: help setup environment rehearse mutants report sandbox sandbox-down client-config doctor revoke-sessions jit jit-revoke jit-sweep jit-audit root-keys verify adopt test test-unit check format lock credential-actions clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: environment ## Make .venv and build the pinned tools; quick when nothing changed
	@$(venv)/python -m rehearsal.tools

environment:
	@$(PYTHON) -m rehearsal.environment

rehearse: setup ## Deploy both accounts to an emulated AWS and a live Vault, and prove every claim
	@$(venv)/python -m rehearsal $(ARGS)

report: setup ## Rehearse, and write it as report/report.html and .md: [FROM=earlier.json]
	@$(if $(FROM),,$(venv)/python -m rehearsal --json report/rehearsal.json $(ARGS) || test $$? -eq 1)
	@$(venv)/python -m iam_hardening.commands.report --from '$(or $(FROM),report/rehearsal.json)'

mutants: setup ## Make every deployed policy worse in every way; a claim must notice each time
	@$(venv)/python -m rehearsal mutants $(ARGS)

sandbox: setup ## Leave the rehearsal's world running for hands-on use (see .sandbox/env)
	@$(venv)/python -m rehearsal sandbox $(ARGS)

sandbox-down: environment ## End a running sandbox
	@$(venv)/python -m rehearsal sandbox-down

client-config: environment ## Print AWS profiles: PERSON=Administrator DEVICE=phone [TOOL=awsume]
	@$(venv)/python -m iam_hardening.commands.client_config --person '$(PERSON)' --device '$(DEVICE)' $(if $(TOOL),--tool '$(TOOL)')

doctor: environment ## What is in a person's way: PERSON=Administrator [STACK=dev ROLE=test_role VAULT_ROLE=test]
	@$(venv)/python -m iam_hardening.commands.doctor --person '$(PERSON)' $(if $(STACK),--stack '$(STACK)') \
		$(if $(ROLE),--role '$(ROLE)') $(if $(VAULT_ROLE),--vault-role '$(VAULT_ROLE)') $(ARGS)

root-keys: environment ## List and delete a member account's root access keys: ACCOUNT=dev
	@$(venv)/python -m iam_hardening.commands.root_keys --account '$(ACCOUNT)'

revoke-sessions: environment ## End every live session of a role: ROLE=test_role STACK=dev [ARGS=--yes]
	@$(venv)/python -m iam_hardening.commands.revoke_sessions --role '$(ROLE)' --stack '$(STACK)' $(ARGS)

jit-revoke: environment ## End all just-in-time access of a Vault role: ROLE=test STACK=dev [ARGS=--yes]
	@$(venv)/python -m iam_hardening.commands.jit.revoke --role '$(ROLE)' --stack '$(STACK)' $(ARGS)

jit-sweep: environment ## Delete users that Vault should have deleted and did not: STACK=dev [ARGS=--yes]
	@$(venv)/python -m iam_hardening.commands.jit.sweep --stack '$(STACK)' $(ARGS)

jit-audit: environment ## Who got which just-in-time credentials when: STACK=dev LOG=audit.log
	@$(venv)/python -m iam_hardening.commands.jit.audit --stack '$(STACK)' --log '$(LOG)' $(ARGS)

verify: environment ## Compare a live account with its stack file, read-only: STACK=dev [ARGS=--print-policy]
	@$(venv)/python -m iam_hardening.commands.verify --stack '$(STACK)' $(ARGS)

jit: environment ## Ask Vault for just-in-time credentials: ROLE=test STACK=dev [ARGS=--export]
	@$(venv)/python -m iam_hardening.commands.jit.issue --role '$(ROLE)' --stack '$(STACK)' $(ARGS)

adopt: environment ## Compare an account that already lives with its stack, write the import file: STACK=dev
	@$(venv)/python -m iam_hardening.commands.adopt --stack '$(STACK)' $(ARGS)

test: setup ## Run all tests
	@$(venv)/python -m pytest $(ARGS)

test-unit: environment ## Run the tests that need no server and no network
	@$(venv)/python -m pytest -m "not emulator and not engine" $(ARGS)

check: environment ## Lint (the policies, too), formatting, types, and that the lock fits the requirements
	@$(venv)/python -m rehearsal.environment check-lock
	$(venv)/ruff check
	$(venv)/ruff format --check
	$(venv)/mypy $(checked)
	$(venv)/python -m pytest -q tests/program/test_policy_lint.py

credential-actions: environment ## Add what AWS has added to iam_hardening/aws/credential_actions.yaml, to be judged
	@$(venv)/python tools/credential_actions.py

format: environment ## Format the code and mend what ruff can mend
	$(venv)/ruff check --fix-only
	$(venv)/ruff format

lock: environment ## Resolve the requirements again (newer versions: ARGS=--upgrade)
	$(venv)/python -m rehearsal.environment lock $(ARGS)

clean: ## Remove what setup, tests and checks left in the tree
	rm -rf .venv .tools .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
