#include <outrigger/comm/transport/nccl/nccl_links.h>

// nccl_links.cpp's stand-in in builds without CUDA.
namespace outrigger {

Status check_nccl() {
  return {Code::kNotFound,
          "comm.transport: nccl needs a build with CUDA, and this one is without: OUTRIGGER_CUDA=1 "
          "./outrigger build makes it where a CUDA toolkit is installed; or take comm.transport: "
          "grpc"};
}

Result<std::shared_ptr<LinkMaker>> make_nccl_links(std::function<void(const std::string&)>) {
  return check_nccl();
}

}  // namespace outrigger
