# Every command people use; CI calls the same ones. `make` alone lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
REPORTS ?= target/demo
PROGRAM := $(or $(CARGO_TARGET_DIR),target)/debug/soma-conformance

.PHONY: help setup stack build demo test prove lint bench schemas clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

setup: ## Install what building and testing need (Debian packages; asks for root only when one is missing)
	@fixtures/setup.sh

build: setup ## Build the program
	cargo build --locked --workspace

stack: build ## Install and build the real servers into the user's cache
	cargo run --locked --quiet -p soma-stack -- install

demo: stack ## Run every check against real local servers and leave the reports in target/demo
	cargo run --locked --quiet -p soma-stack -- run -- \
	  $(PROGRAM) run --report-dir $(REPORTS)

test: stack ## Pass every test, on real servers
	@fixtures/test.sh

prove: stack ## Break the real servers in every known way, see exactly the right checks red, and write docs/proof.md
	$(dir $(PROGRAM))soma-prove

lint: setup ## Format, clippy, the data files, one TLS provider
	cargo fmt --all -- --check
	cargo clippy --locked --workspace --all-targets --features soma-conformance/faults -- -D warnings
	cargo run --locked --quiet -- lint
	! cargo tree --locked -e normal -i ring 2>/dev/null | grep -q ring
	! cargo tree --locked -e normal -i native-tls 2>/dev/null | grep -q native-tls

bench: stack ## Compare with what one would use instead, as ratios in one run
	@benches/run.sh

schemas: build ## Write the committed JSON Schemas again
	$(PROGRAM) schema checks >reports/schema/checks.schema.json
	$(PROGRAM) schema config >reports/schema/config.schema.json
	$(PROGRAM) schema results >reports/schema/results.schema.json

clean: ## Remove what builds and runs left in target/; the servers' cache stays
	cargo clean

.PHONY: cluster-up cluster-status cluster-down cluster-demo test-cluster rbac soak
cluster-up: ## Raise a real single-node Kubernetes in namespaces of its own (root; builds it once)
	@fixtures/cluster/up.sh

cluster-status: ## Say which parts of the cluster run
	@fixtures/cluster/status.sh

cluster-demo: stack ## Have the reference release judged by a Job inside the reference cluster (root); the reports are in target/cluster-demo
	@fixtures/cluster/judge.sh $(CURDIR)/target/cluster-demo

test-cluster: stack ## Show on a real Kubernetes what only one can show: policies, rights, killed Jobs (root; builds it once)
	@fixtures/cluster/setup.sh
	cargo test --locked --workspace --features soma-conformance/faults --test cluster

rbac: build ## Write the chart's Roles again: exactly what the program needs
	for profile in dev staging prod; do $(PROGRAM) rbac --profile $$profile >deploy/chart/rbac/$$profile.yaml; done

soak: stack ## Judge healthy stacks 50 times each, alone, under load and four at once: no false red
	@benches/healthy_runs.sh 50

cluster-down: ## Remove the cluster, whatever state it is in
	@fixtures/cluster/down.sh

.PHONY: prove-cluster
prove-cluster: build ## Break the reference release on a real Kubernetes in every known way, and write docs/proof-cluster.md (root)
	@fixtures/prove-cluster/setup.sh && fixtures/cluster/up.sh && fixtures/soma-infra/up.sh && fixtures/cluster/own-image.sh
	$(dir $(PROGRAM))soma-prove-cluster

.PHONY: mutants
mutants: ## Change the program's own judging, one change at a time, and see its tests fail (an hour; no part of `make test`)
	@fixtures/mutants/run.sh
