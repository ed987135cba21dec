#!/usr/bin/env bash
# build.sh PRESET [TARGET...]: configures once, then builds.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift
log=build/$preset-configure.log
mkdir -p build
if [ ! -f "build/$preset/build.ninja" ]; then
  cmake --preset "$preset" >"$log" 2>&1 || {
    cat "$log" >&2
    exit 1
  }
fi
cmake --build --preset "$preset" ${1:+--target "$@"} -- --quiet
