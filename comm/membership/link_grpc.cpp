#include <deque>
#include <mutex>

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>
#include <membership.grpc.pb.h>

#include <outrigger/comm/membership/channel.h>
#include <outrigger/comm/membership/link.h>
#include <outrigger/comm/membership/wire.h>
#include <outrigger/comm/transport/grpc_calls.h>
#include <outrigger/comm/transport/grpc_wire.h>

namespace outrigger {
namespace {

// One connection.
class CoordinatorStream : public grpc::ClientBidiReactor<v1::MemberMessage, v1::CoordinatorMessage>,
                          public std::enable_shared_from_this<CoordinatorStream> {
 public:
  CoordinatorStream(const std::shared_ptr<grpc::Channel>& channel, const std::string& address,
                    std::uint64_t connection, const Link::Events& events,
                    std::shared_ptr<GrpcCalls> calls)
      : counted_(std::move(calls)),
        address_(address),
        connection_(connection),
        events_(events),
        stub_(v1::Coordination::NewStub(channel)) {}

  void begin() {
    keep_ = shared_from_this();
    stub_->async()->Attend(&context_, this);
    AddHold();  // for writes from outside; released when reading ends
    StartRead(&incoming_);
    StartCall();
  }

  void send(const v1::MemberMessage& message) {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    outgoing_.push_back(message);
    write_next();
  }

  void cancel() { context_.TryCancel(); }

  void OnReadDone(bool ok) override {
    if (ok) {
      events_.received(connection_, std::move(incoming_));
      incoming_.Clear();
      StartRead(&incoming_);
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    RemoveHold();
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    if (!ok) {
      outgoing_.clear();
      return;
    }
    outgoing_.pop_front();
    write_next();
  }

  void OnDone(const grpc::Status& status) override {
    const std::string reason = status.ok() ? "the coordinator has hung up" : status.error_message();
    events_.broken(connection_, fmt::format("{}: {}", address_, reason));
    std::shared_ptr<CoordinatorStream> last;
    const std::lock_guard lock(mutex_);
    last.swap(keep_);
  }

 private:
  // REQUIRES: mutex_ is held.
  void write_next() {
    if (writing_ || ended_ || outgoing_.empty()) return;
    writing_ = true;
    StartWrite(&outgoing_.front());
  }

  const GrpcCalls::Counted counted_;
  const std::string address_;
  const std::uint64_t connection_;
  const Link::Events& events_;  // the link's, which waits for this stream's end
  const std::unique_ptr<v1::Coordination::Stub> stub_;
  grpc::ClientContext context_;
  v1::CoordinatorMessage incoming_;
  std::mutex mutex_;
  std::shared_ptr<CoordinatorStream> keep_;
  std::deque<v1::MemberMessage> outgoing_;
  bool writing_ = false, ended_ = false;
};

class GrpcLink : public Link {
 public:
  GrpcLink(std::string address, Events events)
      : address_(std::move(address)), events_(std::move(events)) {}
  ~GrpcLink() override {
    close();
    calls_->wait();
  }

  void open(std::uint64_t connection) override {
    close();
    auto channel = coordinator_channel(address_, -1);  // it is trusted: a roster may be long
    stream_ = std::make_shared<CoordinatorStream>(channel, address_, connection, events_, calls_);
    stream_->begin();
    channel_.swap(channel);
  }
  void send(const v1::MemberMessage& message) override {
    if (stream_) stream_->send(message);
  }
  void close() override {
    if (stream_) stream_->cancel();
    stream_.reset();
  }

 private:
  const std::string address_;
  const Events events_;
  const std::shared_ptr<GrpcCalls> calls_ = std::make_shared<GrpcCalls>();
  std::shared_ptr<grpc::Channel> channel_;  // the newest's, so that no stream has the last one
  std::shared_ptr<CoordinatorStream> stream_;
};

}  // namespace

Result<std::unique_ptr<Link>> make_grpc_link(const std::string& address, bool insecure,
                                             Link::Events events) {
  if (const Status status = check_address(address, insecure); !status.ok()) return status;
  return std::unique_ptr<Link>(std::make_unique<GrpcLink>(address, std::move(events)));
}

}  // namespace outrigger
