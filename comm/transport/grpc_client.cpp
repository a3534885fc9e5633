#include <algorithm>

#include <fmt/format.h>
#include <grpcpp/alarm.h>

#include <outrigger/comm/transport/grpc_core.h>

namespace outrigger {

Duration Resending::pause_after(std::uint32_t sending) const {
  Duration pause = first_pause;
  for (; sending > 0 && pause < longest_pause; --sending) pause *= 2;
  return std::min(pause, longest_pause);
}

namespace {

// Leaves the word to the operation's own deadline, whose message is better, where somebody waits
// for it.
constexpr auto kMargin = std::chrono::milliseconds(100);

// gRPC wants the wall clock. What is far off is clamped: adding it would overflow.
std::chrono::system_clock::time_point wall_clock(TimePoint time) {
  const Duration left = std::min<Duration>(time - Clock::now(), std::chrono::hours(24 * 365));
  return std::chrono::system_clock::now() +
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

// One message on its way out, or the word that it will not come (kGiveUpMethod); a new call when
// the connection broke, or the receiver's gRPC had no memory for it.
class SendCall : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                 public std::enable_shared_from_this<SendCall> {
 public:
  SendCall(std::shared_ptr<GrpcCore> core, std::shared_ptr<grpc::GenericStub> stub,
           std::string method, Envelope envelope, SharedBytes payload,
           std::shared_ptr<Operation::State> state)
      : counted_(core->calls),
        core_(std::move(core)),
        stub_(std::move(stub)),
        method_(std::move(method)),
        envelope_(std::move(envelope)),
        state_(std::move(state)),
        payload_(std::move(payload)) {}

  void begin() {
    {
      std::lock_guard lock(mutex_);
      keep_ = shared_from_this();
      context_.set_deadline(wall_clock(state_->deadline()) + kMargin);
      context_.set_wait_for_ready(envelope_.sending > 0);
      stub_->PrepareBidiStreamingCall(&context_, method_, {}, this);
      const grpc::Slice slice(pack(envelope_));
      buffer_ = grpc::ByteBuffer(&slice, 1);
      write();
      StartCall();
    }
    if (is_message()) core_->rendezvous->count_sent(envelope_.tag, kFrameHeaderBytes);
    state_->on_end([weak = weak_from_this()](const Status&) {
      if (const auto self = weak.lock()) self->give_up();
    });
    if (!is_message() && envelope_.sending > 0) stop_when_closing();
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
    const bool thrown_out = status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
    const bool broken = status.error_code() == grpc::StatusCode::UNAVAILABLE;
    if (broken) (void)state_->done();  // ends it, if its deadline has passed
    std::shared_ptr<SendCall> last;
    {
      std::lock_guard lock(mutex_);
      if (thrown_out && stage_ == Stage::kCall) return pause();
      last.swap(keep_);
      if (stage_ == Stage::kOver) return;
      stage_ = Stage::kOver;
    }
    if (broken)
      again();
    else
      state_->end(from_grpc(status).with_context(state_->what()));
  }

 private:
  // kOver: the operation has ended, or it is another call's.
  enum class Stage { kCall, kPause, kOver };

  bool is_message() const { return method_ == kSendMethod; }

  // REQUIRES: mutex_ is held.
  void pause() {
    stage_ = Stage::kPause;
    const TimePoint end = Clock::now() + core_->resending.pause_after(envelope_.sending);
    alarm_.emplace().Set(wall_clock(std::min(end, state_->deadline())),
                         [this](bool) { pause_is_over(); });
  }

  void pause_is_over() {
    (void)state_->done();
    std::shared_ptr<SendCall> last;
    {
      std::lock_guard lock(mutex_);
      last.swap(keep_);
      if (stage_ == Stage::kOver) return;
      stage_ = Stage::kOver;
    }
    again();
  }

  // Over a new connection if need be. If there can be none, the watch ends the operation.
  void again() {
    Envelope envelope = envelope_;
    ++envelope.sending;
    std::make_shared<SendCall>(core_, stub_, method_, envelope, payload_, state_)->begin();
  }

  // The operation has ended, and not by the call's end.
  void give_up() {
    bool paused = false, tell = false;
    {
      std::lock_guard lock(mutex_);
      if (stage_ == Stage::kOver) return;
      paused = stage_ == Stage::kPause;
      tell = is_message() && (connected_ || paused || envelope_.sending > 0);
      stage_ = Stage::kOver;
    }
    if (paused)
      alarm_->Cancel();
    else
      context_.TryCancel();
    if (tell) tell_receiver();
  }

  // That the message will not come. Nobody waits for the answer.
  void tell_receiver() {
    Envelope envelope = envelope_;
    envelope.sending = 0;
    const auto state = std::make_shared<Operation::State>(
        Clock::now() + core_->resending.give_up_patience, "giving up " + state_->what());
    std::make_shared<SendCall>(core_, stub_, kGiveUpMethod, envelope, SharedBytes(), state)
        ->begin();
  }

  // The receiver notices soon that its peer is gone.
  void stop_when_closing() {
    closing_.emplace(core_->calls->closing(), [weak = weak_from_this()] {
      if (const auto self = weak.lock())
        self->state_->end({Code::kCancelled, self->state_->what() + ": closing"});
    });
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
  const std::string method_;
  const Envelope envelope_;
  const std::shared_ptr<Operation::State> state_;
  const SharedBytes payload_;
  grpc::ClientContext context_;
  std::optional<std::stop_callback<std::function<void()>>> closing_;
  std::mutex mutex_;  // gRPC calls back on any of its threads; guards all below
  std::shared_ptr<SendCall> keep_;
  Stage stage_ = Stage::kCall;
  std::optional<grpc::Alarm> alarm_;  // of the pause; none is set twice
  bool connected_ = false;
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
      context_.set_deadline(wall_clock(Clock::now() + *patience_) + kMargin);
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
  std::make_shared<SendCall>(core, stub, kSendMethod, envelope, std::move(payload), state)->begin();
}

std::shared_ptr<Watch> start_watch(const std::shared_ptr<GrpcCore>& core, MemberId member,
                                   grpc::GenericStub& stub, Watch::Ended ended,
                                   std::optional<Duration> patience) {
  auto watch = std::make_shared<WatchCall>(core, std::move(ended), patience);
  watch->begin(stub, member);
  return watch;
}

}  // namespace outrigger
