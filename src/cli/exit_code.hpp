// What the program answers to its shell. Scripts rely on these numbers: they do not change.
#pragma once

namespace extreq::cli {

enum ExitCode : int {
  exit_ok = 0,              // done; for verify: every check that was done passed
  exit_usage = 1,           // the command line is wrong
  exit_not_genuine = 2,     // verify: signature, chain, TCB, chip id or root
  exit_not_acceptable = 3,  // verify: genuine, but not what was asked for
  exit_unreadable = 4,      // an input cannot be read or is not what it should be
};

}  // namespace extreq::cli
