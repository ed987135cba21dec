#!/usr/bin/env bash
# boot-many.sh [N [KILLS]]: boots the stock kernel N times in a row (20 if not given), and then KILLS
# times more (20 if not given), each killed with `kill -9` at a random moment. Fails with the first
# boot that does, or that leaves a process or a file behind. Prints how long each took to the report.
# EXTREQ_KERNEL names another kernel, SEED repeats a run's moments.
set -euo pipefail
cd "$(dirname "$0")/.."
program=${EXTREQ_PROGRAM:-build/release/src/cli/extreq}
boots=${1:-20}
kills=${2:-20}
kernel=(${EXTREQ_KERNEL:+--kernel "$EXTREQ_KERNEL"})
seed=${SEED:-$RANDOM}
RANDOM=$seed
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Processes of these machines are known by what they inherit: others' do not count.
export EXTREQ_BOOT_MANY=$BASHPID.$seed.$(date +%N)
export TMPDIR=$work/tmp
mkdir "$TMPDIR"
ls /dev/shm >"$work/shared-before"

# Those with our mark that are emulators, or extreq itself.
left() {
  grep -lzsx "EXTREQ_BOOT_MANY=$EXTREQ_BOOT_MANY" /proc/[0-9]*/environ 2>/dev/null |
    while read -r file; do
      if cat "${file%environ}cmdline" 2>/dev/null | tr '\0' ' ' |
        grep -aq -e 'memdev=private,addr=' -e "^$program boot"; then
        echo "${file%/environ}"
      fi
    done
}

nothing_left() {
  # A killed process needs a moment to be gone: as many as it likes, up to a minute.
  for ((wait = 0; wait < 600; ++wait)); do
    [ -n "$(left)" ] || break
    sleep 0.1
  done
  [ -z "$(left)" ] || {
    echo "$1 left processes: $(left)" >&2
    exit 1
  }
  [ -z "$(ls "$TMPDIR")" ] || {
    echo "$1 left files: $(ls "$TMPDIR")" >&2
    exit 1
  }
  if ls /dev/shm | grep -vxF -f "$work/shared-before" | grep -E '^extreq-(shared|private)'; then
    echo "$1 left files in /dev/shm" >&2
    exit 1
  fi
}

for ((i = 1; i <= boots; ++i)); do
  "$program" boot "${kernel[@]}" --json --platform "$work/model" >"$work/result" || {
    echo "boot $i failed" >&2
    exit 1
  }
  python3 - "$work/result" "$i" <<'PYTHON'
import json, sys
result = json.load(open(sys.argv[1]))
assert result["genuine_in_guest"] and result["genuine_outside"], result
print(f"{sys.argv[2]}: {result['seconds_to_report']:.2f} s to the report")
PYTHON
  nothing_left "boot $i"
done
echo "seed $seed"
for ((i = 1; i <= kills; ++i)); do
  moment=$((RANDOM % 10000))
  "$program" boot "${kernel[@]}" --run 'sleep 1000' >/dev/null 2>&1 &
  sleep "$(printf '%d.%03d' $((moment / 1000)) $((moment % 1000)))"
  kill -9 $!
  wait $! 2>/dev/null || true
  nothing_left "the boot that was killed after $moment ms"
done
echo "$boots boots and $kills that were killed: no process and no file left"
