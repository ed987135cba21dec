#!/usr/bin/env bash
# bench.sh [OPTION...]: runs every benchmark of the optimised build and makes
# doc/performance-figures.md and doc/performance-*.svg of what they say: Google Benchmark's programs,
# batches, boots, and the mirror beside nginx. The options go to each of the first, after ours.
# EXTREQ_BUILD names another build folder, EXTREQ_BENCH_OUTPUT another folder for what is made.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${EXTREQ_BUILD:-build/release}
output=${EXTREQ_BENCH_OUTPUT:-doc}
results=build/bench
rm -rf "$results"
mkdir -p "$results" "$output"

describe_machine() {
  local cpu ifma=without system compiler
  cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
  grep -qw avx512ifma /proc/cpuinfo && ifma=with
  system=$(sed -n 's/^PRETTY_NAME="\(.*\)"$/\1/p' /etc/os-release)
  compiler=$("$(sed -n 's/^CMAKE_CXX_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")" --version | head -n 1)
  echo "$cpu, $(nproc) cores, $ifma AVX-512 IFMA; $system, Linux $(uname -r); ${compiler##*/}."
}

describe_machine | tee "$results/machine.txt"
found=
for program in "$build"/bench/bench_*; do
  [ -x "$program" ] || continue
  found=1
  name=$(basename "$program")
  echo "== $name =="
  # In random order, so that what disturbs for a while disturbs a benchmark and its peer alike.
  "$program" --benchmark_repetitions=5 --benchmark_enable_random_interleaving=true \
    --benchmark_display_aggregates_only=true --benchmark_out_format=json \
    --benchmark_out="$results/${name#bench_}.json" "$@"
done
[ -n "$found" ] || { echo "no benchmarks in $build/bench; make build first" >&2; exit 1; }
echo '== verify --batch =='
python3 -B scripts/bench-batch.py "$build" "$results/batch.json"
echo '== extreq boot =='
if ls build/kernels/host/boot/vmlinuz-* >/dev/null 2>&1 || scripts/fetch-kernel.sh host; then
  python3 -B scripts/bench-machine.py "$build/src/cli/extreq" --runs 5 --json "$results/boot.json"
else
  echo '*** No kernel: boots are not measured. ***' >&2
fi
echo '== mirror and nginx =='
if command -v wrk >/dev/null; then
  python3 -B scripts/bench-fleet.py "$build/src/cli/extreq" --json "$results/fleet.json"
else
  echo '*** No wrk: the mirror is not measured. ***' >&2
fi
python3 -B scripts/bench-report.py "$results" "$output"
