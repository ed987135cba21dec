#include "machine/initramfs.hpp"

#include <array>
#include <string>

#include "base/try.hpp"
#include "machine/cpio.hpp"

namespace extreq::machine {
namespace {

constexpr unsigned executable = 0755;
constexpr unsigned console_major = 5;
constexpr unsigned console_minor = 1;

constexpr const char* driver = "sev-guest";
// What driver and drivers' libraries look up by name at run time, so that no dependency names it.
// A kernel that lacks one of them as a module has it built in or does without it.
constexpr std::array used_at_run_time{"ghash-generic", "ctr", "gcm", "configfs"};
constexpr std::array network_modules{"virtio_pci", "virtio_net"};
constexpr std::array share_modules{"virtio_pci", "9pnet_virtio", "9p"};

}  // namespace

Bytes make_initramfs(const InitramfsInputs& inputs) {
  CpioArchive archive;
  for (const char* folder :
       {"bin", "dev", "etc", "modules", "proc", "root", "share", "sys", "tmp"}) {
    archive.add_directory(folder);
  }
  archive.add_character_device("dev/console", console_major, console_minor);
  archive.add_file("init", inputs.init, executable);
  archive.add_file("bin/extreq", inputs.program, executable);
  if (!inputs.busybox.empty()) {
    archive.add_file("bin/busybox", inputs.busybox, executable);
    archive.add_symlink("bin/sh", "busybox");
  }
  archive.add_file("etc/resolv.conf", to_bytes("nameserver 10.0.2.3\n"));
  std::string order;
  for (const auto& module : inputs.modules) {
    archive.add_file("modules/" + module.name + ".ko", module.content);
    order += module.name + '\n';
  }
  archive.add_file("modules/order", to_bytes(order));
  return archive.finish();
}

Result<std::vector<KernelModule>> select_modules(const KernelModules& modules,
                                                 const GuestDevices& devices) {
  if (!modules.has(driver) && !modules.is_builtin(driver)) {
    return fail(Code::unsupported,
                "this kernel has no {} driver (CONFIG_SEV_GUEST): Debian's linux-image-amd64 has "
                "it, its cloud flavour has not",
                driver);
  }
  std::vector<std::string> wanted;
  for (const char* name : used_at_run_time) {
    if (modules.has(name)) wanted.emplace_back(name);
  }
  wanted.emplace_back(driver);
  if (devices.network) wanted.insert(wanted.end(), network_modules.begin(), network_modules.end());
  if (!devices.share.empty())
    wanted.insert(wanted.end(), share_modules.begin(), share_modules.end());
  return modules.in_loading_order(wanted);
}

}  // namespace extreq::machine
