// Blobs of single VMs: copies of the machine's blob, each in a file of its own, so that a VMM's
// user needs to see no other VM's file and cannot lock it.
//
// They lie in the folder BLOB.d beside the blob, under names that end in ".blob". Whoever runs the
// machine makes and removes them (doc/host.md); extreq only fills them. The folder follows from the
// blob's path, so that no updater can forget one.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace extreq::lease {

[[nodiscard]] std::string vm_blob_folder(const std::string& blob_path);

// What a VM's blob is called: its file's name without ".blob".
[[nodiscard]] std::string vm_name(const std::string& vm_blob_path);

// The VMs' blobs beside this one, ordered by name: regular files, no hidden ones and no links. None
// if there is no folder. Failure: io: it cannot be read.
[[nodiscard]] Result<std::vector<std::string>> find_vm_blobs(const std::string& blob_path);

}  // namespace extreq::lease
