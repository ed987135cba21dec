// The guest's first process: mounts, loads the modules of /modules/order, and then does what the
// host asks over the control port (machine/control_frame.hpp), until it is told to power off.
//
// It is linked statically and uses the C library alone. It runs in a guest of ours only; a failure
// is told to the host and, where it can go on, it goes on.
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "machine/control_frame.hpp"

namespace {

namespace control = extreq::machine::control;

constexpr const char* console_path = "/dev/console";
constexpr const char* control_path = "/dev/ttyS1";
constexpr int not_found_status = 127;
constexpr int signal_status = 128;

std::string log_text;

void note(const std::string& line) { log_text += line + '\n'; }

void note_result(const std::string& what, bool good) {
  if (!good) note(what + ": " + std::strerror(errno));
}

void mount_at(const char* type, const char* path) {
  ::mkdir(path, 0755);
  note_result(std::string("mount ") + path, ::mount(type, path, type, 0, nullptr) == 0);
}

void load_modules() {
  std::ifstream order("/modules/order");
  for (std::string name; std::getline(order, name);) {
    const std::string path = "/modules/" + name + ".ko";
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const bool good = fd >= 0 && (::syscall(SYS_finit_module, fd, "", 0) == 0 || errno == EEXIST);
    note_result("load " + name, good);
    if (fd >= 0) ::close(fd);
    ::unlink(path.c_str());  // its memory is better used
  }
}

// The control port as a stream of bytes in both directions.
class Port {
 public:
  bool open() {
    fd_ = ::open(control_path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd_ < 0) return false;
    termios settings{};
    ::tcgetattr(fd_, &settings);
    ::cfmakeraw(&settings);
    ::cfsetspeed(&settings, B115200);
    return ::tcsetattr(fd_, TCSANOW, &settings) == 0;
  }

  bool receive(void* to, std::size_t size) const {
    auto* at = static_cast<char*>(to);
    while (size > 0) {
      const ssize_t got = ::read(fd_, at, size);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      at += got;
      size -= static_cast<std::size_t>(got);
    }
    return true;
  }

  void send(std::uint8_t type, const char* content, std::size_t size) const {
    std::string frame(1, static_cast<char>(type));
    for (unsigned shift = 0; shift < 32; shift += 8) {
      frame.push_back(static_cast<char>(size >> shift));
    }
    frame.append(content, size);
    for (std::size_t sent = 0; sent < frame.size();) {
      const ssize_t now = ::write(fd_, frame.data() + sent, frame.size() - sent);
      if (now < 0 && errno != EINTR) return;
      if (now > 0) sent += static_cast<std::size_t>(now);
    }
  }
  void send(std::uint8_t type, const std::string& text) const {
    send(type, text.data(), text.size());
  }

 private:
  int fd_ = -1;
};

struct Pipe {
  int reading = -1;
  int writing = -1;
};

bool open_pipe(Pipe& made) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  made = {ends[0], ends[1]};
  return true;
}

[[noreturn]] void become(std::vector<char*>& argv, const Pipe& output, const Pipe& errors) {
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, STDIN_FILENO);
  ::dup2(output.writing, STDOUT_FILENO);
  ::dup2(errors.writing, STDERR_FILENO);
  ::setsid();
  ::execvp(argv[0], argv.data());
  std::fprintf(stderr, "%s: %s\n", argv[0], std::strerror(errno));
  ::_exit(not_found_status);
}

// Passes output on until the program has closed both pipes.
void pass_on(const Port& port, const Pipe& output, const Pipe& errors) {
  std::array<pollfd, 2> files{{{output.reading, POLLIN, 0}, {errors.reading, POLLIN, 0}}};
  std::array<char, 4096> buffer{};
  while (files[0].fd >= 0 || files[1].fd >= 0) {
    if (::poll(files.data(), files.size(), -1) < 0 && errno != EINTR) return;
    for (auto& file : files) {
      if (file.fd < 0 || file.revents == 0) continue;
      const ssize_t got = ::read(file.fd, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        file.fd = -1;
        continue;
      }
      port.send(&file == files.data() ? control::output : control::errors, buffer.data(),
                static_cast<std::size_t>(got));
    }
  }
}

void run(const Port& port, std::string arguments) {
  if (arguments.empty() || arguments.back() != '\0') arguments.push_back('\0');
  std::vector<char*> argv;
  for (std::size_t at = 0; at < arguments.size(); at = arguments.find('\0', at) + 1) {
    argv.push_back(arguments.data() + at);
  }
  argv.push_back(nullptr);
  Pipe output;
  Pipe errors;
  if (!open_pipe(output) || !open_pipe(errors)) {
    port.send(control::failure, std::string("pipe: ") + std::strerror(errno));
    return;
  }
  const pid_t pid = ::fork();
  if (pid == 0) become(argv, output, errors);
  ::close(output.writing);
  ::close(errors.writing);
  if (pid > 0) pass_on(port, output, errors);
  ::close(output.reading);
  ::close(errors.reading);
  int status = 0;
  if (pid < 0 || ::waitpid(pid, &status, 0) != pid) {
    port.send(control::failure, std::string("start: ") + std::strerror(errno));
    return;
  }
  const int code = WIFSIGNALED(status) ? signal_status + WTERMSIG(status) : WEXITSTATUS(status);
  const char byte = static_cast<char>(code);
  port.send(control::ended, &byte, 1);
}

void fetch(const Port& port, const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    port.send(control::failure, path + ": " + std::strerror(errno));
    return;
  }
  std::array<char, 16384> buffer{};
  while (true) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    port.send(control::data, buffer.data(), static_cast<std::size_t>(got));
  }
  ::close(fd);
  port.send(control::data, "", 0);
}

void put(const Port& port, const std::string& request) {
  const std::size_t end = std::min(request.find('\0'), request.size());
  const std::string path = request.substr(0, end);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << request.substr(std::min(end + 1, request.size()));
  file.close();
  if (file) {
    port.send(control::done, "", 0);
  } else {
    port.send(control::failure, path + ": " + std::strerror(errno));
  }
}

// Returns when the port has ended or the host wants no more.
void serve(const Port& port) {
  std::array<unsigned char, control::head_size> head{};
  while (port.receive(head.data(), head.size())) {
    std::size_t size = 0;
    for (unsigned i = 0; i < 4; ++i) size |= std::size_t{head[1 + i]} << (8 * i);
    if (size > control::content_max) return;
    std::string content(size, '\0');
    if (!port.receive(content.data(), size)) return;
    switch (head[0]) {
      case control::run:
        run(port, content);
        break;
      case control::fetch:
        fetch(port, content);
        break;
      case control::put:
        put(port, content);
        break;
      case control::power_off:
        return;
      default:
        port.send(control::failure, "unknown request");
    }
  }
}

}  // namespace

int main() {
  mount_at("proc", "/proc");
  mount_at("sysfs", "/sys");
  mount_at("devtmpfs", "/dev");
  mount_at("tmpfs", "/tmp");
  const int console = ::open(console_path, O_RDWR);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (console >= 0) ::dup2(console, standard);
  }
  ::setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin", 1);
  ::setenv("HOME", "/root", 1);
  load_modules();
  // These fail without complaint where the kernel or the machine lacks them.
  ::mount("configfs", "/sys/kernel/config", "configfs", 0, nullptr);
  ::mount("share", "/share", "9p", 0, "trans=virtio,version=9p2000.L");
  ::signal(SIGPIPE, SIG_IGN);
  Port port;
  if (port.open()) {
    port.send(control::ready, log_text);
    serve(port);
  } else {
    std::fprintf(stderr, "extreq-init: %s: %s\n", control_path, std::strerror(errno));
  }
  ::sync();
  ::reboot(RB_AUTOBOOT);  // the emulator ends instead of starting again
  while (true) ::pause();
}
