#include <outrigger/comm/membership/service.h>

#include <deque>
#include <mutex>
#include <optional>

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>
#include <membership.grpc.pb.h>

#include <outrigger/comm/membership/host.h>
#include <outrigger/comm/membership/wire.h>
#include <outrigger/comm/transport/grpc_wire.h>

namespace outrigger {
namespace {

// How long a hang-up may take before streams are cut, so that a last Abort gets out.
constexpr Duration kHangUp = std::chrono::seconds(1);
// For how long an answer about the links serves all who ask: it is large if the islands are many.
constexpr Duration kLinksServe = std::chrono::seconds(1);

// One member's connection. gRPC calls back on its own threads; it deletes itself when gRPC is done
// with it and nobody else holds it.
class MemberStream : public grpc::ServerBidiReactor<v1::MemberMessage, v1::CoordinatorMessage>,
                     public std::enable_shared_from_this<MemberStream> {
 public:
  explicit MemberStream(CoordinatorHost& host) : host_(host) {}

  void begin() {
    keep_ = shared_from_this();
    const std::weak_ptr<MemberStream> weak = keep_;
    connection_ = host_.attach({[weak](const v1::CoordinatorMessage& message) {
                                  if (const auto self = weak.lock()) self->send(message);
                                },
                                [weak] {
                                  if (const auto self = weak.lock()) self->close();
                                }});
    StartRead(&incoming_);
  }

  void OnReadDone(bool ok) override {
    if (ok) {
      host_.receive(connection_, std::move(incoming_));
      incoming_.Clear();
      StartRead(&incoming_);
      return;
    }
    host_.detach(connection_,
                 "its end of the stream closed: the process ended, or the link is cut");
    close();
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    if (ok) {
      outgoing_.pop_front();
    } else {
      outgoing_.clear();
      closing_ = true;
    }
    writing_ = false;
    go_on();
  }

  void OnDone() override {
    std::shared_ptr<MemberStream> last;
    const std::lock_guard lock(mutex_);
    last.swap(keep_);
  }

 private:
  void send(const v1::CoordinatorMessage& message) {
    const std::lock_guard lock(mutex_);
    if (closing_) return;
    outgoing_.push_back(message);
    go_on();
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    go_on();
  }

  // REQUIRES: mutex_ is held.
  void go_on() {
    if (writing_ || finished_) return;
    if (!outgoing_.empty()) {
      writing_ = true;
      StartWrite(&outgoing_.front());
    } else if (closing_) {
      finished_ = true;
      Finish(grpc::Status::OK);
    }
  }

  CoordinatorHost& host_;
  ConnectionId connection_ = 0;
  v1::MemberMessage incoming_;
  std::mutex mutex_;
  std::shared_ptr<MemberStream> keep_;
  std::deque<v1::CoordinatorMessage> outgoing_;
  bool writing_ = false, closing_ = false, finished_ = false;
};

class CoordinationService : public v1::Coordination::CallbackService {
 public:
  explicit CoordinationService(CoordinatorHost& host) : host_(host) {}

  grpc::ServerBidiReactor<v1::MemberMessage, v1::CoordinatorMessage>* Attend(
      grpc::CallbackServerContext*) override {
    const auto stream = std::make_shared<MemberStream>(host_);
    stream->begin();
    return stream.get();
  }

  grpc::ServerUnaryReactor* Links(grpc::CallbackServerContext* context, const v1::LinkQuery*,
                                  v1::LinkTable* answer) override {
    *answer = links();
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  v1::LinkTable links() {
    const std::lock_guard lock(mutex_);
    const TimePoint now = Clock::now();
    if (!links_at_ || now - *links_at_ >= kLinksServe) {
      links_ = to_wire(host_.links());
      links_at_ = now;
    }
    return links_;
  }

  CoordinatorHost& host_;
  std::mutex mutex_;
  std::optional<TimePoint> links_at_;
  v1::LinkTable links_;
};

}  // namespace

class CoordinatorService::Impl {
 public:
  explicit Impl(std::unique_ptr<CoordinatorHost> coordinator)
      : host(std::move(coordinator)), service(*host) {}
  ~Impl() {
    if (!server) return;
    server->Shutdown(std::chrono::system_clock::now() + kHangUp);
    server->Wait();
  }

  std::unique_ptr<CoordinatorHost> host;
  CoordinationService service;
  std::unique_ptr<grpc::Server> server;
  std::string address;
};

Result<std::unique_ptr<CoordinatorService>> CoordinatorService::start(
    CoordinatorConfig config, std::unique_ptr<Journal> journal, const ServiceOptions& options,
    LogSink log) {
  if (const Status status = check_address(options.listen, options.insecure); !status.ok())
    return status;
  auto host = CoordinatorHost::start(std::move(config), std::move(journal), std::move(log));
  if (!host.ok()) return host.status();
  auto impl = std::make_unique<Impl>(std::move(*host));
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(options.listen, grpc::InsecureServerCredentials(), &port);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.SetMaxReceiveMessageSize(static_cast<int>(kMaxControlMessageBytes));
  builder.RegisterService(&impl->service);
  impl->server = builder.BuildAndStart();
  if (!impl->server || port == 0) {
    return Status(
        Code::kResourceExhausted,
        fmt::format("the coordinator cannot listen on {}: the port is taken or the address is not "
                    "this machine's; choose another, or port 0 for a free one",
                    options.listen));
  }
  impl->address = fmt::format("{}:{}", options.listen.substr(0, options.listen.rfind(':')), port);
  return std::unique_ptr<CoordinatorService>(new CoordinatorService(std::move(impl)));
}

CoordinatorService::CoordinatorService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CoordinatorService::~CoordinatorService() = default;
std::string CoordinatorService::address() const {
  return impl_->address;
}
Status CoordinatorService::wait() {
  return impl_->host->wait();
}
std::optional<std::string> CoordinatorService::culprit() const {
  return impl_->host->culprit();
}

}  // namespace outrigger
