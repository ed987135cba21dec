#!/usr/bin/env bash
# What `make run` shows: Debian's stock kernel as an SNP guest, downloaded and unpacked but not
# installed. Where it cannot be had: the newest usable kernel of /boot (or of $EXTREQ_BOOT_FOLDER).
# Where there is none of these, or no emulator: says so, and runs the demo in one process.
set -euo pipefail
cd "$(dirname "$0")/.."
program=build/release/src/cli/extreq

# Whether the kernel has all that an SNP guest needs, and modules beside it.
usable() {
  local why
  why=$("$program" measure --kernel "$1" 2>&1 >/dev/null) && return 0
  echo "$1 cannot be used: $why" >&2
  return 1
}

demo() {
  printf '\n*** %s: showing the demo in one process instead. ***\n\n' "$1" >&2
  exec "$program" demo --vcpus 4 --requests 2000 --rotate
}

command -v qemu-system-x86_64 >/dev/null ||
  demo 'There is no qemu-system-x86_64, so no kernel can run here'
if kernel=$(scripts/fetch-kernel.sh) && usable "$kernel"; then
  exec "$program" boot --kernel "$kernel"
fi
boot=${EXTREQ_BOOT_FOLDER:-/boot}
echo "No kernel from the packages; looking in $boot." >&2
while read -r kernel; do
  if usable "$kernel"; then
    exec "$program" boot --kernel "$kernel"
  fi
done < <(find "$boot" -name 'vmlinuz-*' -readable 2>/dev/null | sort -rV)
demo 'No kernel that can run as an SNP guest was found'
