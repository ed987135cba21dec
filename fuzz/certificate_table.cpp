// Certificate tables as a host writes them: attestation::CertificateTable.
#include "attestation/certificate_table.hpp"

#include "fuzz/input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace extreq;
  const ByteView bytes(data, size);
  const auto table = attestation::CertificateTable::parse(bytes);
  if (!table) {
    fuzz::require(table.error().code == Code::invalid_input, "its only failure");
    return 0;
  }
  attestation::CertificateTableBuilder builder;
  std::size_t total = 0;
  for (const auto& entry : table->entries()) {
    total += entry.data.size();
    const auto found = table->find(entry.guid);
    fuzz::require(found && std::ranges::equal(*found, entry.data), "an entry is found");
    fuzz::require(attestation::to_text(entry.guid).size() == 36, "a GUID's text");
    fuzz::require(builder.add(entry.guid, entry.data).has_value(), "what is read can be written");
    fuzz::require(!builder.add(entry.guid, entry.data), "no GUID is written twice");
  }
  fuzz::require(total <= size, "no byte is handed out twice");
  fuzz::require(table->entries().size() <= attestation::CertificateTable::max_entries, "bounded");
  fuzz::require(!builder.add(attestation::Guid{}, bytes), "a nil GUID is the end");

  const Bytes written = builder.build();
  fuzz::require(attestation::pages_for(written.size()) * abi::ghcb::page_size >= written.size(),
                "the pages suffice");
  fuzz::require(attestation::bytes_of(*table) == (table->empty() ? Bytes() : written),
                "a table's bytes are what the builder writes");
  const auto again = attestation::CertificateTable::parse(written);
  fuzz::require(again && again->entries().size() == table->entries().size(), "a round trip");
  for (std::size_t i = 0; i < again->entries().size(); ++i) {
    fuzz::require(again->entries()[i].guid == table->entries()[i].guid &&
                      again->entries()[i].data == table->entries()[i].data,
                  "a round trip keeps the entries");
  }
  return 0;
}
