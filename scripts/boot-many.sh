#!/usr/bin/env bash
# boot-many.sh [N]: boots the stock kernel N times in a row (20 if not given) and fails with the
# first boot that does. Prints how long each took to the report.
set -euo pipefail
cd "$(dirname "$0")/.."
program=${EXTREQ_PROGRAM:-build/release/src/cli/extreq}
platform=$(mktemp -d)
trap 'rm -rf "$platform"' EXIT
for ((i = 1; i <= ${1:-20}; ++i)); do
  "$program" boot --json --platform "$platform/model" |
    python3 -c 'import json,sys; r=json.load(sys.stdin); assert r["genuine_outside"]; print(f"{r[\"seconds_to_report\"]:.2f} s")' ||
    { echo "boot $i failed" >&2; exit 1; }
done
if pgrep -f 'memdev=private,addr=' >/dev/null; then
  echo 'emulators are left' >&2
  exit 1
fi
