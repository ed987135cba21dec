#include "machine/qemu_process.hpp"

#include <algorithm>
#include <array>

#include <sys/socket.h>

#include "base/try.hpp"
#include "machine/launch_plan.hpp"
#include "machine/memory_file.hpp"

namespace extreq::machine {
namespace {

struct SocketPair {
  UniqueFd ours;
  UniqueFd theirs;
};

Result<SocketPair> make_sockets() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail_errno("socket pair for the emulator");
  }
  return SocketPair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<UniqueFd> make_rom_file(ByteView rom) {
  EXTREQ_TRY_ASSIGN(UniqueFd file, make_memory_file("extreq-rom", rom.size()));
  EXTREQ_TRY_ASSIGN(const Mapping mapping, Mapping::create(file.get(), rom.size()));
  std::copy(rom.begin(), rom.end(), mapping.view().begin());
  return file;
}

std::string inherited_path(int fd) { return fmt::format("/proc/self/fd/{}", fd); }

// In QEMU's options a comma ends a value; two stand for one.
std::string escaped(std::string text) {
  for (std::size_t at = text.find(','); at != std::string::npos; at = text.find(',', at + 2)) {
    text.insert(at, 1, ',');
  }
  return text;
}

void add(std::vector<std::string>& arguments, std::initializer_list<std::string> more) {
  arguments.insert(arguments.end(), more);
}

void add_memory(std::vector<std::string>& arguments, std::uint64_t size, int shared,
                int private_memory) {
  const auto backend = [size](const char* id, int fd) {
    return fmt::format("memory-backend-file,id={},size={},mem-path={},share=on", id, size,
                       inherited_path(fd));
  };
  // Room for a memory module at the address of the C-bit.
  const std::uint64_t end = c_bit_mask + 2 * memory_max;
  add(arguments, {"-m", fmt::format("{}M,slots=1,maxmem={}M", size >> 20U, end >> 20U),  //
                  "-object", backend("shared", shared),                                  //
                  "-object", backend("private", private_memory),                         //
                  "-device", fmt::format("pc-dimm,memdev=private,addr={:#x}", c_bit_mask)});
}

void add_devices(std::vector<std::string>& arguments, const QemuOptions& options) {
  // A device must use the guest's DMA addresses, which point into shared memory.
  constexpr const char* dma = "disable-legacy=on,iommu_platform=on";
  if (options.devices.network) {
    add(arguments, {"-netdev", "user,id=net", "-device",
                    fmt::format("virtio-net-pci,netdev=net,romfile=,{}", dma)});
  }
  if (!options.devices.share.empty()) {
    add(arguments, {"-fsdev",
                    fmt::format("local,id=share,path={},security_model=none,readonly=off",
                                escaped(options.devices.share)),
                    "-device", fmt::format("virtio-9p-pci,fsdev=share,mount_tag=share,{}", dma)});
  }
}

}  // namespace

Result<QemuProcess> QemuProcess::start(const QemuOptions& options, int shared, int private_memory) {
  EXTREQ_TRY_ASSIGN(SocketPair gdb, make_sockets());
  EXTREQ_TRY_ASSIGN(SocketPair console, make_sockets());
  EXTREQ_TRY_ASSIGN(SocketPair control, make_sockets());
  EXTREQ_TRY_ASSIGN(const UniqueFd rom, make_rom_file(options.rom));

  const auto chardev = [](const char* id, const UniqueFd& fd) {
    return fmt::format("socket,id={},fd={}", id, fd.get());
  };
  std::vector<std::string> arguments{options.program, "-nodefaults", "-no-user-config"};
  add(arguments, {"-accel", "tcg,thread=single"});
  add(arguments, {"-M", "pc,memory-backend=shared,hpet=off,vmport=off", "-smp", "1"});
  // CPUID function 8000001F must be below the highest extended one.
  add(arguments, {"-cpu", fmt::format("EPYC,xlevel={:#x}", abi::x86::cpuid_encryption)});
  add_memory(arguments, options.memory, shared, private_memory);
  add(arguments, {"-bios", inherited_path(rom.get())});
  add(arguments, {"-vga", "none", "-display", "none", "-monitor", "none", "-no-reboot", "-S"});
  add(arguments, {"-chardev", chardev("gdb", gdb.theirs), "-gdb", "chardev:gdb"});
  add(arguments, {"-chardev", chardev("console", console.theirs), "-serial", "chardev:console"});
  add(arguments, {"-chardev", chardev("control", control.theirs), "-serial", "chardev:control"});
  add_devices(arguments, options);

  EXTREQ_TRY_ASSIGN(
      ChildProcess process,
      ChildProcess::start(arguments, {shared, private_memory, rom.get(), gdb.theirs.get(),
                                      console.theirs.get(), control.theirs.get()}));
  return QemuProcess(std::move(process), std::move(gdb.ours), std::move(console.ours),
                     std::move(control.ours));
}

}  // namespace extreq::machine
