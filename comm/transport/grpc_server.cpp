#include <fmt/format.h>

#include <outrigger/comm/transport/grpc_core.h>

namespace outrigger {
namespace {

// Nothing but the end of the process or the connection ends it.
class WatchStream : public grpc::ServerGenericBidiReactor {
 public:
  WatchStream() { StartSendInitialMetadata(); }  // the watcher has reached this member
  void OnCancel() override { Finish({grpc::StatusCode::CANCELLED, "it has closed its transport"}); }
  void OnDone() override { delete this; }
};

class RefusedStream : public grpc::ServerGenericBidiReactor {
 public:
  explicit RefusedStream(const grpc::Status& why) { Finish(why); }
  void OnDone() override { delete this; }
};

Result<Envelope> take_envelope_from(grpc::ByteBuffer& buffer, const GrpcCore& core) {
  std::vector<std::byte> bytes(buffer.Length());
  copy_out(buffer, bytes);
  buffer.Clear();
  Result<Envelope> envelope = unpack(bytes);
  if (!envelope.ok()) return envelope;
  if (const Status status = core.check_envelope(*envelope); !status.ok()) return status;
  return envelope;
}

class GiveUpStream : public grpc::ServerGenericBidiReactor {
 public:
  explicit GiveUpStream(std::shared_ptr<GrpcCore> core) : core_(std::move(core)) {
    StartRead(&buffer_);
  }
  void OnReadDone(bool ok) override {
    Status status(Code::kUnavailable, "the stream ended");
    if (ok) {
      const Result<Envelope> envelope = take_envelope_from(buffer_, *core_);
      status = envelope.status();
      if (status.ok()) core_->rendezvous->sender_gave_up(envelope->from, envelope->tag);
    }
    Finish(to_grpc(status));
  }
  void OnDone() override { delete this; }

 private:
  const std::shared_ptr<GrpcCore> core_;
  grpc::ByteBuffer buffer_;
};

// One incoming message. Reads the envelope, then nothing until its recv is there: the sender is
// held by HTTP/2's flow control meanwhile. The recv's end, for whatever reason, finishes the
// stream. If the connection breaks, the recv waits for the message to come again.
class RecvStream : public grpc::ServerGenericBidiReactor,
                   public Arrival,
                   public std::enable_shared_from_this<RecvStream> {
 public:
  RecvStream(std::shared_ptr<GrpcCore> core, const grpc::GenericCallbackServerContext& context)
      : core_(std::move(core)), context_(context) {}

  void begin() {
    std::lock_guard lock(mutex_);
    keep_ = shared_from_this();
    StartRead(&buffer_);
  }

  void accept(PostedRecv posted) override {
    const Result<FrameHeader> header = check_header(posted, envelope_.frame);
    posted.state->on_end([weak = weak_from_this()](const Status& status) {
      if (const auto self = weak.lock()) self->finish(status);
    });
    if (!header.ok()) {
      posted.state->end(header.status());
      return;
    }
    core_->rendezvous->count_received(posted.tag, kFrameHeaderBytes);
    bool ended = false;
    {
      std::lock_guard lock(mutex_);
      header_ = *header;
      posted_ = posted;
      ended = finished_;
      if (!ended && !posted.dest.empty()) {
        StartRead(&buffer_);
        return;
      }
    }
    if (ended)
      core_->rendezvous->wait_again(std::move(posted));
    else
      conclude(posted);  // an empty payload
  }

  void refuse(const Status& why) override { finish(why); }

  void OnReadDone(bool ok) override {
    std::optional<PostedRecv> posted;
    {
      std::lock_guard lock(mutex_);
      if (finished_) return;
      posted = posted_;
    }
    if (!ok)
      broken();
    else if (posted)
      take_chunk(*posted);
    else
      take_envelope();
  }

  void OnCancel() override { broken(); }

  void OnDone() override {
    std::shared_ptr<RecvStream> last;
    std::optional<PostedRecv> unfinished;
    std::size_t taken = 0;
    {
      std::lock_guard lock(mutex_);
      last.swap(keep_);
      unfinished.swap(unfinished_);
      taken = taken_;
    }
    if (!unfinished) return;
    if (context_.IsCancelled())
      core_->rendezvous->wait_again(std::move(*unfinished));
    else
      unfinished->state->end(too_short(*unfinished, taken));
  }

 private:
  static Status too_short(const PostedRecv& posted, std::size_t taken) {
    return {Code::kCorruption, fmt::format("{}: it ended after {} of {} bytes",
                                           posted.state->what(), taken, posted.dest.size())};
  }

  void take_envelope();
  void take_chunk(const PostedRecv& posted);
  void conclude(const PostedRecv& posted);
  void broken();
  void finish(const Status& status);

  const std::shared_ptr<GrpcCore> core_;
  const grpc::GenericCallbackServerContext& context_;  // lives until OnDone
  std::mutex mutex_;  // gRPC calls back on any of its threads; guards all below
  std::shared_ptr<RecvStream> keep_;
  grpc::ByteBuffer buffer_;
  Envelope envelope_;
  bool arrived_ = false;
  FrameHeader header_;
  std::optional<PostedRecv> posted_;
  std::optional<PostedRecv> unfinished_;  // its stream ended: broken off, or too short
  std::size_t taken_ = 0;
  bool finished_ = false;
};

void RecvStream::take_envelope() {
  Status status;
  MemberId from;
  Tag tag;
  bool again = false;
  {
    std::lock_guard lock(mutex_);
    const Result<Envelope> envelope = take_envelope_from(buffer_, *core_);
    status = envelope.status();
    if (status.ok()) {
      arrived_ = true;
      envelope_ = *envelope;
      from = envelope_.from;
      tag = envelope_.tag;
      again = envelope_.sending > 0;
    }
  }
  if (!status.ok()) return finish(status);
  core_->rendezvous->arrive(from, tag, shared_from_this(), again);
  // broken() may have come first, with nothing to withdraw yet.
  bool ended = false;
  {
    std::lock_guard lock(mutex_);
    ended = finished_;
  }
  if (ended) core_->rendezvous->withdraw(from, tag, this);
}

void RecvStream::take_chunk(const PostedRecv& posted) {
  bool whole = false, too_long = false;
  {
    std::lock_guard lock(mutex_);
    const std::size_t bytes = buffer_.Length();
    too_long = bytes > posted.dest.size() - taken_;
    if (finished_) return;
    if (!too_long &&
        !posted.state->touch([&] { copy_out(buffer_, posted.dest.subspan(taken_, bytes)); }))
      return;
    buffer_.Clear();
    if (!too_long) {
      taken_ += bytes;
      core_->rendezvous->count_received(posted.tag, bytes);
      whole = taken_ == posted.dest.size();
      if (!whole) StartRead(&buffer_);
    }
  }
  if (too_long)
    posted.state->end(
        {Code::kCorruption, posted.state->what() + ": more bytes came than the header announced"});
  else if (whole)
    conclude(posted);
}

void RecvStream::conclude(const PostedRecv& posted) {
  FrameHeader header;
  {
    std::lock_guard lock(mutex_);
    header = header_;
  }
  Status status;
  posted.state->touch([&] { status = check_dest(posted, header); });
  posted.state->end(status);
}

void RecvStream::broken() {
  bool withdraw = false;
  {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    unfinished_ = posted_;
    withdraw = arrived_ && !posted_;
    // Under this lock, so that an accept() from here on sees it, and nothing is taken any more.
    finished_ = true;
    Finish(to_grpc({Code::kCorruption, "the stream ended before the message did"}));
  }
  if (withdraw) core_->rendezvous->withdraw(envelope_.from, envelope_.tag, this);
}

void RecvStream::finish(const Status& status) {
  std::lock_guard lock(mutex_);
  if (finished_) return;
  finished_ = true;
  Finish(to_grpc(status));
}

class PayloadService : public grpc::CallbackGenericService {
 public:
  explicit PayloadService(std::shared_ptr<GrpcCore> core) : core_(std::move(core)) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    if (context->method() == kWatchMethod) return watch(*context);
    if (context->method() == kGiveUpMethod) return new GiveUpStream(core_);
    if (context->method() != kSendMethod)
      return new RefusedStream({grpc::StatusCode::UNIMPLEMENTED, "no such method here"});
    const auto stream = std::make_shared<RecvStream>(core_, *context);
    stream->begin();
    return stream.get();
  }

 private:
  grpc::ServerGenericBidiReactor* watch(const grpc::GenericCallbackServerContext& context) {
    const auto watched = context.client_metadata().find(kWatchedKey);
    const std::string self = to_string(core_->self());
    if (watched != context.client_metadata().end() && watched->second == self)
      return new WatchStream;
    return new RefusedStream({grpc::StatusCode::FAILED_PRECONDITION, "this is " + self});
  }

  const std::shared_ptr<GrpcCore> core_;
};

}  // namespace

std::unique_ptr<grpc::CallbackGenericService> make_grpc_service(std::shared_ptr<GrpcCore> core) {
  return std::make_unique<PayloadService>(std::move(core));
}

}  // namespace outrigger
