#!/usr/bin/env bash
# package.sh: Debian packages of the committed and uncommitted source, in build/package. The copy
# that is built is laid out as the tree itself, so that ccache's objects are the same.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install-dependencies.sh packages

version=$(sed -n 's/^project(extreq VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
packaged=$(dpkg-parsechangelog --file packaging/debian/changelog --show-field Version)
[ "$version" = "$packaged" ] || {
  echo "CMakeLists.txt says version $version, packaging/debian/changelog says $packaged" >&2
  exit 1
}
folder=$PWD/build/package
source=$folder/extreq-$version
rm -rf "$source" "$folder"/*.deb "$folder"/*.changes "$folder"/*.buildinfo
mkdir -p "$source"
git ls-files --cached --others --exclude-standard -z | tar --null --files-from=- --create --file=- |
  tar --extract --directory "$source"
cp -r packaging/debian "$source/debian"

# debhelper gives builds a home of their own: without this ccache would begin anew.
CCACHE_DIR=${CCACHE_DIR:-$(ccache --get-config cache_dir 2>/dev/null || true)}
export CCACHE_DIR CCACHE_BASEDIR=$source
cd "$source"
dpkg-buildpackage --build=binary --no-sign >"$folder/build.log" 2>&1 || {
  tail -n 50 "$folder/build.log" >&2
  exit 1
}
rm -rf "$source"
ls "$folder"/*.deb
