#!/usr/bin/env bash
# Every test that the project has: in the optimised build, under AddressSanitizer and
# UndefinedBehaviorSanitizer, under ThreadSanitizer; the demo at full size; fuzzers; format.
# `make lint` adds clang-tidy, which takes as long as all of this.
set -euo pipefail
cd "$(dirname "$0")/.."

started=$SECONDS
part() { printf '\n== %s (at %d s) ==\n' "$1" $((SECONDS - started)); }

part 'kernels for the boot test'
for suite in host bookworm-backports; do
  scripts/fetch-kernel.sh "$suite" ||
    echo "*** No kernel of suite $suite: the boot test leaves it out. ***" >&2
done
part 'optimised build: unit tests'
scripts/test-preset.sh release
part 'optimised build: the demo at full size, under the lock and without it'
scripts/test-demo.sh build/release/src/cli/extreq
part 'AddressSanitizer and UndefinedBehaviorSanitizer'
scripts/test-preset.sh asan
part 'ThreadSanitizer'
scripts/test-preset.sh tsan
part 'fuzzers'
scripts/build.sh fuzz fuzzers
fuzz/run.sh
part 'format'
scripts/lint.sh format
printf '\nAll parts passed in %d s.\n' $((SECONDS - started))
