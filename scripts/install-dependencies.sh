#!/usr/bin/env bash
# install-dependencies.sh [packages]: installs what building and testing need, from the
# distribution's packages; `packages`: also what making and testing Debian packages needs. Does
# nothing when everything is there, so that it needs neither root nor a network then.
set -euo pipefail

packages=(
  ca-certificates
  ccache
  clang
  clang-format
  clang-tidy
  cmake
  g++
  libbenchmark-dev
  libclang-rt-14-dev
  libcli11-dev
  libcurl4-openssl-dev
  libexpected-dev
  libfmt-dev
  libgmock-dev
  libgmp-dev
  libgnutls28-dev
  libgtest-dev
  liblz4-dev
  liblzma-dev
  libmicrohttpd-dev
  libpq-dev
  libsqlite3-dev
  libssl-dev
  libsystemd-dev
  libzstd-dev
  llvm
  make
  nettle-dev
  nginx-light
  ninja-build
  nlohmann-json3-dev
  openssl
  pkg-config
  postgresql
  python3
  python3-cryptography
  qemu-system-x86
  rustc
  spin
  strace
  valgrind
  wrk
  zlib1g-dev
)
if [ "${1:-}" = packages ]; then
  packages+=(debhelper dpkg-dev fakeroot lintian mmdebstrap systemd-container)
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
  [ "$status" = "install ok installed" ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "Not root and no sudo: please install: ${missing[*]}" >&2
    exit 1
  }
  sudo=(sudo)
fi
echo "Installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${sudo[@]}" apt-get update -q
"${sudo[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}"
