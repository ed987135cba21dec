#!/usr/bin/env bash
# Runs every benchmark of the optimised build and describes the machine. Copy what it prints into
# doc/performance.md when it changes there.
set -euo pipefail
cd "$(dirname "$0")/.."
echo "machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, $(uname -r)"
for program in build/release/bench/bench_*; do
  [ -x "$program" ] || continue
  echo "== $(basename "$program") =="
  "$program" --benchmark_repetitions=5 --benchmark_report_aggregates_only=true "$@"
done
