// A command as sudo, ssh and docker are: it closes the descriptors that it inherits before it
// works.
//
//   extreq_closing_command STARTED CHANGED
//
// makes the file STARTED, waits until standard input ends, and makes the file CHANGED: the key.
#include <fcntl.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc != 3 || ::close_range(STDERR_FILENO + 1, ~0U, 0) != 0) return 1;
  ::close(::open(argv[1], O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
  ::close(::open(argv[2], O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  return 0;
}
