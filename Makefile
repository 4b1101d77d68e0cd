# Each target is a line or two; what needs more is a program of its own.
.PHONY: help dev demo test ci lint style doc fmt fix deny unused prepare histories bench faults base seed screenshots

CARGO ?= cargo
BENCH_PROFILE ?= dev
BUILT = target/$(BENCH_PROFILE:dev=debug)
DENY_VERSION := 0.20.2
MACHETE_VERSION := 0.9.2
TOOLS := $(CURDIR)/target/tools
# Of the whole workspace, so that what it is made of has the features that every other build here gives it.
WITH_POSTGRES = $(CARGO) build --quiet --workspace --example with_postgres && target/debug/examples/with_postgres --migrations migrations
# Stories wait more than they work.
THREADS = $(shell python3 -c 'import os; print(os.cpu_count() * 3 // 2)')
CLIPPY := $(CARGO) clippy --workspace --all-targets -- -D warnings

help: ## what can be made here
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

dev: ## everything on this machine, with nothing to install by hand; Ctrl-C stops it
	@test -e target/debug/sendpromptly || echo "the first build takes about ten minutes on two cores, later ones some seconds"
	$(CARGO) run --package sendpromptly -- dev

demo: ## the whole story against a running `make dev`
	$(CARGO) run --quiet --package sendpromptly -- demo

# The libraries come while the build leaves the network idle; a story that finds them missing installs them, and says what is wrong.
test: ## every test, on real engines and a real browser that are found or installed; T=name: those named so
	@python3 scripts/install_browser.py >/dev/null
	@python3 scripts/install_test_libraries.py >/dev/null 2>&1 &
	$(CARGO) build --workspace --all-targets
	TMPDIR=$$(python3 scripts/choose_scratch.py) RUST_TEST_THREADS=$${RUST_TEST_THREADS:-$(THREADS)} $(CARGO) test --workspace $(T)

lint: style doc ## format, clippy, documentation, file sizes, links, snapshots, whose rows statements touch
	$(CLIPPY)

style:
	$(CARGO) fmt --all --check
	python3 scripts/check_sizes.py
	python3 scripts/check_docs.py
	python3 scripts/check_snapshots.py
	python3 scripts/check_isolation.py
	python3 -m unittest discover --quiet --start-directory scripts

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --quiet

fmt: ## formats the Rust code
	$(CARGO) fmt --all

fix: ## does what clippy proposes, then formats
	$(CARGO) clippy --workspace --all-targets --fix --allow-dirty --allow-staged
	$(CARGO) fmt --all

deny: $(TOOLS)/bin/cargo-deny ## licences, bans and sources of what we depend on
	$(TOOLS)/bin/cargo-deny check bans licenses sources

unused: $(TOOLS)/bin/cargo-machete ## dependencies that nothing uses
	$(TOOLS)/bin/cargo-machete

prepare: ## regenerate .sqlx after a query or a migration changed
	$(WITH_POSTGRES) python3 scripts/prepare_sqlx.py

histories: ## record the golden histories again after a workflow changed on purpose
	RECORD_HISTORIES=1 $(CARGO) test --package e2e --test it histories::

screenshots: ## pictures of every page in target/screenshots: light and dark, wide and on a phone
	$(CARGO) run --package e2e --example screenshots

bench: $(if $(BASE),base) ## measures speed and cost; BENCH_PROFILE=release measures that build, BASE=commit another beside it, BENCH='--only receipts'
	$(CARGO) build --profile $(BENCH_PROFILE) --package sendpromptly --package loadtest
	$(BUILT)/loadtest --name $$(git describe --always --dirty) $(if $(BASE),--base $(BASE)=target/bench/$(BASE)) $(BENCH)

# Built into the same target folder, so that what both depend on is compiled once.
base:
	test -d target/bench/base || git worktree add --detach target/bench/base
	git -C target/bench/base checkout --quiet --detach $(BASE)
	$(CARGO) build --profile $(BENCH_PROFILE) --package sendpromptly --manifest-path target/bench/base/Cargo.toml --target-dir target
	cp $(BUILT)/sendpromptly target/bench/$(BASE)

faults: $(if $(BASE),base) ## breaks what is around the product, under load, and checks its promises; FAULTS='--only kill-api,freeze-temporal --rounds 3', FAULTS=--list; BASE=commit upgrades from that
	$(CARGO) build --package sendpromptly --package faultlab --features sendpromptly/crash-points
	mkdir -p target/faults && cp target/debug/sendpromptly target/faults/with-crash-points
	$(CARGO) build --package sendpromptly --package faultlab
	FAKETIME_LIBRARY="$$(python3 scripts/install_faketime.py)" target/debug/faultlab --crash-points target/faults/with-crash-points --name $$(git describe --always --dirty) $(if $(BASE),--from target/bench/$(BASE)) $(FAULTS)

seed: ## fills the database that SEED='--database-url URL' names with a million events of three shops
	$(CARGO) run --package loadtest -- seed $(SEED)

# Clippy asks the database about the queries while it reads them, so that nothing is compiled for that alone.
ci: style deny unused ## everything that must hold before a change lands
	$(WITH_POSTGRES) python3 scripts/prepare_sqlx.py --check $(CLIPPY)
	$(MAKE) doc test

$(TOOLS)/bin/cargo-deny:
	$(CARGO) install cargo-deny@$(DENY_VERSION) --locked --debug --no-default-features --root $(TOOLS) --target-dir $(TOOLS)/build

$(TOOLS)/bin/cargo-machete:
	$(CARGO) install cargo-machete@$(MACHETE_VERSION) --locked --debug --root $(TOOLS) --target-dir $(TOOLS)/build
