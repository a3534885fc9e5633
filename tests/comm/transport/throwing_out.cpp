#include "throwing_out.h"

#include <atomic>

namespace outrigger::test {
namespace {

struct Thrown : grpc::ServerGenericBidiReactor {
  Thrown() { Finish({grpc::StatusCode::RESOURCE_EXHAUSTED, "Buffers full"}); }
  void OnDone() override { delete this; }
};

}  // namespace

class ThrowingOut::Service : public grpc::CallbackGenericService {
 public:
  Service(std::shared_ptr<GrpcCore> core, std::string method, int calls)
      : service_(make_grpc_service(std::move(core))), method_(std::move(method)), left_(calls) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    if (context->method() != method_ || left_ == 0) return service_->CreateReactor(context);
    --left_;
    return new Thrown;
  }
  int left() const { return left_; }

 private:
  const std::unique_ptr<grpc::CallbackGenericService> service_;
  const std::string method_;
  std::atomic<int> left_;  // calls of one method come one after the other here
};

ThrowingOut::ThrowingOut(std::shared_ptr<GrpcCore> core, std::string method, int calls)
    : service_(std::make_unique<Service>(std::move(core), std::move(method), calls)) {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterCallbackGenericService(service_.get());
  server_ = builder.BuildAndStart();
  address_ = "127.0.0.1:" + std::to_string(port);
}

ThrowingOut::~ThrowingOut() {
  server_->Shutdown(std::chrono::system_clock::now());  // a watch lives as long as the connection
}

int ThrowingOut::left() const {
  return service_->left();
}

}  // namespace outrigger::test
