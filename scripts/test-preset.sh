#!/usr/bin/env bash
# test-preset.sh PRESET: builds the preset and runs its tests.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/build.sh "$1"
scripts/build-times.py "build/$1"
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
ctest --test-dir "build/$1" --output-on-failure --parallel "$(nproc)"
