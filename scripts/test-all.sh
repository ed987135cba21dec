#!/usr/bin/env bash
# Every test that the project has, in the order in which failures are cheapest to find. The ctest
# summary of the last part closes the run.
set -euo pipefail
cd "$(dirname "$0")/.."

started=$SECONDS
part() { printf '\n== %s (at %d s) ==\n' "$1" $((SECONDS - started)); }

part 'build and unit tests, optimised'
scripts/test-preset.sh release
part 'AddressSanitizer and UndefinedBehaviorSanitizer'
scripts/test-preset.sh asan
part 'ThreadSanitizer'
scripts/test-preset.sh tsan
part 'fuzzers'
scripts/build.sh fuzz
fuzz/run.sh
part 'lint'
scripts/lint.sh
part 'summary: the optimised tests once more in their last state'
ctest --test-dir build/release --output-on-failure --parallel "$(nproc)"
printf '\nAll parts passed in %d s.\n' $((SECONDS - started))
