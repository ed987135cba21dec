#!/usr/bin/env bash
# package-test.sh [QUICK]: makes the Debian packages, checks them with lintian, and takes them through
# a life on a fresh Debian 12 of its own under systemd: installed, started on a model platform, a
# guest booted with its certificates, upgraded, purged. Nothing may be left. Needs root, and the
# mirrors that this machine's apt uses.
#
# QUICK: with the packages that are there.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" -eq 0 ] || { echo "package-test.sh needs root: it makes and boots a root file system" >&2; exit 1; }
[ "${1:-}" = QUICK ] || scripts/package.sh
scripts/install-dependencies.sh packages
scripts/fetch-kernel.sh >/dev/null

folder=$PWD/build/package
root=$folder/root
say() { printf '\n== %s\n' "$*"; }

say 'lintian'
lintian --fail-on error,warning --display-level '>=warning' --allow-root "$folder"/*.changes
echo 'no errors, no warnings'

say 'the unit'
unit=packaging/systemd/extreq-host.service
systemd-analyze security --offline=true --threshold=30 "$unit" | tail -n 1

say 'a fresh Debian 12'
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
sources() {
  apt-get indextargets --format "deb [signed-by=$keyring] \$(REPO_URI) \$(RELEASE) main" \
    'Created-By: Packages' | grep -E ' bookworm(-[a-z]+)? main$' | sort -u
}
if [ ! -f "$folder/debian.tar" ]; then
  # What our packages depend on belongs to the root, so that what purging leaves is ours. The packages
  # themselves know it.
  needed=$(for package in "$folder"/*.deb; do
    dpkg-deb --field "$package" Depends | tr ',' '\n' | sed 's/[(|].*//; s/ //g'
  done | grep -v -e '^libextreq' -e '^extreq' -e '^$' | sort -u | paste -sd,)
  sources | mmdebstrap --quiet --format=tar --variant=apt --include="dbus,systemd-sysv,qemu-system-x86,$needed" \
    bookworm "$folder/debian.tar.part" -
  mv "$folder/debian.tar.part" "$folder/debian.tar"
fi
rm -rf "$root"
mkdir -p "$root"
tar --extract --file "$folder/debian.tar" --directory "$root" --exclude './dev/*'

say 'the same packages, a version later'
next=$folder/next
rm -rf "$next"
mkdir -p "$next"
for package in "$folder"/*.deb; do
  dpkg-deb --raw-extract "$package" "$next/files"
  # Also in the dependencies among them.
  version=$(dpkg-deb --field "$package" Version)
  sed -i "s/^\(Version: \)$version\$/\1$version+1/; s/(= $version)/(= $version+1)/g" \
    "$next/files/DEBIAN/control"
  dpkg-deb --build "$next/files" "$next" >/dev/null
  rm -rf "$next/files"
done
ls "$next" | wc -l

mkdir -p "$root/mnt/packages" "$root/mnt/next" "$root/mnt/kernels"
cp "$folder"/*.deb "$root/mnt/packages/"
cp "$next"/*.deb "$root/mnt/next/"
cp -rL build/kernels/host/boot build/kernels/host/lib build/kernels/busybox "$root/mnt/kernels/"
install -m 755 tests/package/inside.sh "$root/mnt/inside.sh"
install -m 644 tests/package/package-test.service "$root/etc/systemd/system/"
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -sf ../package-test.service "$root/etc/systemd/system/multi-user.target.wants/"

say 'its life'
timeout 1800 systemd-nspawn --quiet --directory "$root" --register=no --keep-unit --boot \
  >"$folder/boot.log" 2>&1 </dev/null || true
cat "$root/mnt/log" 2>/dev/null || { tail -n 50 "$folder/boot.log" >&2; exit 1; }
[ "$(cat "$root/mnt/result" 2>/dev/null)" = passed ] || {
  echo "package-test: failed; the root is $root" >&2
  exit 1
}
rm -rf "$root" "$next"
say 'the packages are good'
