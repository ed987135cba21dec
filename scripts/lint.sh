#!/usr/bin/env bash
# lint.sh [format]: clang-format and clang-tidy as checks, or clang-format alone. clang-tidy takes its
# commands from the debug build, which compiles each file by itself; nothing is built.
set -euo pipefail
cd "$(dirname "$0")/.."

echo 'clang-format: checking'
git ls-files '*.cpp' '*.hpp' '*.h' '*.c' | xargs clang-format --dry-run -Werror
[ "${1:-all}" = format ] && exit 0

cmake --preset dev >/dev/null
echo 'clang-tidy: checking'
# Tests are compiled with all warnings but not linted: GoogleTest's macros expand into what the
# checks refuse.
git ls-files 'src/*.cpp' | grep -v '_test\.cpp$' |
  xargs -P "$(nproc)" -n 4 clang-tidy -p build/dev --quiet 2> >(grep -v 'warnings generated' >&2)
echo 'lint: clean'
