# Everything a developer types. Needs GNU make and Python 3.11 or newer; the rest is set up in .venv by itself.
#
# A stamp per kind of set-up lies in .venv: what runs the gateway, and what tests it as well. A change of setup.py
# makes both stale. Programs are called as modules, so that a checkout may be moved.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/ready-to-run
TEST := $(VENV)/ready-to-test

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run demo test test-slow corpora fuzz rate-out speed check clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(RUN) ## start the gateway with embedded defaults; Ctrl-C ends it
	@exec $(VENV)/bin/python -m gateway serve

demo: $(RUN) ## play the whole story on a throw-away gateway
	@exec $(VENV)/bin/python -m gateway demo

test: $(TEST) ## run the quick suite, in under a minute
	$(VENV)/bin/python -m pytest -m "not slow" -n 2

test-slow: $(TEST) ## run the slow suites; those that need Postfix, Dovecot or PostgreSQL are skipped without
	$(VENV)/bin/python -m pytest -m slow
	HELPDESK_TEST_DATABASE=postgresql $(VENV)/bin/python -m pytest -m "not slow" \
		tests/api tests/anomalies tests/journeys tests/gateway/test_database.py tests/gateway/test_outbox.py \
		tests/gateway/test_tokens.py tests/mail/test_courier.py tests/mail/test_imap.py tests/mail/test_importing.py \
		tests/mail/test_outgoing.py

corpora: $(TEST) ## hold real mails of ../shared/corpora, where they are, against what is expected of them
	$(VENV)/bin/python -m pytest -m slow tests/corpora

SEED ?= 1
COUNT ?= 100000
fuzz: $(TEST) ## read 100,000 mutated mails; SEED=1 COUNT=100000
	$(VENV)/bin/python -m tests.fuzz --seed $(SEED) --count $(COUNT)

rate-out: $(TEST) ## measure how many mails a second leave
	$(VENV)/bin/python -m tests.outgoing_rate

speed: $(TEST) ## measure how many old mails a second are imported
	$(VENV)/bin/python -m tests.speed.importing

check: $(TEST) ## check style, layout and types
	$(VENV)/bin/python -m ruff check .
	$(VENV)/bin/python -m ruff format --check .
	$(VENV)/bin/python -m mypy

clean: ## remove .venv and everything else that was made; your data folder stays
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# $(call set_up,what to install): the virtual environment is made if there is none, or if it does not work any more
# (its Python is gone, a set-up was broken off); else it only gets what is missing.
define set_up
@command -v $(PYTHON) >/dev/null || { \
	echo "$(PYTHON) is not installed. Helpdesk Gateway needs Python 3.11 or newer."; exit 1; }
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "$(PYTHON) is `$(PYTHON) -V`. Helpdesk Gateway needs Python 3.11 or newer: make PYTHON=python3.13 ..."; exit 1; }
@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	echo "$(PYTHON) has no venv module. Install it (on Debian and Ubuntu: apt install python3-venv)."; exit 1; }
@echo "Setting up $(VENV) ..."
@$(VENV)/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '$(1)'
endef

$(RUN): setup.py
	$(call set_up,.)
	@touch $@

$(TEST): setup.py
	$(call set_up,.[test])
	@touch $(RUN) $@
