#include "tests/soak/service.hpp"

#include <algorithm>
#include <thread>

#include "firmware/model/test_guest.hpp"
#include "host/service.hpp"
#include "host/socket_server.hpp"
#include "tests/soak/updater.hpp"

namespace extreq::soak {
namespace {

using namespace std::chrono_literals;
using firmware::model::must;
using firmware::model::SecureProcessor;

constexpr auto interval = 100ms;

std::uint64_t microseconds(Clock::Duration duration) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

// An update that is under way is none of the service's business; the next turn looks again.
void check_turn(const host::Service& service, const Scene& scene) {
  const host::ServiceView& view = service.view();
  if (view.platform_error) throw std::runtime_error(view.platform_error->message);
  const host::PassReport& pass = *view.last;
  if (pass.withdrawn && scene.lock) {
    throw std::runtime_error("the service withdrew a table: " + pass.found_why);
  }
  for (const auto& error : {pass.problem, pass.warning}) {
    if (!error) continue;
    if (error->code != Code::busy) throw std::runtime_error("the service: " + error->message);
    ++scene.shared->service_busy;
  }
  if (pass.published) ++scene.shared->service_publications;
}

}  // namespace

void keep_true(const Scene& scene) {
  const auto processor = must(SecureProcessor::open(scene.platform()));
  lease::BlobWriter writer(scene.blob(), {.sole_writer = true});
  host::ServiceOptions options;
  options.interval = interval;
  options.lock_wait = lock_wait_max;
  options.renewal = 1s;
  options.patience = {interval, interval};
  host::Service service(
      writer, *processor,
      [&scene](const host::SigningState& state) { return table_of(scene, state.reported_tcb); },
      options);
  host::SocketServerOptions socket;
  socket.socket_path = scene.socket();
  socket.blob_path = scene.blob();
  const auto server = must(host::SocketServer::start(socket));
  while (scene.shared->left > 0) {
    const auto start = system_clock().now();
    const Clock::Duration next = service.step();
    if (system_clock().now() - start >= lock_wait_max) {
      throw std::runtime_error("a turn of the service took as long as a writer may wait");
    }
    check_turn(service, scene);
    scene.shared->note_longest(scene.shared->longest_wait,
                               microseconds(service.view().lock_wait_longest));
    std::this_thread::sleep_for(std::min<Clock::Duration>(next, interval));
  }
}

}  // namespace extreq::soak
