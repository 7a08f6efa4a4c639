# Two commands: `make demo` audits the bundled captures, `make test` checks everything.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
CARGO ?= cargo
BIN := target/release/nightaudit

.PHONY: demo tui test test-chdb laws setup setup-tests build lint unit bench

demo: build
	@scripts/demo $(BIN)

# The terminal UI on a phone whose messenger exports at night.
tui: build
	@$(BIN) view captures/nightly-export/traffic.pcap.zst

test: setup setup-tests lint unit

# libpcap's headers are the one thing that cargo cannot bring.
setup:
	@scripts/setup

# What some tests use; they are skipped, and say so, without it.
setup-tests:
	@scripts/setup-tests

build: setup
	@$(CARGO) build --release --locked

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) check --locked --no-default-features

# The fleet's SQL on a modern engine, from PyPI; optional.
test-chdb:
	@scripts/test-chdb

# Laws are tried on the same cases each time.
unit:
	PROPTEST_RNG_SEED=20260504 $(CARGO) test --locked

# The same laws on new cases.
laws: setup
	@scripts/laws

bench: setup
	$(CARGO) bench --locked
