# Two commands: `make demo` audits the bundled captures, `make test` checks everything.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
CARGO ?= cargo
BIN := target/release/nightaudit

.PHONY: demo test setup build lint unit bench

demo: build
	@scripts/demo $(BIN)

test: setup lint unit

# libpcap's headers are the one thing that cargo cannot bring.
setup:
	@scripts/setup

build: setup
	@$(CARGO) build --release --locked

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) check --locked --no-default-features

unit:
	$(CARGO) test --locked

bench: setup
	$(CARGO) bench --locked
