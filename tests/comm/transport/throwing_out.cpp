#include "throwing_out.h"

#include <atomic>

namespace outrigger::test {
namespace {

struct Thrown : grpc::ServerGenericBidiReactor {
  Thrown() { Finish({grpc::StatusCode::RESOURCE_EXHAUSTED, "Buffers full"}); }
  void OnDone() override { delete this; }
};

class ThrowsOut : public grpc::CallbackGenericService {
 public:
  ThrowsOut(std::shared_ptr<GrpcCore> core, int messages)
      : service_(make_grpc_service(std::move(core))), messages_(messages) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    if (--messages_ < 0) return service_->CreateReactor(context);
    return new Thrown;
  }

 private:
  const std::unique_ptr<grpc::CallbackGenericService> service_;
  std::atomic<int> messages_;
};

}  // namespace

std::unique_ptr<grpc::CallbackGenericService> throwing_out(std::shared_ptr<GrpcCore> core,
                                                           int messages) {
  return std::make_unique<ThrowsOut>(std::move(core), messages);
}

}  // namespace outrigger::test
