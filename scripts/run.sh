#!/usr/bin/env bash
# What `make run` shows: Debian's stock kernel as an SNP guest. Where no kernel can be had, says so
# and runs the demo in one process.
set -euo pipefail
cd "$(dirname "$0")/.."
program=build/release/src/cli/extreq

if ! kernel=$(scripts/fetch-kernel.sh); then
  echo 'The kernel could not be downloaded; looking in /boot.' >&2
  kernel=$(find /boot -name 'vmlinuz-*' -readable 2>/dev/null | sort -V | tail -n 1)
fi
if [ -n "$kernel" ] && "$program" boot --scan --kernel "$kernel" >/dev/null; then
  exec "$program" boot --kernel "$kernel"
fi
echo '*** No kernel that can run as an SNP guest: showing the demo in one process instead. ***' >&2
exec "$program" demo --vcpus 4 --requests 2000 --rotate
