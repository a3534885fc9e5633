#pragma once

#include <outrigger/comm/transport/grpc_core.h>

namespace outrigger::test {

// As make_grpc_service(), but the first `messages` calls, of whatever method, end as if gRPC had
// thrown the message out for want of memory.
std::unique_ptr<grpc::CallbackGenericService> throwing_out(std::shared_ptr<GrpcCore> core,
                                                           int messages);

}  // namespace outrigger::test
