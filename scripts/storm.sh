#!/usr/bin/env bash
# storm.sh [SECONDS [OPTION...]]: the storm (doc/reliability.md), ten minutes if not said.
# Fails if a lease had the table of another key.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-600}
shift || true
export EXTREQ_TEST_KEYS=${EXTREQ_TEST_KEYS:-$PWD/build/test-keys}
scripts/build.sh release extreq extreq_storm
echo "machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, $(uname -r); $(date -u +%F)"
build/release/tests/storm/extreq_storm --program build/release/src/cli/extreq --seconds "$seconds" "$@"
