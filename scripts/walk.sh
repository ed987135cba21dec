#!/usr/bin/env bash
# walk.sh: a newcomer's walk: every command of the documents that can be run is run as it is printed,
# those that boot guests too.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install-dependencies.sh
scripts/build.sh release
scripts/fetch-kernel.sh >/dev/null
python3 -B tests/documents_test.py "$PWD" "$PWD/build/release" --boot
