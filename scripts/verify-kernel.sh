#!/usr/bin/env bash
# verify-kernel.sh [VERDICTS]: the eight-lane kernel against what is right by construction, and each
# hundredth verdict against nettle and OpenSSL. Ten million take some ten minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
export EXTREQ_VERDICTS=${1:-10000000}
scripts/build.sh release extreq_p384_tests
echo "machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1); $(date -u +%F)"
build/release/src/crypto/p384/extreq_p384_tests \
  --gtest_filter='BatchVerifier.VerdictsAgreeWithConstructionAndLibraries' --gtest_brief=1
echo "$EXTREQ_VERDICTS verdicts, all right"
