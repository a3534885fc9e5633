#include <fmt/format.h>

#include <outrigger/comm/transport/grpc_core.h>

namespace outrigger {
namespace {

// Nothing but the end of the process or the connection ends it.
class WatchStream : public grpc::ServerGenericBidiReactor {
 public:
  void OnCancel() override { Finish({grpc::StatusCode::CANCELLED, "it has closed its transport"}); }
  void OnDone() override { delete this; }
};

class RefusedStream : public grpc::ServerGenericBidiReactor {
 public:
  explicit RefusedStream(const grpc::Status& why) { Finish(why); }
  void OnDone() override { delete this; }
};

Status stream_ended(const PostedRecv& posted, std::size_t taken) {
  return {Code::kUnavailable,
          fmt::format("{}: its stream ended after {} of {} bytes; the process has ended, the link "
                      "is cut, or it gave up",
                      posted.state->what(), taken, posted.dest.size())};
}

// One incoming message. Reads the envelope, then nothing until its recv is there: the sender is
// held by HTTP/2's flow control meanwhile. The recv's end, for whatever reason, finishes the
// stream.
class RecvStream : public grpc::ServerGenericBidiReactor,
                   public Arrival,
                   public std::enable_shared_from_this<RecvStream> {
 public:
  explicit RecvStream(std::shared_ptr<GrpcCore> core) : core_(std::move(core)) {}

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
    core_->rendezvous->bytes_received += kFrameHeaderBytes;
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
      posted.state->end(stream_ended(posted, 0));
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
    std::lock_guard lock(mutex_);
    last.swap(keep_);
  }

 private:
  void take_envelope();
  void take_chunk(const PostedRecv& posted);
  void conclude(const PostedRecv& posted);
  void broken();
  void finish(const Status& status);

  const std::shared_ptr<GrpcCore> core_;
  std::mutex mutex_;  // gRPC calls back on any of its threads; guards all below
  std::shared_ptr<RecvStream> keep_;
  grpc::ByteBuffer buffer_;
  Envelope envelope_;
  bool arrived_ = false;
  FrameHeader header_;
  std::optional<PostedRecv> posted_;
  std::size_t taken_ = 0;
  bool finished_ = false;
};

void RecvStream::take_envelope() {
  Status status;
  MemberId from;
  Tag tag;
  {
    std::lock_guard lock(mutex_);
    std::vector<std::byte> bytes(buffer_.Length());
    copy_out(buffer_, bytes);
    buffer_.Clear();
    Result<Envelope> envelope = unpack(bytes);
    status = envelope.ok() ? core_->check_envelope(*envelope) : envelope.status();
    if (status.ok()) {
      arrived_ = true;
      envelope_ = *envelope;
      from = envelope_.from;
      tag = envelope_.tag;
    }
  }
  if (!status.ok()) return finish(status);
  core_->rendezvous->arrive(from, tag, shared_from_this());
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
    if (!too_long &&
        !posted.state->touch([&] { copy_out(buffer_, posted.dest.subspan(taken_, bytes)); }))
      return;
    buffer_.Clear();
    if (!too_long) {
      taken_ += bytes;
      core_->rendezvous->bytes_received += bytes;
      whole = taken_ == posted.dest.size();
      if (!whole && !finished_) StartRead(&buffer_);
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
  std::optional<PostedRecv> posted;
  bool arrived = false;
  std::size_t taken = 0;
  {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    posted = posted_;
    arrived = arrived_;
    taken = taken_;
    // Under this lock, so that an accept() from here on sees it and ends its recv.
    if (!posted) {
      finished_ = true;
      Finish(to_grpc({Code::kUnavailable, "the sender's stream ended"}));
    }
  }
  if (posted) {
    posted->state->end(stream_ended(*posted, taken));
    finish({Code::kUnavailable, "the sender's stream ended"});
  } else if (arrived) {
    core_->rendezvous->withdraw(envelope_.from, envelope_.tag, this);
  }
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
    if (context->method() == kWatchMethod) return new WatchStream;
    if (context->method() != kSendMethod)
      return new RefusedStream({grpc::StatusCode::UNIMPLEMENTED, "no such method here"});
    const auto stream = std::make_shared<RecvStream>(core_);
    stream->begin();
    return stream.get();
  }

 private:
  const std::shared_ptr<GrpcCore> core_;
};

}  // namespace

std::unique_ptr<grpc::CallbackGenericService> make_grpc_service(std::shared_ptr<GrpcCore> core) {
  return std::make_unique<PayloadService>(std::move(core));
}

}  // namespace outrigger
