// MirrorAnswer: what a mirror answers to one request, before it is HTTP.
#pragma once

#include <string>

namespace extreq::fleet {

struct MirrorAnswer {
  int status = 200;
  std::string content_type = "text/plain";
  std::string cache_control = "no-store";
  unsigned retry_after_s = 0;  // 0: no such header
  bool stale = false;          // Warning: 110
  std::string body;
};

// With a line of text that says why.
[[nodiscard]] inline MirrorAnswer plain_answer(int status, const std::string& why) {
  MirrorAnswer answer;
  answer.status = status;
  answer.body = why + "\n";
  return answer;
}

}  // namespace extreq::fleet
