#include "throwing_out.h"

#include <map>

namespace outrigger::test {
namespace {

struct Thrown : grpc::ServerGenericBidiReactor {
  explicit Thrown(grpc::StatusCode code) { Finish({code, "Buffers full"}); }
  void OnDone() override { delete this; }
};

}  // namespace

class ThrowingOut::Service : public grpc::CallbackGenericService {
 public:
  explicit Service(std::shared_ptr<GrpcCore> core) : service_(make_grpc_service(std::move(core))) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    {
      const std::lock_guard lock(mutex_);
      Rule& rule = rules_[context->method()];
      if (rule.thrown.size() < rule.calls) {
        rule.thrown.push_back(Clock::now());
        return new Thrown(rule.code);
      }
    }
    return service_->CreateReactor(context);
  }

  void throw_out(const std::string& method, std::size_t calls, grpc::StatusCode code) {
    const std::lock_guard lock(mutex_);
    rules_[method] = {calls, code, {}};
  }
  std::vector<TimePoint> thrown(const std::string& method) {
    const std::lock_guard lock(mutex_);
    return rules_[method].thrown;
  }

 private:
  struct Rule {
    std::size_t calls = 0;
    grpc::StatusCode code = grpc::StatusCode::OK;
    std::vector<TimePoint> thrown;
  };
  const std::unique_ptr<grpc::CallbackGenericService> service_;
  std::mutex mutex_;
  std::map<std::string, Rule> rules_;  // by method
};

ThrowingOut::ThrowingOut(std::shared_ptr<GrpcCore> core)
    : service_(std::make_unique<Service>(std::move(core))) {
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

void ThrowingOut::throw_out(const std::string& method, std::size_t calls, grpc::StatusCode code) {
  service_->throw_out(method, calls, code);
}

std::vector<TimePoint> ThrowingOut::thrown(const std::string& method) const {
  return service_->thrown(method);
}

}  // namespace outrigger::test
