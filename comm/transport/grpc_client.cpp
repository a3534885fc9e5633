#include <algorithm>

#include <fmt/format.h>

#include <outrigger/comm/transport/grpc_core.h>

namespace outrigger {
namespace {

// gRPC wants the wall clock. A deadline that is far off is clamped: adding it would overflow. The
// margin leaves the word to the operation's own deadline, whose message is better, where somebody
// waits for it.
constexpr auto kMargin = std::chrono::milliseconds(100);

std::chrono::system_clock::time_point wall_clock(TimePoint deadline) {
  const Duration left = std::min<Duration>(deadline - Clock::now(), std::chrono::hours(24 * 365));
  return std::chrono::system_clock::now() + kMargin +
         std::chrono::duration_cast<std::chrono::system_clock::duration>(left);
}

// A slice over the payload, which it keeps alive: gRPC may hold it for as long as the socket is
// stuck.
grpc::Slice borrow(SharedBytes part) {
  const auto release = [](void* kept) { delete static_cast<std::shared_ptr<const void>*>(kept); };
  auto* bytes = const_cast<std::byte*>(part.bytes.data());  // NOLINT: gRPC only reads
  return {bytes, part.bytes.size(), release, new std::shared_ptr(std::move(part.owner))};
}

// One outgoing message.
class SendCall : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                 public std::enable_shared_from_this<SendCall> {
 public:
  SendCall(std::shared_ptr<GrpcCore> core, SharedBytes payload,
           std::shared_ptr<Operation::State> state)
      : counted_(core->calls),
        core_(std::move(core)),
        state_(std::move(state)),
        payload_(std::move(payload)) {}

  void begin(grpc::GenericStub& stub, const Envelope& envelope) {
    {
      std::lock_guard lock(mutex_);
      keep_ = shared_from_this();
      context_.set_deadline(wall_clock(state_->deadline()));
      stub.PrepareBidiStreamingCall(&context_, kSendMethod, {}, this);
      const grpc::Slice slice(pack(envelope));
      buffer_ = grpc::ByteBuffer(&slice, 1);
      write();
      StartCall();
    }
    core_->rendezvous->bytes_sent += kFrameHeaderBytes;
    state_->on_end([weak = weak_from_this()](const Status&) {
      if (const auto self = weak.lock()) self->context_.TryCancel();
    });
  }

  void OnWriteDone(bool ok) override {
    std::lock_guard lock(mutex_);
    if (!ok || written_ == payload_.bytes.size()) return;
    const std::size_t bytes = std::min(kChunkBytes, payload_.bytes.size() - written_);
    const grpc::Slice slice = borrow(payload_.slice(written_, bytes));
    buffer_ = grpc::ByteBuffer(&slice, 1);
    written_ += bytes;
    core_->rendezvous->bytes_sent += bytes;
    write();
  }

  void OnDone(const grpc::Status& status) override {
    std::shared_ptr<SendCall> last;
    {
      std::lock_guard lock(mutex_);
      last.swap(keep_);
    }
    state_->end(from_grpc(status).with_context(state_->what()));
  }

 private:
  void write() {
    if (written_ == payload_.bytes.size())
      StartWriteLast(&buffer_, {});
    else
      StartWrite(&buffer_);
  }

  const GrpcCalls::Counted counted_;
  const std::shared_ptr<GrpcCore> core_;
  const std::shared_ptr<Operation::State> state_;
  grpc::ClientContext context_;
  std::mutex mutex_;  // gRPC calls back on any of its threads; guards all below
  std::shared_ptr<SendCall> keep_;
  const SharedBytes payload_;
  std::size_t written_ = 0;
  grpc::ByteBuffer buffer_;
};

class WatchCall : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                  public Watch,
                  public std::enable_shared_from_this<WatchCall> {
 public:
  WatchCall(const std::shared_ptr<GrpcCore>& core, std::function<void(const Status&)> ended)
      : counted_(core->calls), ended_(std::move(ended)) {}

  void begin(grpc::GenericStub& stub) {
    std::lock_guard lock(mutex_);
    keep_ = shared_from_this();
    stub.PrepareBidiStreamingCall(&context_, kWatchMethod, {}, this);
    StartCall();
  }

  void cancel() override { context_.TryCancel(); }

  void OnDone(const grpc::Status& status) override {
    std::shared_ptr<WatchCall> last;
    {
      std::lock_guard lock(mutex_);
      last.swap(keep_);
    }
    ended_(from_grpc(status));
  }

 private:
  const GrpcCalls::Counted counted_;
  const std::function<void(const Status&)> ended_;
  grpc::ClientContext context_;
  std::mutex mutex_;
  std::shared_ptr<WatchCall> keep_;
};

}  // namespace

void start_send(const std::shared_ptr<GrpcCore>& core, grpc::GenericStub& stub,
                const Envelope& envelope, SharedBytes payload,
                const std::shared_ptr<Operation::State>& state) {
  std::make_shared<SendCall>(core, std::move(payload), state)->begin(stub, envelope);
}

std::shared_ptr<Watch> start_watch(const std::shared_ptr<GrpcCore>& core, grpc::GenericStub& stub,
                                   std::function<void(const Status&)> ended) {
  auto watch = std::make_shared<WatchCall>(core, std::move(ended));
  watch->begin(stub);
  return watch;
}

}  // namespace outrigger
