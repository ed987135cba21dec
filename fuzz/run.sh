#!/usr/bin/env bash
# Runs each fuzzer for FUZZ_SECONDS (default 10) on its corpus, then prints the line coverage of the
# files that it is for, and fails if one of them is below FUZZ_FLOOR percent (default 85).
#
# usage: fuzz/run.sh [FUZZER...]
# Needs the fuzz preset built (scripts/build.sh fuzz fuzzers). What is found goes to found/ in the build
# folder, what crashes to crashes/. FUZZ_BUILD names another build folder than build/fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."

export build=${FUZZ_BUILD:-build/fuzz}
export seconds=${FUZZ_SECONDS:-10}
floor=${FUZZ_FLOOR:-85}
export found=$build/found crashes=$build/crashes profiles=$build/profiles logs=$build/logs

# fuzzer: the files whose lines it has to reach
declare -A sources=(
  [amd_certificate]='src/crypto/amd_certificate.cpp src/crypto/amd_extensions.cpp
    src/crypto/amd_name.cpp src/crypto/der.cpp'
  [ovmf]='src/attestation/ovmf.cpp src/attestation/measurement.cpp'
  [policy]='src/attestation/policy_file.cpp src/attestation/policy_explain.cpp'
  [revocation_list]='src/crypto/crl.cpp'
  [report]='src/attestation/report.cpp src/attestation/tcb.cpp'
  [certificate_table]='src/attestation/certificate_table.cpp'
  [certificate_extensions]='src/attestation/extensions.cpp'
  [evidence]='src/attestation/evidence.cpp'
  [evidence_extended]='src/attestation/evidence_extended.cpp'
  [evidence_hcl]='src/attestation/evidence_hcl.cpp'
  [evidence_ioctl]='src/attestation/evidence_ioctl.cpp'
  [evidence_json]='src/attestation/evidence_json.cpp src/attestation/evidence_json_report.cpp
    src/attestation/strict_json.cpp src/base/base64.cpp'
  [evidence_tsm]='src/attestation/evidence_tsm.cpp'
  [guest_message]='src/message/envelope.cpp src/message/seal.cpp src/message/requester.cpp
    src/message/responder.cpp'
  [host_exits]='src/hypervisor/ghcb.cpp src/hypervisor/nae_event.cpp
    src/hypervisor/guest_request.cpp src/hypervisor/extended_guest_request.cpp
    src/hypervisor/certificate_exit.cpp src/hypervisor/page_state_change.cpp
    src/hypervisor/msr_protocol.cpp'
  [guest_response]='src/guest/ghcb_return.cpp src/guest/ghcb_channel.cpp
    src/guest/ghcb_exchange.cpp src/guest/response.cpp src/guest/retry.cpp'
  [host_report]='src/host/host_report.cpp'
  [lease_socket]='src/host/socket_server.cpp src/lease/socket_source.cpp
    src/lease/socket_protocol.cpp'
  [key_service]='src/host/kds_path.cpp src/host/retry_after.cpp src/host/tcb_text.cpp'
  [kernel_image]='src/machine/bzimage.cpp src/machine/decompress.cpp src/machine/decompressor.cpp
    src/machine/elf_image.cpp src/machine/site_table.cpp'
)

tool() {
  command -v "$1-14" || command -v "$1" || {
    echo "$1 is missing: install the package llvm" >&2
    exit 1
  }
}
profdata=$(tool llvm-profdata)
cov=$(tool llvm-cov)

run_one() {
  local name=$1 program=$PWD/$build/fuzz/fuzz_$1
  mkdir -p "$found/$name" "$crashes" "$profiles" "$logs"
  rm -f "$profiles/$name.profraw"
  # libFuzzer writes what it finds into the first folder and only reads the second.
  LLVM_PROFILE_FILE=$profiles/$name.profraw "$program" -max_total_time="$seconds" -timeout=10 \
    -rss_limit_mb=2048 -max_len=8192 -print_final_stats=1 -artifact_prefix="$crashes/$name-" \
    "$found/$name" "fuzz/corpus/$name" >"$logs/$name.log" 2>&1 || {
    tail -n 60 "$logs/$name.log" >&2
    echo "fuzz_$name failed; its input: $(ls -t "$crashes/$name-"* 2>/dev/null | head -n 1)" >&2
    return 1
  }
}
export -f run_one

names=("$@")
[ ${#names[@]} -gt 0 ] || mapfile -t names < <(printf '%s\n' "${!sources[@]}" | sort)
for name in "${names[@]}"; do
  [ -n "${sources[$name]:-}" ] || {
    echo "no fuzzer $name; there are: ${!sources[*]}" >&2
    exit 1
  }
  [ -x "$build/fuzz/fuzz_$name" ] || {
    echo "fuzz_$name is not built: scripts/build.sh fuzz fuzzers" >&2
    exit 1
  }
done
# The seeds are what make_corpus writes; inputs that once found something may lie beside them.
LLVM_PROFILE_FILE=/dev/null "$build/fuzz/fuzz_make_corpus" "$build/corpus"
if diff -r "$build/corpus" fuzz/corpus | grep -v '^Only in fuzz/corpus'; then
  echo 'fuzz/corpus is not what make_corpus writes: fuzz_make_corpus fuzz/corpus' >&2
  exit 1
fi

printf '%s\n' "${names[@]}" | xargs -P "$(nproc)" -I{} bash -c 'set -euo pipefail; run_one {}'

status=0
for name in "${names[@]}"; do
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$name.log")
  "$profdata" merge -sparse "$profiles/$name.profraw" -o "$profiles/$name.profdata"
  # shellcheck disable=SC2086 # a list of files
  "$cov" export -summary-only -instr-profile="$profiles/$name.profdata" "$build/fuzz/fuzz_$name" |
    python3 fuzz/coverage.py "$name" "$runs" "$floor" ${sources[$name]} || status=1
done
exit "$status"
