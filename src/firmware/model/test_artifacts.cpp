// Writes what the model says and does into a folder, for tests/model_oracle.py, which judges it
// with code of its own.
//
// Usage: test_artifacts FOLDER. For each product a platform is installed in FOLDER/PRODUCT and a
// guest launched and asked; files beside the platform's own hold pages, messages and keys.
#include <cstdlib>

#include "base/file.hpp"
#include "firmware/model/test_guest.hpp"

namespace extreq::firmware::model {
namespace {

namespace snp = abi::snp;
using attestation::Product;
using snp::MessageType;
using snp::PageType;

class Artifacts {
 public:
  Artifacts(std::string folder, Product product) : folder_(std::move(folder)) {
    Installation installation = test_installation(product);
    installation.firmware = usual_firmware(product);
    installation.firmware->mit_vector = 3;
    installation.committed_tcb = installation.firmware->tcb;
    --installation.committed_tcb->snp;
    must(SecureProcessor::install(folder_, installation));
    processor_ = must(SecureProcessor::open(folder_));
  }

  void write() {
    launch();
    const auto tcb = attestation::decode_tcb(must(processor_->platform_status()).reported_tcb,
                                             attestation::layout_of(processor_->kds().product()));
    put("vcek.der", must(processor_->kds().vcek(tcb)).der());
    put("vlek.der", must(processor_->kds().vlek("Oracle Cloud", tcb)).der());
    put("vcek_table.bin", must(processor_->certificate_table()));
    exchange("vcek_report", MessageType::report_req, 1, report_request());
    snp::KeyRequestV2 key;
    key.v1.guest_field_select = snp::guest_field_select::known_mask_v2;
    key.v1.guest_svn = 2;
    key.v1.vmpl = 1;
    key.v1.tcb_version = 1;
    key.launch_mit_vector = 1;
    exchange("key", MessageType::key_req, 2, ByteBuilder().object(key).take());
    const auto wrapped = must(processor_->kds().wrap_vlek("Oracle Cloud", tcb));
    put("wrapped_vlek.bin", ByteBuilder().object(wrapped).view());
    must(processor_->vlek_load(wrapped));
    put("vlek_table.bin", must(processor_->certificate_table()));
    exchange("vlek_report", MessageType::report_req, 1, report_request());
  }

 private:
  void put(const std::string& name, ByteView content) {
    must(replace_file(folder_ + "/" + name, content, 0600));
  }

  [[nodiscard]] static Bytes report_request() {
    snp::ReportRequest request;
    for (std::size_t i = 0; i < request.report_data.size(); ++i) {
      request.report_data[i] = static_cast<std::uint8_t>(i);
    }
    request.vmpl = 2;
    return ByteBuilder().object(request).take();
  }

  // pages.bin: for each page type u8, permissions of VMPL1, 2, 3 u8, GPA u64, contents.
  GuestPage add_page(PageType type, std::uint64_t gpa, std::uint8_t fill) {
    GuestPage page;
    page.fill(fill);
    const LaunchPage given{type, gpa, page, {false, 3, 2, 1}};
    pages_.u8(static_cast<std::uint8_t>(type)).u8(3).u8(2).u8(1).u64(gpa).bytes(page);
    digest_.add_page(type, type == PageType::vmsa ? snp::vmsa_gpa : gpa, page, given.attributes);
    return must(processor_->launch_update(guest_, given)).value_or(page);
  }

  void launch() {
    guest_ = must(processor_->create_guest());
    must(processor_->launch_start(guest_, {}));
    add_page(PageType::normal, 0x1000, 0x11);
    add_page(PageType::zero, 0x2000, 0);
    add_page(PageType::unmeasured, 0x3000, 0x33);
    add_page(PageType::cpuid, 0x4000, 0);
    const GuestPage secrets = add_page(PageType::secrets, 0x5000, 0);
    add_page(PageType::normal, 0x123456000, 0x22);
    add_page(PageType::vmsa, 0x6000, 0x66);
    put("pages.bin", pages_.view());
    put("secrets.bin", secrets);
    const auto page = *ByteReader(secrets).object<snp::SecretsPage>();
    channel_.emplace(message::Vmpck(page.vmpck1), std::uint8_t{1});

    LaunchFinish finish;
    finish.id_block.emplace();
    finish.id_block->launch_digest = digest_.digest();
    finish.id_block->version = snp::id_block_version;
    finish.id_block->policy = LaunchStart{}.policy;
    finish.id_block->guest_svn = 5;
    finish.id_block->family_id.fill(0xFA);
    finish.id_block->image_id.fill(0x1A);
    const auto id_key = must(crypto::EcdsaP384PrivateKey::generate());
    const auto author_key = must(crypto::EcdsaP384PrivateKey::generate());
    finish.id_auth = sign_id_block(*finish.id_block, id_key, &author_key);
    finish.author_key_en = true;
    finish.host_data.fill(0x4D);
    put("id_block.bin", ByteBuilder().object(*finish.id_block).view());
    put("id_auth.bin", ByteBuilder().object(*finish.id_auth).view());
    must(processor_->launch_finish(guest_, finish));
  }

  void exchange(const std::string& name, MessageType type, std::uint8_t version, ByteView payload) {
    must(channel_->seal(type, version, payload));
    message::Page request;
    std::ranges::copy(*channel_->pending(), request.begin());
    message::Page response;
    const auto status = must(processor_->guest_request(guest_, request, response));
    if (status != snp::CommandStatus::success) throw std::runtime_error(name + " was refused");
    must(channel_->open_response(response));
    put(name + "_request.bin", request);
    put(name + "_response.bin", response);
  }

  std::string folder_;
  std::unique_ptr<SecureProcessor> processor_;
  GuestHandle guest_{};
  ByteBuilder pages_;
  attestation::LaunchDigest digest_;
  std::optional<message::Requester> channel_;
};

}  // namespace
}  // namespace extreq::firmware::model

int main(int argc, char** argv) try {
  using extreq::attestation::Product;
  if (argc != 2) throw std::runtime_error("usage: test_artifacts FOLDER");
  for (const Product product : {Product::milan, Product::genoa, Product::turin}) {
    extreq::firmware::model::Artifacts(
        fmt::format("{}/{}", argv[1], extreq::attestation::kds_name(product)), product)
        .write();
  }
  return EXIT_SUCCESS;
} catch (const std::exception& failure) {
  fmt::print(stderr, "test_artifacts: {}\n", failure.what());
  return EXIT_FAILURE;
}
