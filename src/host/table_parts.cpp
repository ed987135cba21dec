#include "host/table_parts.hpp"

#include "abi/ghcb.hpp"
#include "attestation/certificate_table.hpp"
#include "base/try.hpp"
#include "crypto/crl.hpp"

namespace extreq::host {
namespace {

namespace layout = abi::ghcb::certificate_table;

Result<Bytes> build(const TableParts& parts, bool with_root, bool with_crl) {
  attestation::CertificateTableBuilder builder;
  const bool vlek = parts.kind == KeyKind::vlek;
  EXTREQ_TRY(builder.add(vlek ? layout::guid_vlek : layout::guid_vcek, parts.leaf.der()));
  EXTREQ_TRY(builder.add(layout::guid_ask, parts.intermediate.der()));
  if (with_root) EXTREQ_TRY(builder.add(layout::guid_ark, parts.root.der()));
  if (with_crl) EXTREQ_TRY(builder.add(layout::guid_crl, parts.crl));
  return builder.build();
}

}  // namespace

Result<Bytes> make_table(const TableParts& parts, std::size_t size_limit) {
  if (!parts.crl.empty()) {
    EXTREQ_TRY_ASSIGN(Bytes table, build(parts, true, true));
    if (table.size() <= size_limit) return table;
  }
  for (const bool with_root : {true, false}) {
    EXTREQ_TRY_ASSIGN(Bytes table, build(parts, with_root, false));
    if (table.size() <= size_limit) return table;
  }
  return fail(Code::too_small,
              "certificate table: leaf and intermediate alone are {} and {} bytes, the table may "
              "have {}",
              parts.leaf.der().size(), parts.intermediate.der().size(), size_limit);
}

std::optional<std::chrono::sys_seconds> crl_end_in(ByteView table) {
  const auto parsed = attestation::CertificateTable::parse(table);
  if (!parsed) return std::nullopt;
  const auto data = parsed->find(layout::guid_crl);
  if (!data) return std::nullopt;
  const auto list = crypto::RevocationList::from_pem_or_der(*data);
  // One that says nothing is as good as over.
  return list && list->next_update() ? *list->next_update() : std::chrono::sys_seconds();
}

}  // namespace extreq::host
