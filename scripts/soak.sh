#!/usr/bin/env bash
# soak.sh [REQUESTS [OPTION...]]: the soak (doc/reliability.md), a million requests if not said.
# Fails with the first mismatch, torn table or process that ends otherwise than it should.
set -euo pipefail
cd "$(dirname "$0")/.."
requests=${1:-1000000}
shift || true
export EXTREQ_TEST_KEYS=${EXTREQ_TEST_KEYS:-$PWD/build/test-keys}
scripts/build.sh release extreq_soak
echo "machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, $(uname -r); $(date -u +%F)"
build/release/tests/soak/extreq_soak --requests "$requests" "$@"
