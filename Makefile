# Needs Python 3.11 or newer, pip, make and git. `make help` lists the targets.
.DEFAULT_GOAL := help
PYTHON ?= python3
DATASET ?= sample
BIN := .venv/bin
QUERY ?= --saved-query scorecard

.PHONY: help setup run test test-slow check ui docs contracts generated metrics models bench clean lock

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: .venv/installed ## Set up .venv (the other targets do it by themselves)

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	@echo "Installing the pinned packages into .venv (a minute or two) ..."
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

run: setup ## Run the pipeline on DATASET (default: sample) and answer five example questions
	@$(BIN)/crm run --dataset $(DATASET)
	@$(BIN)/crm examples --dataset $(DATASET)

test: setup ## Run the tests
	$(BIN)/pytest -m "not slow"

test-slow: setup ## Run the slow tests: each optional channel left out, daily deliveries, odd shops, large companies (40 minutes)
	$(BIN)/pytest -m slow --dist=load

check: setup ## Lint, format, types, SQL style, dbt parse, the rules of the dbt project and portable SQL
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint --processes 2 --disable-progress-bar dbt_project/models dbt_project/tests
	$(BIN)/dbt parse --quiet --project-dir dbt_project --profiles-dir dbt_project
	$(BIN)/python -m tests.dbt.project_rules
	$(BIN)/python -m tests.dbt.portability

ui: setup ## Open the Dagster UI on DATASET's run history (http://127.0.0.1:3000)
	$(BIN)/crm ui --dataset $(DATASET)

docs: setup ## Write one HTML page on all models, columns, tests and KPIs of DATASET
	@$(BIN)/crm docs --dataset $(DATASET)

contracts: setup ## Rewrite what is made from the contracts: dbt's sources and list of channels, the table in docs/
	@$(BIN)/python -m crm_pipeline.raw.dbt_sources

generated: contracts ## Rewrite that, and what is made from the score tables, the list of KPIs and the descriptions of marts
	@$(BIN)/python -m crm_pipeline.scoring.dbt_files
	@$(BIN)/python -m crm_pipeline.dbt.kpi_files
	@$(BIN)/python -m crm_pipeline.dbt.mart_files

.venv-metrics/installed: requirements-metricflow.lock
	$(PYTHON) -m venv .venv-metrics
	.venv-metrics/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-metricflow.lock
	@touch $@

metrics: setup .venv-metrics/installed ## Ask MetricFlow of DATASET's serving file: make metrics QUERY="--saved-query scorecard"
	@$(BIN)/python -c "from crm_pipeline.config.settings import Settings; from crm_pipeline.dbt.project import manifest; manifest(Settings())"
	@DBT_PROJECT_DIR=dbt_project DBT_PROFILES_DIR=dbt_project CRM_DBT_TARGET=serving \
		CRM_SERVING=$(CURDIR)/data/local/$(DATASET)/serving/crm.duckdb .venv-metrics/bin/mf query $(QUERY)

models: setup ## Rewrite the table of models in docs/ from the published datasets
	@$(BIN)/crm models $(notdir $(patsubst %/serving/crm.duckdb,%,$(wildcard data/local/*/serving/crm.duckdb))) --into docs/models.md

bench: setup ## Time and memory by stage on the datasets at hand; models, scoring, who is who, lifetime value, recommendation at large
	$(BIN)/python -m tests.bench
	$(BIN)/python -m tests.bench_gate
	$(BIN)/python -m tests.bench_models
	$(BIN)/python -m tests.bench_texts
	$(BIN)/python -m tests.bench_identity
	$(BIN)/python -m tests.bench_scoring
	$(BIN)/python -m tests.bench_recommendation

lock: ## Resolve requirements.lock again from pyproject.toml
	$(PYTHON) -m pip install --quiet uv
	$(PYTHON) -m uv pip compile --universal --python-version 3.11 pyproject.toml --extra dev --extra complete_journey --extra postgres \
		--generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements.lock

clean: ## Remove .venv and all that runs made
	rm -rf .venv .venv-metrics data/local dbt_project/target dbt_project/logs build *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
