# The two commands that matter: `make run` and `make test`. Both install what they need.
SHELL := /bin/bash
.DEFAULT_GOAL := help

.PHONY: help setup run build test test-release test-asan test-tsan fuzz lint format bench verify-kernel \
        soak storm install package package-test walk reproducible-test clean

help:  ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup:  ## install build and test dependencies (Debian packages)
	@scripts/install-dependencies.sh

build: setup  ## optimised build in build/release
	@scripts/build.sh release

run: setup  ## build the program, then boot a stock kernel as an SNP guest that asks for an extended report
	@scripts/build.sh release extreq
	scripts/run.sh

test: setup  ## everything: unit tests, sanitizers, fuzzers, format
	@scripts/test-all.sh

test-release test-asan test-tsan: test-%: setup  ## unit tests in one build: release, asan or tsan
	@scripts/test-preset.sh $*

fuzz: setup  ## each fuzzer for FUZZ_SECONDS (default 10), then line coverage of its parser
	@scripts/build.sh fuzz fuzzers
	fuzz/run.sh

lint: setup  ## clang-format and clang-tidy, as checks
	@scripts/lint.sh

format:  ## clang-format in place
	git ls-files '*.cpp' '*.hpp' '*.h' '*.c' | xargs clang-format -i

verify-kernel: setup  ## ten million verdicts of the eight-lane kernel, checked
	@scripts/verify-kernel.sh

soak: setup  ## a million requests while updaters are killed, checked
	@scripts/soak.sh

storm: setup  ## ten minutes of leases beside updates that signals end, checked
	@scripts/storm.sh

bench: build  ## benchmarks; doc/performance.md explains the figures
	@scripts/bench.sh

install: build  ## install below PREFIX (default /usr/local) and DESTDIR
	cmake -S . -B build/release -DCMAKE_INSTALL_PREFIX=$(or $(PREFIX),/usr/local) >/dev/null
	cmake --build build/release -- --quiet
	cmake --install build/release

package: setup  ## Debian packages in build/package
	@scripts/package.sh

package-test: setup  ## packages through a life on a fresh Debian 12: needs root, takes minutes
	@scripts/package-test.sh

walk: setup  ## every command of the documents that can be run, as it is printed
	@scripts/walk.sh

reproducible-test: setup  ## two whole builds in two folders: the same bytes?
	@scripts/reproducible-test.sh

clean:  ## remove the build folder
	rm -rf build
