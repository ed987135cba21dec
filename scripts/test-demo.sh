#!/usr/bin/env bash
# test-demo.sh EXTREQ: the project's one invariant at full size. 20,000 requests by eight processors
# while the TCB rotates must see no mismatch, in both exit ABIs; without the lock they must see
# some, which proves that the run can fail.
set -euo pipefail
extreq=$1

count() { # FIELD JSON
  python3 -c 'import json, sys; print(json.loads(sys.argv[2])[sys.argv[1]])' "$1" "$2"
}

for abi in merged review; do
  result=$("$extreq" demo --vcpus 8 --requests 20000 --rotate --exit-abi "$abi" --json)
  printf '%s: %s requests, %s mismatches, %s changes of the TCB, %s s\n' "$abi" \
    "$(count requests "$result")" "$(count mismatches "$result")" \
    "$(count rotations "$result")" "$(count elapsed_seconds "$result")"
  [ "$(count requests "$result")" -eq 20000 ]
  [ "$(count mismatches "$result")" -eq 0 ]
  [ "$(count genuine "$result")" -eq 20000 ]
done
result=$("$extreq" demo --vcpus 4 --requests 1000 --rotate --no-lock --json)
printf 'without the lock: %s requests, %s mismatches\n' "$(count requests "$result")" \
  "$(count mismatches "$result")"
[ "$(count mismatches "$result")" -gt 0 ]
