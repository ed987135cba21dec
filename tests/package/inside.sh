#!/usr/bin/env bash
# What scripts/package-test.sh does inside the fresh Debian: it runs as a unit of its systemd.
set -Eeuo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
platform=/var/lib/extreq/model
blob=/run/extreq/certs/host.blob
drop_in=/etc/systemd/system/extreq-host.service.d

trap 'echo "FAILED at line $LINENO: $BASH_COMMAND"; systemctl status --no-pager extreq-host || true
  journalctl --no-pager -n 30 -u extreq-host || true' ERR

say() { printf -- '-- %s\n' "$*"; }
is() { # WHAT FOUND WANTED
  [ "$2" = "$3" ] || { echo "$1: found '$2', wanted '$3'"; false; }
}

# Every file but those of the kernel, of dpkg and systemd themselves and of this test.
files() {
  find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /mnt -o -path /tmp \
    -o -path /var/lib/dpkg -o -path /var/cache -o -path /var/log -o -path /var/lib/systemd \
    -o -path /var/tmp -o -path /run/systemd -o -path /var/lib/private \) -prune -o -print | sort
  find /run/extreq /tmp/extreq* 2>/dev/null || true
  getent group | sort
  systemctl list-unit-files --no-legend --plain 'extreq*' || true
}

wait_until_active() {
  for _ in $(seq 300); do
    [ "$(systemctl is-active extreq-host)" = active ] && return 0
    sleep 0.2
  done
  return 1
}

healthy() { extreq host status --platform "$platform" --blob "$blob"; }

guest_gets_certificates() {
  local kernel
  kernel=$(ls /mnt/kernels/boot/vmlinuz-*)
  extreq boot --kernel "$kernel" --modules "$(ls -d /mnt/kernels/lib/modules/*)" \
    --busybox /mnt/kernels/busybox --platform "$platform" --cert-source "$blob" --timeout 900 \
    --run 'extreq request --extended --match --transport device'
}

# A unit that was never started may touch files of systemd: before looking, all of that is over.
files >/tmp/before

say 'install'
dpkg --install /mnt/packages/*.deb >/tmp/install 2>&1 || { cat /tmp/install; false; }
is 'enabled' "$(systemctl is-enabled extreq-host)" enabled
# No /dev/sev here: skipped, not failed.
is 'without a secure processor' "$(systemctl is-failed extreq-host || true)" inactive
getent group extreq >/dev/null
extreq --version
extreq-guest --version

say 'start the service on a model platform'
mkdir -p "$drop_in"
printf '%s\n' '[Unit]' 'ConditionPathExists=' '[Service]' 'ExecStart=' \
  "ExecStart=/usr/bin/extreq host serve --platform $platform --blob $blob --socket /run/extreq/host.socket" \
  >"$drop_in/model.conf"
systemctl daemon-reload
systemctl start extreq-host
wait_until_active
for expected in "/run/extreq 751 root:extreq" "/run/extreq/certs 751 root:extreq" \
  "/run/extreq/certs/host.blob.d 751 root:extreq" "$blob 640 root:extreq" \
  "/run/extreq/host.socket 660 root:extreq" "/var/lib/extreq 750 root:extreq"; do
  set -- $expected
  is "$1" "$(stat -c '%a %U:%G' "$1")" "$2 $3"
done
healthy
systemd-analyze security --threshold=30 extreq-host | tail -n 1

say 'a VM has a blob of its own, which its user alone may read, and the machine keeps the other'
vm=$blob.d/vm1.blob
install -m 0640 -g nogroup /dev/null "$vm"
as_vm() { setpriv --reuid nobody --regid nogroup --clear-groups "$@"; }
for _ in $(seq 300); do
  cmp -s "$vm" "$blob" && break
  sleep 0.1
done
as_vm cmp "$vm" - <"$blob"
for refused in "cat $blob" "ls $blob.d"; do
  if as_vm $refused >/dev/null 2>&1; then
    echo "the VM's user may $refused"
    false
  fi
done
rm "$vm"*

say 'a guest gets its certificates from it'
guest_gets_certificates

say 'upgrade'
inode=$(stat -c %i "$blob")
started=$(systemctl show -P MainPID extreq-host)
dpkg --install /mnt/next/*.deb >/tmp/upgrade 2>&1 || { cat /tmp/upgrade; false; }
wait_until_active
[ "$(systemctl show -P MainPID extreq-host)" != "$started" ]
is 'the blob that VMMs hold open' "$(stat -c %i "$blob")" "$inode"
healthy >/dev/null

say 'remove, then purge'
dpkg --remove $(dpkg-query -W -f '${Package}\n' 'extreq*' 'libextreq*') >/tmp/remove 2>&1 || { cat /tmp/remove; false; }
[ -e /var/lib/extreq/model ]
dpkg --purge extreq extreq-doc extreq-guest libextreq-dev libextreq-vmm2 libextreq-vmm-dev \
  libextreq-verify1 libextreq-verify-dev >/tmp/purge 2>&1 || { cat /tmp/purge; false; }
rm -r "$drop_in"
systemctl daemon-reload
files >/tmp/after
diff /tmp/before /tmp/after
say 'nothing is left'
echo passed >/mnt/result
