# Each target installs what it needs first and is quiet about what is already there.
#   make run    build AssetLab in release and start it (PORT, DATA_DIR, … as `assetlab --help` says)
#   make test   everything CI checks: lint, unit and integration tests, the pages in a real browser
#   make lint   formatting, lints, types and the dependency rule
#   make contract   what AssetLab asks of an S3 server, asked of yours: see CONTRIBUTING.md
#   make dev    a debug server plus pages that reload as you edit
#   make chaos  CHAOS_VIDEOS videos (default 300) while everything is killed and S3's line fails; CHAOS_SEED repeats a run
#   make fuzz   damaged and hostile files for FUZZ_SECONDS (default 600), by libFuzzer
#   make api-fuzz   all that the OpenAPI document allows and what it does not, for API_FUZZ_SECONDS (default 600)
#   make openapi   renews the API's committed description and the pages' types, after a change of routes or answers
#   make valgrind   tests of the transcoder with every access to memory checked
#   make bench  how fast it is, against the ffmpeg CLI, into benches/RESULTS.md: 45 minutes on a quiet machine
#   make screenshots   renews the pictures in docs/
#   make contact-sheet   poster and storyboard of every fixture to look at, and of every clip in ASSETLAB_CLIPS

# rustup installs here; a shell opened before that does not know it yet.
export PATH := $(HOME)/.cargo/bin:$(PATH)

frontend_sources := $(shell find frontend/src frontend/public -type f 2>/dev/null) \
	frontend/index.html frontend/vite.config.ts frontend/precompress.ts frontend/svelte.config.js frontend/tsconfig.json

.PHONY: run test lint contract dev chaos fuzz api-fuzz openapi valgrind bench screenshots contact-sheet tools moto schemathesis \
	tuspy build-packages test-packages valgrind-packages bench-packages

run: build-packages frontend/dist/index.html
	cargo build --release --locked -p standalone
	@exec target/release/assetlab

# Without this, tests that need moto are skipped where it is missing.
test contract: export MOTO_SERVER := $(CURDIR)/target/moto/bin/moto_server

# As above, for the clients that the tests of resumable uploads run.
test: export TUSPY := $(CURDIR)/target/tuspy/bin/python

test: test-packages moto schemathesis tuspy lint
	cargo test --workspace --locked
	cd frontend && npm run --silent test:unit
	cargo build --workspace --bins --locked
	API_FUZZ_SECONDS=24 scripts/api-fuzz.sh
	cd frontend && npm run --silent test:e2e

lint: build-packages frontend/dist/index.html
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cd fuzz && cargo fmt --check && cargo clippy --no-deps --locked --target-dir ../target -- -D warnings
	scripts/check-dependencies.sh
	cd frontend && npm run --silent lint

contract: test-packages moto
	cargo test --locked -p store --test contract

dev: build-packages frontend/dist/index.html
	@exec scripts/dev.sh

# Of debug binaries, since only they know fail points.
chaos: test-packages frontend/dist/index.html
	cargo build --locked --bins -p standalone -p api
	cargo test --locked -p standalone --test chaos -- --ignored --nocapture

fuzz: test-packages
	@scripts/fuzz.sh

api-fuzz: test-packages schemathesis frontend/dist/index.html
	cargo build --locked --bins -p standalone
	@scripts/api-fuzz.sh

openapi: build-packages frontend/node_modules/.package-lock.json
	RENEW_OPENAPI=1 cargo test --quiet -p api --test api openapi::the_committed_document
	cd frontend && npm run --silent types

valgrind: valgrind-packages
	@scripts/valgrind.sh

# BENCH_RUNS=3 does with fewer rounds; BENCH_CLIPS="a.mp4 b.mov" compares on clips of yours; ASSETLAB_CLIPS names the
# folder of the collection that tests/expectations is about. Each line renews its section of the results, and can be run by itself.
bench: bench-packages frontend/dist/index.html
	cargo build --release --locked -p benches -p standalone -p api -p worker
	target/release/bench compare $(BENCH_CLIPS)
	target/release/bench copy
	target/release/bench duration
	target/release/bench job
	target/release/bench claims
	target/release/bench throughput
	target/release/bench viewers
	target/release/bench cost
	target/release/bench uploads

screenshots: test-packages frontend/dist/index.html
	cargo build --workspace --bins --locked
	cd frontend && npm run --silent screenshots
	scripts/readme-pictures.sh

contact-sheet: test-packages
	cargo test --quiet --locked -p transcode --test contact_sheet -- --ignored --nocapture

tools:
	@scripts/check-tools.sh

# The S3 server that others wrote, for tests.
moto: test-packages
	@scripts/install-python-tool.sh moto "moto[server]==5.2.5"

# Tries what the API says of itself; a validator of such documents comes with it.
schemathesis: test-packages
	@scripts/install-python-tool.sh schemathesis schemathesis==4.32.5 openapi-spec-validator==0.9.0

# A client of resumable uploads that others wrote, for tests.
tuspy: test-packages
	@scripts/install-python-tool.sh tuspy tuspy==1.1.0

build-packages: tools
	@scripts/install-packages.sh build

test-packages: tools
	@scripts/install-packages.sh test

valgrind-packages: tools
	@scripts/install-packages.sh valgrind

bench-packages: tools
	@scripts/install-packages.sh bench

# npm writes this file at the end of every install.
frontend/node_modules/.package-lock.json: frontend/package.json frontend/package-lock.json frontend/.npmrc | tools
	cd frontend && npm ci --no-audit --no-fund
	@touch $@

frontend/dist/index.html: frontend/node_modules/.package-lock.json $(frontend_sources)
	cd frontend && npm run --silent build
