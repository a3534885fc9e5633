#include <fmt/format.h>

#include <outrigger/comm/transport/nccl/nccl_links.h>
#include <outrigger/comm/transport/nccl/nccl_transport.h>
#include <outrigger/comm/transport/nccl/payload_links.h>

namespace outrigger {

Result<std::shared_ptr<LinkMaker>> payload_links(const std::string& transport,
                                                 const NcclOptions& options) {
  if (transport == "grpc") return std::shared_ptr<LinkMaker>();
  if (transport == "nccl") return make_nccl_links(options.warn);
  return Status(Code::kInvalidArgument,
                fmt::format("there is no transport '{}'; there are grpc and nccl", transport));
}

std::unique_ptr<Transport> over_links(std::unique_ptr<Transport> grpc,
                                      const std::shared_ptr<LinkMaker>& links,
                                      const NcclOptions& options) {
  if (!links) return grpc;
  return std::make_unique<NcclTransport>(std::move(grpc), links, options);
}

}  // namespace outrigger
