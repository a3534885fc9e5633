#include <outrigger/framework/launch/nccl_environment.h>

#include <cstdlib>

#include <outrigger/comm/transport/grpc_wire.h>

namespace outrigger {

void set_nccl_environment(const std::string& host_id, const std::string& listen) {
  ::setenv("NCCL_HOSTID", host_id.c_str(), 0);
  if (check_address(listen, false).ok()) ::setenv("NCCL_SOCKET_IFNAME", "lo", 0);
}

}  // namespace outrigger
