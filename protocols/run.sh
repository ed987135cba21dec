#!/usr/bin/env bash
# Checks the models with spin: what must hold holds in every reachable state, and each variant that
# breaks a rule is found out. Needs spin and a C compiler; exits with 77 where they are absent.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if ! command -v spin >/dev/null || ! command -v cc >/dev/null; then
  echo "*** No spin: the models of protocols/ are not checked. ***" >&2
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# check holds|fails NAME SAFETY|LIVENESS [-DMACRO...]
check() {
  local wanted=$1 name=$2 kind=$3
  shift 3
  local folder=$work/${name// /_}
  mkdir "$folder"
  cd "$folder"
  spin "$@" -a "$here/lock.pml" >spin.log 2>&1 || {
    cat spin.log >&2
    return 1
  }
  if [ "$kind" = SAFETY ]; then
    cc -O2 -w -DSAFETY -DCOLLAPSE -DMEMLIM=4096 -o pan pan.c
    ./pan -m1000000 >pan.log 2>&1 || true
  else
    cc -O2 -w -DNFAIR=6 -DCOLLAPSE -DMEMLIM=4096 -o pan pan.c
    ./pan -a -f -m1000000 >pan.log 2>&1 || true
  fi
  local states errors
  states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' pan.log | head -n 1)
  errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log | head -n 1)
  if [ -z "$errors" ] || grep -q 'max search depth too small\|out of memory\|max size of hash' pan.log; then
    echo "protocols: $name: the search did not end:" >&2
    cat pan.log >&2
    failures=$((failures + 1))
  elif { [ "$wanted" = holds ] && [ "$errors" -eq 0 ]; } ||
    { [ "$wanted" = fails ] && [ "$errors" -gt 0 ]; }; then
    printf 'ok  %-7s %-46s %s states\n' "$wanted" "$name" "$states"
  else
    echo "protocols: $name: wanted that it $wanted; errors: $errors" >&2
    cat pan.log >&2
    failures=$((failures + 1))
  fi
}

check holds 'the protocol' SAFETY
check holds 'readers that keep copies' SAFETY -DCOPIES -DUPDATES=2 -DKILLS=1
check holds 'a foreign writer' SAFETY -DFOREIGN_WRITER -DUPDATES=2 -DKILLS=1
check holds 'updates end' LIVENESS -DLIVENESS

check fails 'no lock' SAFETY -DNO_LOCK
check fails 'no tombstone' SAFETY -DNO_TOMBSTONE
check fails 'rename' SAFETY -DRENAME -DUPDATES=1 -DKILLS=0
check fails 'one description for two vCPUs' SAFETY -DONE_DESCRIPTION
check fails 'a command without the description' SAFETY -DNO_INHERITANCE -DNO_KEEPER
check fails 'a command that closes descriptors, no keeper' SAFETY -DNO_KEEPER
check fails 'updater and keeper both killed' SAFETY -DBOTH_KILLED
check fails 'the first entry first' SAFETY -DENTRY_FIRST
check fails 'a foreign writer beside a sole writer' SAFETY -DCOPIES -DFOREIGN_WRITER -DUPDATES=1 -DKILLS=0
check fails 'readers that do not stay back' LIVENESS -DLIVENESS -DNO_STAY_BACK

[ "$failures" -eq 0 ] || exit 1
