#!/usr/bin/env bash
# fetch-kernel.sh [SUITE]: downloads and unpacks, but never installs, Debian's stock kernel and a
# static busybox, for `extreq boot`. SUITE: the host's own configuration if not given, or for
# example bookworm-backports. Prints the path of the kernel file on the last line.
#
# apt works in a root of its own under build/kernels: neither the host's configuration nor its
# lists or cache are changed, and root is not needed. A kernel that is there already is not fetched
# again; REFRESH=1 looks for a newer one.
set -euo pipefail
cd "$(dirname "$0")/.."
suite=${1:-host}
root=$PWD/build/kernels/$suite

kernel_file() { find "$root/boot" -name 'vmlinuz-*' 2>/dev/null | sort -V | tail -n 1; }

if [ -z "${REFRESH:-}" ] && [ -n "$(kernel_file)" ] && [ -x build/kernels/busybox ]; then
  kernel_file
  exit 0
fi

apt=$root/apt
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/sources"
options=(-o "Dir::State=$apt" -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache"
  -o APT::Sandbox::User= -o APT::Get::List-Cleanup=false -o Acquire::Languages=none
  -o "Dir::State::status=/var/lib/dpkg/status" -o Debug::NoLocking=true)

if [ "$suite" != host ]; then
  # The mirror is the one that the host uses for the suite's base.
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
    awk -v base="${suite%-backports}" '$2 == base { print $1; exit }')
  [ -n "$mirror" ] || { echo "The host knows no mirror for ${suite%-backports}." >&2; exit 1; }
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  echo "deb [signed-by=$keyring] $mirror $suite main" >"$apt/sources/list"
  echo "deb [signed-by=$keyring] $mirror ${suite%-backports} main" >>"$apt/sources/list"
  options+=(-o "Dir::Etc::sourcelist=$apt/sources/list" -o Dir::Etc::sourceparts=/dev/null
    -t "$suite")
fi

echo "Looking for the kernel of suite $suite" >&2
apt-get "${options[@]}" -q update >&2

# The meta package names the kernel of the day; its dependency is the image.
image=$(apt-cache "${options[@]}" show --no-all-versions linux-image-amd64 |
  sed -n 's/^Depends: .*\(linux-image-[^ ,]*\).*/\1/p' | head -n 1)
if [ "$suite" != host ]; then
  image=$(apt-cache "${options[@]}" madison linux-image-amd64 |
    awk -F'|' -v suite="$suite" '$3 ~ suite"/" { gsub(/ /, "", $2); print $2; exit }')
  image=$(apt-cache "${options[@]}" show "linux-image-amd64=$image" |
    sed -n 's/^Depends: .*\(linux-image-[^ ,]*\).*/\1/p' | head -n 1)
fi
[ -n "$image" ] || { echo "No package linux-image-amd64 in suite $suite." >&2; exit 1; }

work=$(mktemp -d "$root/unpack.XXXXXX")
trap 'rm -rf "$work"' EXIT
(cd "$work" && apt-get "${options[@]}" -q download "$image" busybox-static >&2)
for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/files"; done

install -D -m 755 "$work/files/bin/busybox" build/kernels/busybox
rm -rf "$root/boot" "$root/lib"
mv "$work/files/boot" "$root/boot"
mkdir -p "$root/lib"
if [ -d "$work/files/usr/lib/modules" ]; then
  mv "$work/files/usr/lib/modules" "$root/lib/modules"
else
  mv "$work/files/lib/modules" "$root/lib/modules"
fi
kernel_file
