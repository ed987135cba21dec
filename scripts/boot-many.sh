#!/usr/bin/env bash
# boot-many.sh [N]: boots the stock kernel N times in a row (20 if not given) and fails with the
# first boot that does, or that leaves a process or a file behind. Prints how long each took to the
# report.
set -euo pipefail
cd "$(dirname "$0")/.."
program=${EXTREQ_PROGRAM:-build/release/src/cli/extreq}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Processes of these machines are known by what they inherit: others' do not count.
export EXTREQ_BOOT_MANY=$BASHPID.$RANDOM$RANDOM
export TMPDIR=$work/tmp
mkdir "$TMPDIR"
ls /dev/shm >"$work/shared-before"

left() {
  grep -lzsx "EXTREQ_BOOT_MANY=$EXTREQ_BOOT_MANY" /proc/[0-9]*/environ 2>/dev/null |
    while read -r file; do
      ! cat "${file%environ}cmdline" 2>/dev/null | grep -aq 'memdev=private,addr=' ||
        echo "${file%/environ}"
    done
}

for ((i = 1; i <= ${1:-20}; ++i)); do
  "$program" boot --json --platform "$work/model" >"$work/result" || {
    echo "boot $i failed" >&2
    exit 1
  }
  python3 - "$work/result" "$i" <<'PYTHON'
import json, sys
result = json.load(open(sys.argv[1]))
assert result["genuine_in_guest"] and result["genuine_outside"], result
print(f"{sys.argv[2]}: {result['seconds_to_report']:.2f} s to the report")
PYTHON
  [ -z "$(left)" ] || {
    echo "boot $i left an emulator: $(left)" >&2
    exit 1
  }
done
[ -z "$(ls "$TMPDIR")" ] || {
  echo "files left: $(ls "$TMPDIR")" >&2
  exit 1
}
if ls /dev/shm | grep -vxF -f "$work/shared-before" | grep extreq; then
  echo 'files left in /dev/shm' >&2
  exit 1
fi
echo "${1:-20} boots, no emulator and no file left"
