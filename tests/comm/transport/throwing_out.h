#pragma once

#include <memory>
#include <string>
#include <vector>

#include <outrigger/comm/transport/grpc_core.h>

namespace outrigger::test {

// A server on loopback with make_grpc_service(), some of whose calls end as if its gRPC had thrown
// them out. Thread-safe.
class ThrowingOut {
 public:
  explicit ThrowingOut(std::shared_ptr<GrpcCore> core);
  ~ThrowingOut();

  const std::string& address() const { return address_; }
  // The first `calls` of this method from now on: for want of memory, or as `code` says.
  void throw_out(const std::string& method, std::size_t calls,
                 grpc::StatusCode code = grpc::StatusCode::RESOURCE_EXHAUSTED);
  // When it threw them out, the first, the second and so on.
  std::vector<TimePoint> thrown(const std::string& method) const;

 private:
  class Service;
  std::unique_ptr<Service> service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace outrigger::test
