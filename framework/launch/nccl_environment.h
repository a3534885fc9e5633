#pragma once

#include <string>

namespace outrigger {

// What NCCL reads from this process's environment, unless the user has set it: NCCL_HOSTID, which
// must differ between processes that share a device, for NCCL allows that to different hosts alone;
// and loopback as its interface where `listen` (host:port) is on it. To be called before NCCL's
// first use, and while no other thread reads or sets the environment.
void set_nccl_environment(const std::string& host_id, const std::string& listen);

}  // namespace outrigger
