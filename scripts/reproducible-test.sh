#!/usr/bin/env bash
# reproducible-test.sh [TARGET...]: builds twice, in two folders with names of different lengths, with
# nothing cached and at two times, and compares every byte that would be installed. The second build
# has 32 jobs (JOBS; they take some 12 GiB of memory) and no network. With TARGETs: only what those
# make, compared as they are built.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build() { # FOLDER JOBS COMMAND-PREFIX TARGET...
  local folder=$1 jobs=$2 within=$3
  shift 3
  mkdir -p "$folder/source"
  git ls-files --cached --others --exclude-standard -z | tar --null --files-from=- --create --file=- |
    tar --extract --touch --directory "$folder/source"
  CCACHE_DISABLE=1 $within cmake --preset release -S "$folder/source" -B "$folder/source/build/release" \
    -DEXTREQ_BUILD_TESTS=OFF -DEXTREQ_BUILD_BENCH=OFF >"$folder/log" 2>&1 || { cat "$folder/log"; return 1; }
  CCACHE_DISABLE=1 $within cmake --build "$folder/source/build/release" --parallel "$jobs" ${1:+--target "$@"} >"$folder/log" 2>&1 ||
    { tail -n 30 "$folder/log"; return 1; }
  if [ $# -eq 0 ]; then
    DESTDIR=$folder/made cmake --install "$folder/source/build/release" >/dev/null
  else
    mkdir -p "$folder/made"
    (cd "$folder/source/build/release" && find . -name 'lib*.a' -o -name 'lib*.so.*' -o -name '*.pc' \
      -o -path './src/cli/*' -type f -perm -u=x |
      tar --files-from=- --create --file=- | tar --extract --directory "$folder/made")
  fi
}

sums() { (cd "$1/made" && find . -type f -print0 | sort -z | xargs -0 sha256sum); }

without_network='unshare --user --map-root-user --net'
$without_network true || { echo 'no network namespaces here: the second build has a network' >&2; without_network=; }
build "$work/one" "$(nproc)" '' "$@"
build "$work/another-folder-with-a-longer-name" "${JOBS:-32}" "$without_network" "$@"
sums "$work/one" >"$work/sums.one"
sums "$work/another-folder-with-a-longer-name" >"$work/sums.two"
[ -s "$work/sums.one" ] || { echo 'nothing was built' >&2; exit 1; }
diff "$work/sums.one" "$work/sums.two" || { echo 'the two builds differ' >&2; exit 1; }
echo "$(wc -l <"$work/sums.one") files, the same bytes in both builds"
