#pragma once

#include <memory>
#include <string>

#include <outrigger/comm/transport/grpc_core.h>

namespace outrigger::test {

// A server on loopback with make_grpc_service(), whose first `calls` calls of a method end as if
// its gRPC had thrown them out for want of memory.
class ThrowingOut {
 public:
  ThrowingOut(std::shared_ptr<GrpcCore> core, std::string method, int calls);
  ~ThrowingOut();

  const std::string& address() const { return address_; }
  // How many it still throws out.
  int left() const;

 private:
  class Service;
  std::unique_ptr<Service> service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace outrigger::test
