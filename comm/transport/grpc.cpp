#include <map>
#include <vector>

#include <fmt/format.h>

#include <outrigger/comm/transport/grpc.h>
#include <outrigger/comm/transport/grpc_core.h>

namespace outrigger {
namespace {

constexpr int kMaxMessageBytes = static_cast<int>(kChunkBytes) + 4096;
constexpr int kMaxStreams = 512;  // of one connection; more than Rendezvous lets wait
// For so long a peer may be out of reach before it is gone.
constexpr auto kPatience = std::chrono::seconds(2);

void bound_messages(const std::function<void(const char*, int)>& set) {
  set(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, kMaxMessageBytes);
  set(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, 1024 * 1024);
}

// A router forgets a connection that is idle between two rounds, and tells nobody.
void keep_alive(const std::function<void(const char*, int)>& set) {
  set(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  set(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  set(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  set(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  set(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
}

grpc::ChannelArguments channel_arguments() {
  grpc::ChannelArguments arguments;
  const auto set = [&](const char* name, int value) { arguments.SetInt(name, value); };
  bound_messages(set);
  keep_alive(set);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);  // it receives nothing but answers
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);  // they would keep copies of the payload
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  return arguments;
}

}  // namespace

MemberId GrpcCore::self() const {
  std::lock_guard lock(mutex_);
  return self_;
}

void GrpcCore::set_self(MemberId self) {
  std::lock_guard lock(mutex_);
  self_ = self;
  admitted_ = true;
}

Status GrpcCore::check_envelope(const Envelope& envelope) const {
  std::lock_guard lock(mutex_);
  if (envelope.job != job)
    return {Code::kPermissionDenied,
            fmt::format("this is job '{}', the message is of job '{}'", job, envelope.job)};
  if (!admitted_ || envelope.to != self_)
    return {Code::kFailedPrecondition,
            fmt::format("the message is for {}, which is not here", to_string(envelope.to))};
  return {};
}

class GrpcTransport::Impl {
 public:
  explicit Impl(const GrpcOptions& options)
      : insecure_(options.insecure), channels_(options.channels) {
    core_->job = options.job;
  }

  ~Impl() {
    core_->rendezvous->close(
        {Code::kUnavailable, to_string(core_->self()) + " has closed its transport"});
    {
      std::lock_guard lock(mutex_);
      closing_ = true;
      for (auto& entry : peers_)
        if (entry.second->watch) entry.second->watch->cancel();
    }
    if (server_) {
      server_->Shutdown(std::chrono::system_clock::now());
      server_->Wait();
    }
    core_->calls->wait();
  }

  Status listen(const std::string& address);

  Status add_peer(MemberId peer, const std::string& address);
  Operation send(MemberId to, const Envelope& envelope, SharedBytes payload, TimePoint deadline);
  Operation recv(PostedRecv posted);

  GrpcCore& core() { return *core_; }
  const std::string& address() const { return address_; }

 private:
  struct Peer {
    Peer(const std::string& where, std::uint32_t channels) : address(where) {
      for (std::uint32_t k = 0; k < channels; ++k)
        stubs.push_back(std::make_shared<grpc::GenericStub>(grpc::CreateCustomChannel(
            where, grpc::InsecureChannelCredentials(), channel_arguments())));
    }
    const std::shared_ptr<grpc::GenericStub>& next_stub() { return stubs[next++ % stubs.size()]; }

    const std::string address;
    std::vector<std::shared_ptr<grpc::GenericStub>> stubs;  // each has its own connection
    std::atomic<std::size_t> next = 0;
    std::shared_ptr<Watch> watch;  // while there is one
  };

  std::shared_ptr<Peer> find(MemberId peer);
  // Fails what is pending with the peer once it cannot be reached any more.
  void watch(MemberId member);
  // Whether the connection that broke can be made again. REQUIRES: mutex_ is held.
  void look_again(MemberId member, const std::shared_ptr<Peer>& peer, const Status& lost,
                  TimePoint until);
  bool is_current(MemberId member, const std::shared_ptr<Peer>& peer) const;  // likewise
  void gone(MemberId member, const Peer& peer, const Status& why);

  const bool insecure_;
  const std::uint32_t channels_;
  const std::shared_ptr<GrpcCore> core_ = std::make_shared<GrpcCore>();
  std::unique_ptr<grpc::CallbackGenericService> service_ = make_grpc_service(core_);
  grpc::ResourceQuota memory_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
  std::mutex mutex_;
  bool closing_ = false;
  std::map<MemberId, std::shared_ptr<Peer>> peers_;
};

Status GrpcTransport::Impl::listen(const std::string& address) {
  const Status allowed = check_address(address, insecure_);
  if (!allowed.ok()) return allowed;
  grpc::ServerBuilder builder;
  const auto set = [&](const char* name, int value) { builder.AddChannelArgument(name, value); };
  bound_messages(set);
  keep_alive(set);
  // Else no connection has more than 64 KiB on its way that no reader has asked for, and a message
  // costs one more round trip for that.
  set(GRPC_ARG_HTTP2_BDP_PROBE, 1);
  memory_.Resize(kUnreadBytesOfPeer);
  builder.SetResourceQuota(memory_);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreams);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  int port = 0;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
  builder.RegisterCallbackGenericService(service_.get());
  server_ = builder.BuildAndStart();
  if (!server_ || port == 0)
    return {Code::kResourceExhausted,
            fmt::format("cannot listen on {}: the port is taken or not permitted, or the address "
                        "is not this machine's",
                        address)};
  address_ = fmt::format("{}:{}", address.substr(0, address.rfind(':')), port);
  return {};
}

Status GrpcTransport::Impl::add_peer(MemberId peer, const std::string& address) {
  const Status allowed = check_address(address, insecure_);
  if (!allowed.ok()) return allowed.with_context(to_string(peer));
  std::lock_guard lock(mutex_);
  const Status added = core_->rendezvous->add_peer(peer);
  if (!added.ok()) return added;
  std::erase_if(peers_, [&](const auto& entry) {
    const bool replaced =
        entry.first.island == peer.island && entry.first.worker == peer.worker &&
        (entry.first.incarnation < peer.incarnation || entry.second->address != address);
    if (replaced && entry.second->watch) entry.second->watch->cancel();
    return replaced;
  });
  std::shared_ptr<Peer>& known = peers_[peer];
  if (!known) known = std::make_shared<Peer>(address, channels_);
  memory_.Resize(kUnreadBytesOfPeer * (peers_.size() + 1));
  return {};
}

Operation GrpcTransport::Impl::send(MemberId to, const Envelope& envelope, SharedBytes payload,
                                    TimePoint deadline) {
  const std::shared_ptr<Peer> peer = find(to);
  const auto state = std::make_shared<Operation::State>(
      deadline, sending(envelope.tag, to) + (peer ? " at " + peer->address : ""));
  if (!core_->rendezvous->begin_send(to, envelope.tag, state).ok()) return Operation(state);
  watch(to);
  start_send(core_, peer->next_stub(), envelope, std::move(payload), state);
  return Operation(state);
}

Operation GrpcTransport::Impl::recv(PostedRecv posted) {
  const MemberId from = posted.from;
  const Operation operation = core_->rendezvous->recv(std::move(posted));
  if (!operation.done()) watch(from);
  return operation;
}

std::shared_ptr<GrpcTransport::Impl::Peer> GrpcTransport::Impl::find(MemberId peer) {
  std::lock_guard lock(mutex_);
  const auto at = peers_.find(peer);
  return at == peers_.end() ? nullptr : at->second;
}

void GrpcTransport::Impl::watch(MemberId member) {
  std::lock_guard lock(mutex_);
  const auto at = peers_.find(member);
  if (closing_ || at == peers_.end() || at->second->watch) return;
  const std::shared_ptr<Peer> peer = at->second;
  const auto ended = [this, member, peer](bool, const Status& why) {
    {
      std::lock_guard relock(mutex_);
      peer->watch = nullptr;
      if (!is_current(member, peer)) return;
      if (why.code() != Code::kFailedPrecondition)
        return look_again(member, peer, why, Clock::now() + kPatience);
    }
    gone(member, *peer, why);  // somebody else is there
  };
  peer->watch = start_watch(core_, member, *peer->stubs.front(), ended);
}

void GrpcTransport::Impl::look_again(MemberId member, const std::shared_ptr<Peer>& peer,
                                     const Status& lost, TimePoint until) {
  const auto ended = [this, member, peer, lost, until](bool reached, const Status& why) {
    {
      std::lock_guard lock(mutex_);
      peer->watch = nullptr;
      if (!is_current(member, peer)) return;
      // The new connection broke, too, or the peer's gRPC had no memory for the watch?
      const bool broken = !reached && why.code() == Code::kUnavailable;
      if (broken && Clock::now() < until) return look_again(member, peer, lost, until);
    }
    if (reached) return watch(member);
    gone(member, *peer, why.code() == Code::kFailedPrecondition ? why : lost);
  };
  peer->watch = start_watch(core_, member, *peer->stubs.front(), ended, until - Clock::now());
}

bool GrpcTransport::Impl::is_current(MemberId member, const std::shared_ptr<Peer>& peer) const {
  const auto now = peers_.find(member);
  return !closing_ && now != peers_.end() && now->second == peer;
}

void GrpcTransport::Impl::gone(MemberId member, const Peer& peer, const Status& why) {
  core_->rendezvous->fail_pending(
      member, {Code::kUnavailable,
               fmt::format("the connection to {} is gone: {}", peer.address, why.message())});
}

Result<std::unique_ptr<GrpcTransport>> GrpcTransport::listen(const GrpcOptions& options) {
  if (options.job.size() > kMaxJobBytes)
    return Status(Code::kInvalidArgument,
                  fmt::format("the job's name has {} bytes; at most {} are possible",
                              options.job.size(), kMaxJobBytes));
  if (options.channels < 1 || options.channels > kMaxChannels)
    return Status(Code::kInvalidArgument, fmt::format("{} channels to a peer; 1 to {} are possible",
                                                      options.channels, kMaxChannels));
  auto impl = std::make_unique<Impl>(options);
  const Status status = impl->listen(options.listen);
  if (!status.ok()) return status;
  return std::unique_ptr<GrpcTransport>(new GrpcTransport(std::move(impl)));
}

GrpcTransport::GrpcTransport(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GrpcTransport::~GrpcTransport() = default;

void GrpcTransport::set_self(MemberId self) {
  impl_->core().set_self(self);
}
MemberId GrpcTransport::self() const {
  return impl_->core().self();
}
std::string GrpcTransport::address() const {
  return impl_->address();
}

Status GrpcTransport::add_peer(MemberId peer, const std::string& address) {
  return impl_->add_peer(peer, address);
}

void GrpcTransport::peer_lost(MemberId peer, Status why) {
  impl_->core().rendezvous->peer_lost(peer, why);
}

void GrpcTransport::abort_before(RoundId round, AttemptId attempt) {
  impl_->core().rendezvous->abort_before(round, attempt);
}

Operation GrpcTransport::send(MemberId to, const Tag& tag, std::uint32_t codec,
                              std::uint64_t elements, SharedBytes payload, TimePoint deadline) {
  const Envelope envelope{self(), to, tag, write_frame(codec, elements, payload.bytes),
                          impl_->core().job};
  return impl_->send(to, envelope, std::move(payload), deadline);
}

Operation GrpcTransport::recv(MemberId from, const Tag& tag, Expected expected,
                              std::span<std::byte> dest, TimePoint deadline) {
  auto state = std::make_shared<Operation::State>(deadline, receiving(tag, from));
  return impl_->recv({from, tag, expected, dest, std::move(state)});
}

std::uint64_t GrpcTransport::bytes_sent() const {
  return impl_->core().rendezvous->bytes_sent;
}

std::uint64_t GrpcTransport::bytes_received() const {
  return impl_->core().rendezvous->bytes_received;
}

}  // namespace outrigger
