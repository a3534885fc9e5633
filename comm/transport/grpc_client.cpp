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

// What a slice keeps alive, for as long as gRPC holds the slice: while the socket is stuck, say.
class Kept {
 public:
  explicit Kept(std::shared_ptr<const void> owner) {
    const std::lock_guard lock(mutex_);
    owner_ = std::move(owner);
  }
  static void release(void* kept) {
    const std::unique_ptr<Kept> gone(static_cast<Kept*>(kept));
    const std::lock_guard lock(gone->mutex_);
    gone->owner_.reset();
  }

 private:
  std::mutex mutex_;  // TSan does not see gRPC's own synchronisation
  std::shared_ptr<const void> owner_;
};

grpc::Slice borrow(SharedBytes part) {
  auto* bytes = const_cast<std::byte*>(part.bytes.data());  // NOLINT: gRPC only reads
  return {bytes, part.bytes.size(), Kept::release, new Kept(std::move(part.owner))};
}

// Tells the receiver that a message will not come again. Nobody waits for the answer.
class GiveUpCall : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit GiveUpCall(std::shared_ptr<GrpcCalls> calls) : counted_(std::move(calls)) {}

  void begin(grpc::GenericStub& stub, const Envelope& envelope) {
    const std::lock_guard lock(mutex_);
    context_.set_deadline(std::chrono::system_clock::now() + kPatience);
    stub.PrepareBidiStreamingCall(&context_, kGiveUpMethod, {}, this);
    const grpc::Slice slice(pack(envelope));
    buffer_ = grpc::ByteBuffer(&slice, 1);
    StartWriteLast(&buffer_, {});
    StartCall();
  }

  void OnDone(const grpc::Status&) override {
    { const std::lock_guard lock(mutex_); }
    delete this;
  }

 private:
  // A transport that is being closed waits for its calls.
  static constexpr auto kPatience = std::chrono::seconds(2);
  const GrpcCalls::Counted counted_;
  std::mutex mutex_;  // TSan does not see gRPC's own synchronisation
  grpc::ClientContext context_;
  grpc::ByteBuffer buffer_;
};

// One message on its way out; a new call when the connection broke, or the message got lost.
class SendCall : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                 public std::enable_shared_from_this<SendCall> {
 public:
  SendCall(std::shared_ptr<GrpcCore> core, std::shared_ptr<grpc::GenericStub> stub,
           Envelope envelope, SharedBytes payload, std::shared_ptr<Operation::State> state)
      : counted_(core->calls),
        core_(std::move(core)),
        stub_(std::move(stub)),
        envelope_(std::move(envelope)),
        state_(std::move(state)),
        payload_(std::move(payload)) {}

  void begin() {
    {
      std::lock_guard lock(mutex_);
      keep_ = shared_from_this();
      context_.set_deadline(wall_clock(state_->deadline()));
      context_.set_wait_for_ready(envelope_.sending > 0);
      stub_->PrepareBidiStreamingCall(&context_, kSendMethod, {}, this);
      const grpc::Slice slice(pack(envelope_));
      buffer_ = grpc::ByteBuffer(&slice, 1);
      write();
      StartCall();
    }
    core_->rendezvous->count_sent(envelope_.tag, kFrameHeaderBytes);
    state_->on_end([weak = weak_from_this()](const Status&) {
      if (const auto self = weak.lock()) self->give_up();
    });
  }

  void OnWriteDone(bool ok) override {
    std::lock_guard lock(mutex_);
    connected_ |= ok;
    if (!ok || written_ == payload_.bytes.size()) return;
    const std::size_t bytes = std::min(kChunkBytes, payload_.bytes.size() - written_);
    const grpc::Slice slice = borrow(payload_.slice(written_, bytes));
    buffer_ = grpc::ByteBuffer(&slice, 1);
    written_ += bytes;
    core_->rendezvous->count_sent(envelope_.tag, bytes);
    write();
  }

  void OnDone(const grpc::Status& status) override {
    std::shared_ptr<SendCall> last;
    {
      std::lock_guard lock(mutex_);
      last.swap(keep_);
      done_ = true;
    }
    if (to_be_sent_again(status) && !state_->done())
      again();
    else
      state_->end(from_grpc(status).with_context(state_->what()));
  }

 private:
  // No connection any more, or no memory at the receiver's gRPC, which threw the message out.
  static bool to_be_sent_again(const grpc::Status& status) {
    return status.error_code() == grpc::StatusCode::UNAVAILABLE ||
           status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
  }

  // Over a new connection if need be. If there can be none, the watch ends the operation.
  void again() {
    Envelope envelope = envelope_;
    ++envelope.sending;
    start_send(core_, stub_, envelope, payload_, state_);
  }

  // The operation has ended, from here unless the call is done.
  void give_up() {
    bool tell = false;
    {
      std::lock_guard lock(mutex_);
      if (done_) return;
      tell = connected_ || envelope_.sending > 0;
    }
    context_.TryCancel();
    if (tell) (new GiveUpCall(core_->calls))->begin(*stub_, envelope_);
  }

  void write() {
    if (written_ == payload_.bytes.size())
      StartWriteLast(&buffer_, {});
    else
      StartWrite(&buffer_);
  }

  const GrpcCalls::Counted counted_;
  const std::shared_ptr<GrpcCore> core_;
  const std::shared_ptr<grpc::GenericStub> stub_;
  const Envelope envelope_;
  const std::shared_ptr<Operation::State> state_;
  const SharedBytes payload_;
  grpc::ClientContext context_;
  std::mutex mutex_;  // gRPC calls back on any of its threads; guards all below
  std::shared_ptr<SendCall> keep_;
  bool connected_ = false, done_ = false;
  std::size_t written_ = 0;
  grpc::ByteBuffer buffer_;
};

class WatchCall : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                  public Watch,
                  public std::enable_shared_from_this<WatchCall> {
 public:
  WatchCall(const std::shared_ptr<GrpcCore>& core, Ended ended, std::optional<Duration> patience)
      : counted_(core->calls), ended_(std::move(ended)), patience_(patience) {}

  void begin(grpc::GenericStub& stub, MemberId member) {
    std::lock_guard lock(mutex_);
    keep_ = shared_from_this();
    context_.AddMetadata(kWatchedKey, to_string(member));
    if (patience_) {
      context_.set_wait_for_ready(true);
      context_.set_deadline(wall_clock(Clock::now() + *patience_));
    }
    stub.PrepareBidiStreamingCall(&context_, kWatchMethod, {}, this);
    StartCall();
  }

  void cancel() override { context_.TryCancel(); }

  void OnReadInitialMetadataDone(bool ok) override {
    std::lock_guard lock(mutex_);
    reached_ = ok;
    if (patience_) context_.TryCancel();
  }

  void OnDone(const grpc::Status& status) override {
    std::shared_ptr<WatchCall> last;
    bool reached = false;
    {
      std::lock_guard lock(mutex_);
      last.swap(keep_);
      reached = reached_;
    }
    ended_(reached, from_grpc(status));
  }

 private:
  const GrpcCalls::Counted counted_;
  const Ended ended_;
  const std::optional<Duration> patience_;
  grpc::ClientContext context_;
  std::mutex mutex_;
  std::shared_ptr<WatchCall> keep_;
  bool reached_ = false;
};

}  // namespace

void start_send(const std::shared_ptr<GrpcCore>& core,
                const std::shared_ptr<grpc::GenericStub>& stub, const Envelope& envelope,
                SharedBytes payload, const std::shared_ptr<Operation::State>& state) {
  std::make_shared<SendCall>(core, stub, envelope, std::move(payload), state)->begin();
}

std::shared_ptr<Watch> start_watch(const std::shared_ptr<GrpcCore>& core, MemberId member,
                                   grpc::GenericStub& stub, Watch::Ended ended,
                                   std::optional<Duration> patience) {
  auto watch = std::make_shared<WatchCall>(core, std::move(ended), patience);
  watch->begin(stub, member);
  return watch;
}

}  // namespace outrigger
