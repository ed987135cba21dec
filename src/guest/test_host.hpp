// TestHost: the host and the firmware behind a guest's GHCB, for tests of the guest.
//
// Without a script it behaves as KVM and its VMM do, with message::Responder as the firmware. A
// script of steps replaces the host, one exit each. Whatever the script, it watches the guest:
// each sequence number is emitted with one byte string only, no shared byte is read twice between
// two exits, no address outside the shared pages is touched, and the exits end.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "abi/ghcb.hpp"
#include "guest/ghcb_channel.hpp"
#include "message/responder.hpp"

namespace extreq::guest {

inline constexpr SharedPages test_pages{.ghcb = 0x10000,
                                        .request = 0x20000,
                                        .response = 0x21000,
                                        .certificates = 0x100000,
                                        .certificate_pages = 100};
inline constexpr std::uint8_t test_vmpck = 1;

[[nodiscard]] message::Vmpck test_key(std::uint8_t fill);

// The ciphertexts that guests emitted, by key and sequence number. One for several hosts, when a
// key travels.
using Emitted = std::map<std::pair<std::uint8_t, std::uint64_t>, message::Page>;

class TestHost final : public GhcbPort {
 public:
  // One exit, as the host finds it.
  struct Exit {
    std::uint64_t code;
    std::uint64_t info1;
    std::uint64_t info2;
    std::optional<std::uint64_t> rax;  // if valid
    std::optional<std::uint64_t> rbx;
    message::Page request;  // what lies at info1
    [[nodiscard]] bool extended() const noexcept {
      return code == abi::ghcb::event::extended_guest_request;
    }
  };
  using Step = std::function<void(TestHost&, const Exit&)>;

  // `key`: the fill byte of the guest's VMPCK, for the record.
  explicit TestHost(const SharedPages& pages = test_pages, std::uint8_t key = 7,
                    std::uint64_t last_seqno = 0);

  Status read(std::uint64_t gpa, MutableByteView to) override;
  Status write(std::uint64_t gpa, ByteView from) override;
  Status vmgexit(std::uint64_t ghcb_msr) override;

  // Steps that come next, one for each exit; after them the host is honest.
  std::deque<Step> script;
  // Set: used for each exit that the script does not cover.
  Step otherwise;
  // What an honest host serves.
  Bytes table;
  // The firmware's payload for an opened request; by default a report or a key.
  std::function<Bytes(const message::Request&)> firmware;
  // What fails, if anything.
  std::optional<Error> vmgexit_error;
  std::optional<Error> read_error;
  std::optional<Error> write_error;
  // A guest that exits more often than this is out of bounds.
  std::size_t exits_max = 1000;
  std::shared_ptr<Emitted> emitted = std::make_shared<Emitted>();

  // What happened.
  std::vector<Exit> exits;
  std::size_t firmware_calls = 0;
  std::vector<Bytes> reports;  // all that the firmware has signed

  // What steps are made of.
  void honest(const Exit& exit);
  // Runs the firmware and puts its response page where the guest wants it, without any answer.
  void respond(const Exit& exit);
  // The firmware's answer to the request, as a page; nullopt if it refuses the message.
  [[nodiscard]] std::optional<message::Page> ask_firmware(const Exit& exit);
  void answer(std::uint64_t info1, std::uint64_t info2);
  void vmm_error(std::uint32_t error, std::uint32_t status = 0);
  void set_rbx(std::uint64_t pages);
  void put(std::uint64_t gpa, ByteView bytes);  // as the host: the guest's watch does not apply
  [[nodiscard]] Bytes get(std::uint64_t gpa, std::size_t length);
  void put_table(const Exit& exit, ByteView bytes);

  [[nodiscard]] const SharedPages& pages() const noexcept { return pages_; }

 private:
  void record(const Exit& exit);
  [[nodiscard]] Bytes default_payload(const message::Request& request);
  [[nodiscard]] std::uint8_t* find(std::uint64_t gpa, std::size_t length);

  SharedPages pages_;
  std::uint8_t key_;
  message::Responder responder_;
  std::map<std::uint64_t, Bytes> memory_;  // by the GPA of a page, or of the certificate pages
  std::vector<std::pair<std::uint64_t, std::uint64_t>> read_since_exit_;  // begin, end
};

[[nodiscard]] message::Requester test_requester(std::uint8_t key = 7, std::uint64_t last_seqno = 0);
[[nodiscard]] std::unique_ptr<GhcbChannel> test_channel(TestHost& host, Clock& clock,
                                                        GhcbChannel::Options options = {});
[[nodiscard]] ReportQuery test_query(std::uint8_t fill = 0xAB);
// One entry under the VCEK's GUID, `size` bytes in all.
[[nodiscard]] Bytes test_table(std::size_t size);

}  // namespace extreq::guest
