#include "machine/kernel_modules.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>

#include "abi/elf64.hpp"
#include "base/byte_reader.hpp"
#include "base/file.hpp"
#include "base/try.hpp"
#include "machine/decompress.hpp"
#include "machine/elf_file.hpp"

namespace extreq::machine {
namespace {

namespace elf = abi::elf64;
namespace fs = std::filesystem;

constexpr std::size_t module_limit = std::size_t{64} << 20U;
constexpr std::size_t list_limit = std::size_t{4} << 20U;

std::string kernel_name(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

// "sev-guest.ko.xz" gives "sev_guest"; nothing for files that are no modules.
std::string module_name(const std::string& file) {
  const std::size_t dot = file.find(".ko");
  if (dot == std::string::npos || dot == 0) return {};
  return kernel_name(file.substr(0, dot));
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    if (end != 0) parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return parts;
}

std::string text_of(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

struct Section {
  std::string name;
  ByteView content;
};

Result<Section> read_section(ByteView module, const elf::Header& header, ByteView names,
                             std::size_t index) {
  const auto section = elf_entry<elf::SectionHeader>(module, header.shoff, index);
  if (!section) return fail(Code::invalid_input, "module: section header {} outside file", index);
  Section result;
  if (section->name < names.size()) {
    const std::string rest = text_of(names.subspan(section->name));
    result.name = rest.substr(0, rest.find('\0'));
  }
  const auto content = elf_part(module, section->offset, section->size);
  if (section->type == elf::section_progbits && !content) {
    return fail(Code::invalid_input, "module: section {} outside file", index);
  }
  result.content = content.value_or(ByteView{});
  return result;
}

}  // namespace

Result<std::vector<std::string>> module_dependencies(ByteView module) {
  const auto header = ByteReader(module).object<elf::Header>();
  if (!header || header->magic != elf::magic || header->file_class != elf::class_64 ||
      header->shentsize != sizeof(elf::SectionHeader)) {
    return fail(Code::invalid_input, "module: not a 64-bit ELF file");
  }
  EXTREQ_TRY_ASSIGN(const Section names, read_section(module, *header, {}, header->shstrndx));
  for (std::size_t i = 0; i < header->shnum; ++i) {
    EXTREQ_TRY_ASSIGN(const Section section, read_section(module, *header, names.content, i));
    if (section.name != ".modinfo") continue;
    constexpr std::string_view key = "depends=";
    for (const auto& entry : split(text_of(section.content), '\0')) {
      if (entry.rfind(key, 0) == 0) return split(std::string_view(entry).substr(key.size()), ',');
    }
  }
  return fail(Code::invalid_input, "module: no .modinfo with 'depends'");
}

Result<KernelModules> KernelModules::open(const std::string& folder) {
  KernelModules modules;
  modules.folder_ = folder;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  if (error) return fail(Code::not_found, "modules: {}: {}", folder, error.message());
  while (entry != fs::recursive_directory_iterator()) {
    const std::string name = module_name(entry->path().filename().string());
    if (!name.empty()) modules.paths_.emplace(name, entry->path().string());
    // A step that fails leads to the end: the error has to be asked for here.
    const std::string here = entry->path().string();
    entry.increment(error);
    if (error) return fail(Code::io, "modules: behind {}: {}", here, error.message());
  }
  if (const auto list = read_file(folder + "/modules.builtin", list_limit)) {
    for (const auto& path : split(text_of(*list), '\n')) {
      modules.builtin_.push_back(module_name(fs::path(path).filename().string()));
    }
  }
  return modules;
}

bool KernelModules::has(const std::string& name) const {
  return paths_.count(kernel_name(name)) != 0;
}

bool KernelModules::is_builtin(const std::string& name) const {
  return std::find(builtin_.begin(), builtin_.end(), kernel_name(name)) != builtin_.end();
}

Result<std::vector<KernelModule>> KernelModules::in_loading_order(
    const std::vector<std::string>& wanted) const {
  std::vector<KernelModule> order;
  std::set<std::string> done;
  struct Open {
    KernelModule module;
    std::vector<std::string> waiting_for;
  };
  std::vector<Open> open;  // the path from a wanted module to the one that is looked at

  const auto start = [&](const std::string& raw_name) -> Status {
    const std::string name = kernel_name(raw_name);
    if (done.count(name) != 0) return {};
    const auto path = paths_.find(name);
    if (path == paths_.end()) {
      if (is_builtin(name)) return {};
      return fail(Code::not_found, "kernel module {} is not in {}, and not built in", raw_name,
                  folder_);
    }
    const bool circle = std::any_of(
        open.begin(), open.end(), [&name](const Open& other) { return other.module.name == name; });
    if (circle) return fail(Code::invalid_input, "kernel module {} depends on itself", raw_name);
    EXTREQ_TRY_ASSIGN(Bytes content, read_file(path->second, module_limit));
    if (compression_of(content) != Compression::none) {
      EXTREQ_TRY_ASSIGN(content, decompress(content, module_limit));
    }
    EXTREQ_TRY_ASSIGN(auto dependencies, module_dependencies(content));
    open.push_back({{name, std::move(content)}, std::move(dependencies)});
    return {};
  };

  for (const auto& name : wanted) {
    EXTREQ_TRY(start(name));
    while (!open.empty()) {
      if (!open.back().waiting_for.empty()) {
        const std::string next = open.back().waiting_for.back();
        open.back().waiting_for.pop_back();
        EXTREQ_TRY(start(next));
        continue;
      }
      done.insert(open.back().module.name);
      order.push_back(std::move(open.back().module));
      open.pop_back();
    }
  }
  return order;
}

}  // namespace extreq::machine
