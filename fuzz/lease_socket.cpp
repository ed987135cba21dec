// Both ends of the service's socket (doc/socket.md), each against a hostile other one: the first
// byte chooses. Who plays the client knows what each packet must lead to.
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "abi/ghcb.hpp"
#include "base/byte_builder.hpp"
#include "base/temporary_directory.hpp"
#include "fuzz/input.hpp"
#include "host/socket_server.hpp"
#include "lease/blob_writer.hpp"
#include "lease/socket_packet.hpp"
#include "lease/socket_protocol.hpp"
#include "lease/socket_source.hpp"

namespace extreq::fuzz {
namespace {

using namespace std::chrono_literals;
namespace protocol = lease::socket_protocol;

constexpr int steps_max = 16;
constexpr auto patience = 30s;
constexpr int table_seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;

Bytes table_of(std::uint8_t fill, std::size_t size) {
  using abi::ghcb::certificate_table::Entry;
  constexpr auto data_at = static_cast<std::uint32_t>(2 * sizeof(Entry));
  const Entry leaf{abi::ghcb::certificate_table::guid_vcek, data_at,
                   static_cast<std::uint32_t>(size)};
  return ByteBuilder().object(leaf).object(Entry{}).bytes(Bytes(size, fill)).take();
}

UniqueFd memory_of(ByteView bytes, int seals) {
  UniqueFd fd(::memfd_create("extreq-fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  require(lease::write_at(fd.get(), 0, bytes) == 0, "memory is written");
  if (seals != 0) require(::fcntl(fd.get(), F_ADD_SEALS, seals) == 0, "memory is sealed");
  return fd;
}

struct Place {
  TemporaryDirectory folder = TemporaryDirectory::create("extreq-fuzz").value();
  std::string blob = folder.path() + "/blob";
  std::string socket = folder.path() + "/socket";
};

// One service for all inputs: each has connections of its own, and begins without a blob.
struct Service {
  Place place;
  std::unique_ptr<host::SocketServer> server;
};

Service& service() {
  static Service one = [] {
    Service made;
    host::SocketServerOptions options;
    options.socket_path = made.place.socket;
    options.blob_path = made.place.blob;
    made.server = host::SocketServer::start(options).value();
    return made;
  }();
  return one;
}

// A client that says what it likes to host::SocketServer.
class HostileClient {
 public:
  explicit HostileClient(Input& input) : input_(input) {
    ::unlink(place_.blob.c_str());
    connect();
  }

  void step() {
    switch (input_.u8() % 6U) {
      case 0:
        return send(request(protocol::version, protocol::Operation::acquire, input_.u32(), 0), {});
      case 1:
        return send(request(protocol::version, protocol::Operation::release, input_.u32(), 0), {});
      case 2:
        return send(input_.bytes(input_.below(24)), {});
      case 3: {
        const auto operation = static_cast<protocol::Operation>(input_.u8());
        const std::uint32_t version = input_.u8() % 3U;
        return send(request(version, operation, input_.u32(), input_.u8() & 1U), {});
      }
      case 4: {
        const std::array<int, 2> two{socket_.get(), socket_.get()};
        return send(request(protocol::version, protocol::Operation::acquire, 0, 0),
                    std::span(two).first(input_.flag() ? 2 : 1));
      }
      default:
        return publish();
    }
  }

  // Nothing that a client left holds an updater up, or stays. (Who counts allocations would take a
  // connection that ends later for a leak, and look for it at length.)
  void leave() {
    socket_.reset();
    lock_.reset();
    const auto update = lease::BlobWriter(place_.blob, {.create = false}).begin(patience);
    require(update || (!published_ && update.error().code == Code::not_found),
            "a lease ends with its client");
    lease::BoundedWait wait(system_clock(), patience);
    while (service().server->counters().connections != 0) {
      require(wait.again(), "a connection ends with its client");
    }
    require(service().server->counters().leases_held == 0, "and so do all leases");
  }

 private:
  static Bytes request(std::uint32_t version, protocol::Operation operation, std::uint32_t wait_ms,
                       std::uint32_t reserved) {
    protocol::Request request;
    request.version = version;
    request.operation = static_cast<std::uint32_t>(operation);
    request.max_wait_ms = wait_ms;
    request.reserved = reserved;
    return ByteBuilder().object(request).take();
  }

  void connect() {
    lock_.reset();
    sent_table_.reset();
    socket_ = lease::connect_to(place_.socket).value();
  }

  void send(ByteView bytes, std::span<const int> descriptors) {
    const int error_number = lease::send_packet(socket_.get(), bytes, descriptors);
    if (error_number == EPERM && !descriptors.empty()) return;  // Linux 6.16 and later
    require(error_number == 0, "the server reads");
    ByteReader reader(bytes);
    const auto request = reader.object<protocol::Request>();
    const bool right = request && reader.empty() && request->version == protocol::version &&
                       request->reserved == 0;
    const std::uint32_t operation = right ? std::uint32_t{request->operation} : 0;
    if (operation == static_cast<std::uint32_t>(protocol::Operation::release)) {
      lock_.reset();
    } else if (operation == static_cast<std::uint32_t>(protocol::Operation::acquire) && !lock_) {
      take_answer();
    } else {
      require(receive() == 0, "what breaks the protocol ends the connection, without a word");
      connect();
    }
  }

  // The size of the packet; 0: the connection has ended.
  std::size_t receive() {
    pollfd poller{socket_.get(), POLLIN, 0};
    require(::poll(&poller, 1, std::chrono::milliseconds(patience).count()) == 1,
            "the server does not keep a client waiting");
    packet_ = {};
    const int error_number = lease::receive_packet(socket_.get(), buffer_, packet_);
    require(error_number == 0 || error_number == ECONNRESET, "a packet or the end");
    return error_number == 0 ? packet_.size : 0;
  }

  void take_answer() {
    const std::size_t size = receive();
    ByteReader reader(ByteView(buffer_).first(size));
    const auto answer = reader.object<protocol::Answer>();
    require(answer && !packet_.cut && answer->version == protocol::version, "an answer");
    if (!published_) {
      require(answer->result == protocol::refusal_of(Code::not_found), "there is no blob");
      require(!reader.empty() && !packet_.descriptors[0], "a refusal has words and nothing else");
      return;
    }
    require(answer->result == protocol::granted && reader.empty(), "nobody else has the lock");
    require(static_cast<bool>(packet_.descriptors[0]), "a lease has its lock");
    const bool attached = (answer->flags & protocol::flag_table_attached) != 0;
    require(attached == (sent_table_ != table_), "a table comes when it is another one");
    require(attached == static_cast<bool>(packet_.descriptors[1]), "as its memory does");
    require(answer->table_size == table_.size(), "the size is the table's");
    if (attached) check_memory(packet_.descriptors[1].get());
    sent_table_ = table_;
    lock_ = std::move(packet_.descriptors[0]);
  }

  void check_memory(int memory) const {
    require((::fcntl(memory, F_GET_SEALS) & table_seals) == table_seals, "a table is sealed");
    Bytes content(table_.size() + 1);
    const auto size = ::pread(memory, content.data(), content.size(), 0);
    require(size == static_cast<ssize_t>(table_.size()), "memory as long as the table");
    content.pop_back();
    require(content == table_, "the table that is in the blob");
  }

  void publish() {
    if (lock_) {
      // Not by a writer, which would look through all processes for who holds it.
      const auto file = lease::open_file(place_.blob, lease::Access::write);
      lease::OfdLock updater;
      require(updater.try_lock(file->fd.get(), lease::LockMode::exclusive) == EAGAIN,
              "a lease keeps updaters out");
      return;
    }
    lease::BlobWriter writer(place_.blob);
    auto update = writer.begin(patience);
    require(update.has_value(), "a release lets updaters in");
    table_ = input_.flag() ? table_of(input_.u8(), 1 + input_.below(300)) : Bytes();
    require(update->publish(table_).has_value(), "a table is published");
    published_ = true;
  }

  Input& input_;
  const Place& place_ = service().place;
  UniqueFd socket_;
  UniqueFd lock_;                    // while a lease is held
  Bytes table_;                      // in the blob
  bool published_ = false;           // there is a blob
  std::optional<Bytes> sent_table_;  // on this connection
  std::array<std::uint8_t, protocol::answer_max> buffer_{};
  lease::Packet packet_;
};

// A service that says what it likes to lease::SocketSource.
class HostileService {
 public:
  explicit HostileService(Input& input) : input_(input) { connect(); }

  void step() {
    const unsigned answers = input_.u8() % 3U;
    for (unsigned i = 0; i < answers; ++i) send_answer();
    if (input_.u8() % 8U == 0) socket_.reset();
    clock_.advance(lease::SocketSource::silence_pause_longest);
    const auto table = holder_->acquire(0s);
    require(table.has_value() == holder_->held(), "a table is a lease");
    if (table) {
      require(table->empty() || lease::check_table_shape(*table), "a table is whole");
      require(!holder_->acquire(0s), "one lease at a time");
      holder_->release();
      require(!holder_->held(), "a release is one");
      return;
    }
    require(!table.error().message.empty(), "a failure has words");
    connect();
  }

 private:
  void connect() {
    holder_ = source_.open_holder().value();
    // The last one that waits is this holder's.
    pollfd poller{listener().get(), POLLIN, 0};
    while (::poll(&poller, 1, 0) == 1) {
      socket_.reset(::accept4(listener().get(), nullptr, nullptr, SOCK_CLOEXEC));
    }
  }

  void send_answer() {
    protocol::Answer answer;
    const std::uint8_t odd = input_.u8();
    Bytes table = table_of(odd, 1 + input_.below(300));
    if ((odd & 1U) != 0) {
      const ByteView foreign = input_.bytes(64);
      table.assign(foreign.begin(), foreign.end());
    }
    answer.version = (odd & 2U) != 0 ? input_.u32() : protocol::version;
    answer.result = (odd & 4U) != 0 ? input_.u8() : protocol::granted;
    answer.table_size = (odd & 8U) != 0 ? input_.u32() : static_cast<std::uint32_t>(table.size());
    answer.flags = input_.u8() & 3U;
    const UniqueFd lock = memory_of({}, 0);
    const UniqueFd memory = memory_of(table, (odd & 16U) != 0 ? 0 : table_seals);
    const std::array<int, 2> descriptors{lock.get(), memory.get()};
    const std::size_t count = input_.u8() % 3U;
    Bytes packet = ByteBuilder().object(answer).take();
    if ((odd & 32U) != 0) packet.resize(input_.below(2 * protocol::answer_max), odd);
    // A socket that is full or gone is as good as another answer.
    static_cast<void>(
        lease::send_packet(socket_.get(), packet, std::span(descriptors).first(count)));
  }

  static const Place& place() {
    static const Place one;
    return one;
  }
  static const UniqueFd& listener() {
    static const UniqueFd one = lease::listen_at(place().socket, 0600).value();
    return one;
  }

  Input& input_;
  ManualClock clock_;
  lease::SocketSource source_{place().socket, clock_};
  UniqueFd socket_;
  std::unique_ptr<lease::Holder> holder_;
};

}  // namespace
}  // namespace extreq::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace extreq::fuzz;
  Input input(data, size);
  if (input.flag()) {
    HostileService service(input);
    for (int i = 0; i < steps_max && !input.finished(); ++i) service.step();
  } else {
    HostileClient client(input);
    for (int i = 0; i < steps_max && !input.finished(); ++i) client.step();
    client.leave();
  }
  return 0;
}
