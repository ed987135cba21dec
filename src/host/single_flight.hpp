// SingleFlight: threads that want the same thing at the same time fetch it once.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace extreq::host {

template <class Value>
class SingleFlight {
 public:
  using Fetch = std::function<Result<Value>()>;

  // Effect: calls `fetch`, or waits, at most `max_wait` of real time, for the result of the thread
  // that is fetching `name` already. A flight that failed because its own time was over (busy) is
  // no answer for who has more time: one of those then calls `fetch`.
  // Failure: as `fetch`; busy if the other thread takes longer than max_wait. An exception of
  // `fetch` reaches its own caller; those who waited fetch themselves. Threading: any thread.
  [[nodiscard]] Result<Value> run(const std::string& name, Clock::Duration max_wait,
                                  const Fetch& fetch) {
    const auto deadline = std::chrono::steady_clock::now() + max_wait;
    std::unique_lock guard(mutex_);
    for (auto found = flights_.find(name); found != flights_.end(); found = flights_.find(name)) {
      const std::shared_ptr<Flight> flight = found->second;
      if (!landed_.wait_until(guard, deadline, [&] { return flight->landed; })) {
        return fail(Code::busy, "another request for the same is still on its way");
      }
      if (flight->result && (*flight->result || flight->result->error().code != Code::busy)) {
        return *flight->result;
      }
    }
    const auto flight = std::make_shared<Flight>();
    flights_.emplace(name, flight);
    guard.unlock();
    const Landing landing{*this, name, flight};
    Result<Value> result = fetch();
    {
      const std::lock_guard publishing(mutex_);
      flight->result = result;
    }
    return result;
  }

 private:
  struct Flight {
    bool landed = false;
    std::optional<Result<Value>> result;
  };
  // Ends the flight, whatever way fetch() returned.
  struct Landing {
    SingleFlight& flights;
    const std::string& name;
    const std::shared_ptr<Flight>& flight;
    ~Landing() {
      {
        const std::lock_guard guard(flights.mutex_);
        flight->landed = true;
        flights.flights_.erase(name);
      }
      flights.landed_.notify_all();
    }
  };

  std::mutex mutex_;
  std::condition_variable landed_;
  std::map<std::string, std::shared_ptr<Flight>> flights_;  // those that are on their way
};

}  // namespace extreq::host
