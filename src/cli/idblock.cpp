// extreq idblock: what a guest must be, signed by its owner; and the check of it.
#include <algorithm>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "attestation/id_block.hpp"
#include "base/base64.hpp"
#include "base/byte_builder.hpp"
#include "base/byte_reader.hpp"
#include "base/file.hpp"
#include "base/file_pair.hpp"
#include "base/secret.hpp"
#include "base/try.hpp"
#include "cli/document.hpp"
#include "cli/exit_code.hpp"
#include "cli/verbs.hpp"
#include "crypto/ecdsa_pem.hpp"

namespace extreq::cli {
namespace {

namespace snp = abi::snp;

struct SignOptions {
  std::string measurement;
  std::string family_id;
  std::string image_id;
  std::uint32_t guest_svn = 0;
  std::uint64_t policy = 0x30000;
  std::string id_key;
  std::string author_key;
  std::string block_file;
  std::string auth_file;
};

struct CheckOptions {
  std::string block_file;
  std::string auth_file;
};

template <std::size_t N>
Status read_hex(const char* option, const std::string& hex, abi::ByteArray<N>& field) {
  auto bytes = from_hex(hex);
  if (!bytes) return fail(Code::invalid_input, "{}: {}", option, bytes.error().message);
  if (bytes->size() != N) {
    return fail(Code::invalid_input, "{}: {} bytes found, {} wanted", option, bytes->size(), N);
  }
  std::ranges::copy(*bytes, field.begin());
  return {};
}

Result<crypto::EcdsaP384PrivateKey> read_key(const std::string& path) {
  constexpr std::size_t limit = 1U << 16U;
  EXTREQ_TRY_ASSIGN(Bytes pem, read_file(path, limit));
  auto key = crypto::p384_private_key_from_pem(pem);
  wipe(pem);
  if (!key) return fail(key.error().code, "{}: {}", path, key.error().message);
  return key;
}

Result<snp::IdBlock> make_block(const SignOptions& options) {
  snp::IdBlock block;
  EXTREQ_TRY(read_hex("--measurement", options.measurement, block.launch_digest));
  if (!options.family_id.empty()) {
    EXTREQ_TRY(read_hex("--family-id", options.family_id, block.family_id));
  }
  if (!options.image_id.empty()) {
    EXTREQ_TRY(read_hex("--image-id", options.image_id, block.image_id));
  }
  block.version = snp::id_block_version;
  block.guest_svn = options.guest_svn;
  block.policy = options.policy;
  return block;
}

Document digests_document(const attestation::IdKeyDigests& digests) {
  Document author = nullptr;
  if (digests.author_key) author = to_hex(*digests.author_key);
  return {{"id_key_digest", to_hex(digests.id_key)}, {"author_key_digest", author}};
}

Result<int> sign(const SignOptions& options, bool json) {
  const auto block = make_block(options);
  if (!block) {
    fmt::print(stderr, "extreq idblock: {}\n", block.error().message);
    return exit_usage;
  }
  EXTREQ_TRY_ASSIGN(const auto id_key, read_key(options.id_key));
  std::optional<crypto::EcdsaP384PrivateKey> author_key;
  if (!options.author_key.empty()) {
    EXTREQ_TRY_ASSIGN(author_key, read_key(options.author_key));
  }
  const auto auth = attestation::sign_id_block(*block, id_key, author_key ? &*author_key : nullptr);
  EXTREQ_TRY_ASSIGN(const auto digests, attestation::check_id_block(*block, auth));
  const Bytes block_bytes = ByteBuilder().object(*block).take();
  const Bytes auth_bytes = ByteBuilder().object(auth).take();
  constexpr unsigned mode = 0644;
  EXTREQ_TRY(
      replace_file_pair({options.block_file, block_bytes}, {options.auth_file, auth_bytes}, mode));
  Document document = digests_document(digests);
  document["id_block"] = to_base64(block_bytes);
  document["id_auth"] = to_base64(auth_bytes);
  json ? print_json(document) : print_text(document);
  return exit_ok;
}

template <class Layout>
Result<Layout> read_layout(const std::string& path) {
  EXTREQ_TRY_ASSIGN(const Bytes bytes, read_file(path));
  ByteReader reader(bytes);
  const auto layout = reader.object<Layout>();
  if (!layout || !reader.empty()) {
    return fail(Code::invalid_input, "{}: {:#x} bytes found, {:#x} wanted", path, bytes.size(),
                sizeof(Layout));
  }
  return *layout;
}

Result<int> check(const CheckOptions& options, bool json) {
  EXTREQ_TRY_ASSIGN(const auto block, read_layout<snp::IdBlock>(options.block_file));
  EXTREQ_TRY_ASSIGN(const auto auth, read_layout<snp::IdAuth>(options.auth_file));
  const auto digests = attestation::check_id_block(block, auth);
  if (!digests) {
    fmt::print(stderr, "extreq idblock: {}\n", digests.error().message);
    return exit_not_genuine;
  }
  Document document = digests_document(*digests);
  document["measurement"] = to_hex(block.launch_digest);
  document["family_id"] = to_hex(block.family_id);
  document["image_id"] = to_hex(block.image_id);
  document["guest_svn"] = block.guest_svn.get();
  document["policy"] = fmt::format("{:#x}", block.policy.get());
  json ? print_json(document) : print_text(document);
  return exit_ok;
}

int told_exit_code(const Result<int>& result) {
  if (result) return *result;
  fmt::print(stderr, "extreq idblock: {}\n", result.error().message);
  return exit_unreadable;
}

void add_sign(CLI::App& verb, int& exit_code) {
  auto options = std::make_shared<SignOptions>();
  auto json = std::make_shared<bool>(false);
  CLI::App* const sign_verb = verb.add_subcommand("sign", "Make and sign an ID block");
  sign_verb->add_option("--measurement", options->measurement, "What the guest must measure as")
      ->type_name("HEX")
      ->required();
  sign_verb->add_option("--id-key", options->id_key, "A P-384 private key, PEM")
      ->type_name("FILE")
      ->required();
  sign_verb->add_option("--author-key", options->author_key, "The key that signs the ID key, PEM")
      ->type_name("FILE");
  sign_verb->add_option("--family-id", options->family_id, "16 bytes")->type_name("HEX");
  sign_verb->add_option("--image-id", options->image_id, "16 bytes")->type_name("HEX");
  sign_verb->add_option("--guest-svn", options->guest_svn, "The guest's security version (0)");
  sign_verb->add_option("--policy", options->policy, "The guest policy (0x30000)");
  sign_verb->add_option("--id-block", options->block_file, "Write the block to this file")
      ->type_name("FILE");
  sign_verb->add_option("--id-auth", options->auth_file, "Write the signatures to this file")
      ->type_name("FILE");
  sign_verb->add_flag("--json", *json, "One JSON object");
  sign_verb->callback(
      [options, json, &exit_code] { exit_code = told_exit_code(sign(*options, *json)); });
}

void add_check(CLI::App& verb, int& exit_code) {
  auto options = std::make_shared<CheckOptions>();
  auto json = std::make_shared<bool>(false);
  CLI::App* const check_verb = verb.add_subcommand("check", "Check an ID block's signatures");
  check_verb->add_option("--id-block", options->block_file, "The block")
      ->type_name("FILE")
      ->required();
  check_verb->add_option("--id-auth", options->auth_file, "Its signatures")
      ->type_name("FILE")
      ->required();
  check_verb->add_flag("--json", *json, "One JSON object");
  check_verb->callback(
      [options, json, &exit_code] { exit_code = told_exit_code(check(*options, *json)); });
}

}  // namespace

void add_idblock(CLI::App& app, int& exit_code) {
  CLI::App* const verb =
      app.add_subcommand("idblock", "ID blocks: what a guest must be, signed by its owner");
  verb->require_subcommand(1);
  add_sign(*verb, exit_code);
  add_check(*verb, exit_code);
}

}  // namespace extreq::cli
