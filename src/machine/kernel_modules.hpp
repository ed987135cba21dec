// KernelModules: a kernel's folder of loadable modules, and the order in which to load some.
//
// Each module names what it depends on in its own .modinfo section; that is where depmod takes its
// lists from, so none is needed. Compressed modules (.ko.xz, .ko.zst, .ko.gz) are unpacked here.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace extreq::machine {

struct KernelModule {
  std::string name;  // "sev_guest": as the kernel calls it, with underscores
  Bytes content;
};

class KernelModules {
 public:
  // `folder`: lib/modules/RELEASE. Failure: not_found, io.
  [[nodiscard]] static Result<KernelModules> open(const std::string& folder);

  // '-' and '_' are the same in names.
  [[nodiscard]] bool has(const std::string& name) const;
  // Whether modules.builtin lists it: it is part of the kernel and needs no loading.
  [[nodiscard]] bool is_builtin(const std::string& name) const;

  // The modules and all that they depend on, each after its dependencies.
  // Failure: not_found if one that is wanted is neither here nor built in; as read_file and
  // decompress; invalid_input for dependencies that go round in a circle.
  [[nodiscard]] Result<std::vector<KernelModule>> in_loading_order(
      const std::vector<std::string>& wanted) const;

 private:
  std::string folder_;
  std::map<std::string, std::string> paths_;  // by name
  std::vector<std::string> builtin_;
};

// The names in a module's "depends=" entry. Failure: invalid_input if it is no module.
[[nodiscard]] Result<std::vector<std::string>> module_dependencies(ByteView module);

}  // namespace extreq::machine
