#pragma once

#include <memory>
#include <string>

#include <outrigger/comm/transport/nccl/core.h>
#include <outrigger/comm/transport/nccl/link_maker.h>
#include <outrigger/comm/transport/transport.h>

namespace outrigger {

// Between processes: gRPC, or NCCL under gRPC's control, by name (`comm.transport`).

// The links for the payloads; nullptr for grpc, which moves them itself. InvalidArgument for a name
// that is neither; else as make_nccl_links().
Result<std::shared_ptr<LinkMaker>> payload_links(const std::string& transport,
                                                 const NcclOptions& options);
// `grpc` itself without links.
std::unique_ptr<Transport> over_links(std::unique_ptr<Transport> grpc,
                                      const std::shared_ptr<LinkMaker>& links,
                                      const NcclOptions& options);

}  // namespace outrigger
