#include "fuzz/host_seeds.hpp"

namespace extreq::fuzz {
namespace {

void key_service(const Corpus& corpus) {
  const auto seed = [&](const std::string& name, std::uint8_t parser, std::uint8_t product,
                        std::string_view text) {
    corpus.seed("key_service", name, repeated(parser, {{product}, to_bytes(text)}));
  };
  seed("retry-seconds", 0, 0, "30");
  seed("retry-many-seconds", 0, 0, " 99999999999999999999 ");
  seed("retry-negative", 0, 0, "-1");
  seed("retry-date", 0, 0, "Mon, 21 Sep 2026 14:14:00 GMT");
  seed("retry-rfc850", 0, 0, "Sunday, 06-Nov-94 08:49:37 GMT");
  seed("retry-asctime", 0, 0, "Sun Nov  6 08:49:37 1994");
  seed("retry-no-date", 0, 0, "Sun, 06 Nov 1994 08:49:37 CET");
  const std::string chip = to_hex(Bytes(64, 0xC1));
  const std::string query = "blSPL=04&teeSPL=00&snpSPL=22&ucodeSPL=213";
  seed("path-vcek", 1, 0, "/vcek/v1/Milan/" + chip + "?" + query);
  seed("path-vcek-turin", 1, 0, "/vcek/v1/Turin/0123456789abcdef?fmcSPL=01&" + query);
  seed("path-vlek", 1, 0, "/vlek/v1/Genoa/cert?" + query);
  seed("path-chain", 1, 0, "/vcek/v1/Genoa/cert_chain");
  seed("path-crl", 1, 0, "/vlek/v1/Milan/crl");
  seed("path-crl-with-query", 1, 0, "/vlek/v1/Milan/crl?x=1");
  seed("path-twice", 1, 0, "/vlek/v1/Milan/cert?" + query + "&blSPL=04");
  seed("path-missing", 1, 0, "/vlek/v1/Milan/cert?blSPL=04");
  seed("path-too-large", 1, 0, "/vlek/v1/Milan/cert?blSPL=256");
  seed("path-short-chip", 1, 0, "/vcek/v1/Milan/c1?" + query);
  seed("path-other-version", 1, 0, "/vcek/v2/Milan/crl");
  seed("path-other-kind", 1, 0, "/vdek/v1/Milan/crl");
  seed("path-other-product", 1, 0, "/vcek/v1/Rome/crl");
  seed("tcb-words", 2, 0, "bl=4,tee=0,snp=22,ucode=213");
  seed("tcb-words-turin", 2, 2, "fmc=1,bl=4,tee=0,snp=22,ucode=213");
  seed("tcb-number", 2, 0, "0xd516000000000004");
  seed("tcb-number-reserved", 2, 0, "0xd516000000010004");
  seed("tcb-twice", 2, 0, "bl=4,bl=4");
  seed("tcb-unknown", 2, 0, "xx=4");
}

void host_reports(const Corpus& corpus) {
  const auto seed = [&](const std::string& name, std::string_view text) {
    corpus.seed("host_report", name, repeated(0, {to_bytes(text)}));
  };
  const std::string tcb = "bl=4,tee=0,snp=22,ucode=213";
  const std::string milan = "Milan " + to_hex(Bytes(64, 0x3F));
  const std::string turin = "Turin 0123456789abcdef";
  seed("milan", milan + " " + tcb + " " + tcb + "\n");
  seed("genoa", "Genoa " + to_hex(Bytes(64, 1)) + " 0xd516000000000004 " + tcb);
  seed("turin", turin + " fmc=1," + tcb + " fmc=1," + tcb + "\n");
  seed("turin-long", turin + std::string(112, '0') + " fmc=1," + tcb + " fmc=1," + tcb + "\n");
  seed("short-chip", "Milan 3f " + tcb + " " + tcb);
  seed("three-words", milan + " " + tcb);
  seed("five-words", milan + " " + tcb + " " + tcb + " x");
  seed("two-lines", milan + " " + tcb + " " + tcb + "\n\n");
  seed("unknown-product", "Rome 3f " + tcb + " " + tcb);
  seed("too-long", std::string(1025, 'a'));
  const Bytes status = Bytes(20, 3);
  corpus.seed("host_report", "platform-milan",
              repeated(1, {{0x19, 1, 64, 0}, Bytes(64, 5), status}));
  corpus.seed("host_report", "platform-turin", repeated(1, {{0x1A, 2, 8, 0}, Bytes(8, 5), status}));
  corpus.seed("host_report", "platform-odd", repeated(1, {{0x1A, 2, 64, 0}, Bytes(64, 5), status}));
  corpus.seed("host_report", "platform-gone", repeated(1, {{0x19, 1, 0, 0, 0xFF}}));
}

void lease_sockets(const Corpus& corpus) {
  const auto seed = [&](const std::string& name, std::uint8_t side,
                        std::initializer_list<Bytes> steps) {
    corpus.seed("lease_socket", name, repeated(side, steps));
  };
  const Bytes acquire{0, 10, 0, 0, 0};
  const Bytes release{1, 0, 0, 0, 0};
  const Bytes publish{5, 1, 7, 100, 0};
  const Bytes publish_empty{5, 0};
  seed("client-leases", 0,
       {publish, acquire, release, acquire, release, publish_empty, acquire, release, publish,
        acquire, publish});
  seed("client-no-blob", 0, {acquire, acquire, publish, acquire});
  seed("client-twice", 0, {publish, acquire, acquire, acquire, release, release, acquire});
  seed("client-garbage", 0, {{2, 5, 0, 1, 2, 3, 4, 5}, {2, 0, 0}, {2, 23, 0}, Bytes(23, 1)});
  seed("client-odd", 0,
       {{3, 1, 2, 0, 0, 0, 0, 0}, {3, 9, 1, 0, 0, 0, 0, 0}, {3, 1, 1, 0, 0, 0, 0, 1}});
  seed("client-descriptors", 0, {publish, {4, 1}, {4, 0}, acquire, {4, 1}});
  // How many answers; odd bits, size of the table, flags, descriptors; whether to hang up.
  const Bytes good{1, 64, 100, 0, 1, 2, 1};
  const Bytes again{1, 64, 100, 0, 0, 1, 1};
  seed("service-leases", 1, {good, again, good, again});
  seed("service-empty", 1, {{1, 8 | 64, 100, 0, 0, 0, 0, 0, 1, 2, 1}});
  seed("service-silent", 1, {{0, 1}, {0, 0}, good});
  seed("service-hangs-up", 1, {{1, 64, 100, 0, 1, 2, 0}, good});
  seed("service-refuses", 1, {{1, 4, 100, 0, 3, 0, 0, 1}, {1, 4 | 32, 100, 0, 3, 0, 0, 40, 0, 1}});
  seed("service-unsealed", 1, {{1, 16, 100, 0, 1, 2, 1}});
  seed("service-no-lock", 1, {{1, 64, 100, 0, 1, 0, 1}, {1, 64, 100, 0, 0, 2, 1}});
  seed("service-other-version", 1, {{1, 2, 100, 0, 2, 0, 0, 0, 1, 2, 1}});
  seed("service-huge", 1, {{1, 8, 100, 0, 0xFF, 0xFF, 0, 0, 1, 2, 1}});
  seed("service-longer", 1, {{1, 8, 100, 0, 0, 1, 0, 0, 1, 2, 1}});
  seed("service-no-table", 1, {{1, 1, 0, 0}, Bytes(64, 0x11), {1, 2, 1}});
  seed("service-same-but-other", 1, {good, {1, 64, 99, 0, 0, 1, 1}});
}

}  // namespace

void host_seeds(const Corpus& corpus) {
  key_service(corpus);
  host_reports(corpus);
  lease_sockets(corpus);
}

}  // namespace extreq::fuzz
