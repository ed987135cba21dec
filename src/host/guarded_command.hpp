// The command of an update as a program of its own: the lock lasts at least as long as the
// program's process, whatever the program does with its descriptors and whichever process is killed
// meanwhile. doc/lock.md, rule 5 of "Changing: one update".
//
// Three processes have the lock's open file description:
//   the updater, which waits for the command;
//   the command's process, which inherits the descriptor. Many programs close what they inherit
//     (sudo, ssh, systemd-run, docker), so nothing depends on it;
//   the keeper, which holds the description and a pidfd of the command's process, and ends when
//   that
//     process has ended. It is in a session of its own, blocks all signals and has no other
//     descriptor.
// The command's process waits at a gate, a pipe, before exec. Only the keeper opens it, once it
// holds everything. If updater or keeper end before that, the gate closes: nothing is run.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "host/ending_signals.hpp"

namespace extreq::host {

// Effect: runs a program, looked for in $PATH, and waits for its end. It inherits
// `lock_descriptor`, standard input, output and error, and the dispositions that `signals` had
// before hold(). While it runs, SIGHUP, SIGINT, SIGQUIT and SIGTERM that `signals` notes are passed
// on to it, but for those that the terminal has sent to the whole foreground group. Failure:
// not_found: no such program; io: it was not run, or its exit status or signal.
[[nodiscard]] Status run_guarded_command(std::vector<std::string> arguments, int lock_descriptor,
                                         EndingSignals& signals);

}  // namespace extreq::host
