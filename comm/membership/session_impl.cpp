#include <outrigger/comm/membership/session_impl.h>

#include <fmt/format.h>

#include <outrigger/comm/membership/wire.h>

namespace outrigger {
namespace {

// How long a goodbye may take: the coordinator may be gone already.
constexpr Duration kGoodbye = std::chrono::seconds(3);

MemberConfig member_config(const SessionOptions& options) {
  MemberConfig config;
  config.job = options.job;
  config.island = options.island;
  config.incarnation = options.incarnation;
  config.recipe = options.recipe;
  config.numerics = kNumerics;
  config.applied = options.applied;
  config.step = options.step;
  config.join_timeout = options.join_timeout;
  return config;
}

}  // namespace

Session::Impl::Impl(SessionOptions options, MakeTransport make_transport)
    : options_(std::move(options)),
      make_transport_(std::move(make_transport)),
      member_(member_config(options_)) {}

Session::Impl::~Impl() {
  shut_down();
}

void Session::Impl::join(const MakeLink& make_link) {
  link_ = make_link({[this](std::uint64_t connection, v1::CoordinatorMessage message) {
                       post(CoordinatorSaid{connection, std::move(message)});
                     },
                     [this](std::uint64_t connection, const std::string& why) {
                       post(Disconnected{connection, why});
                     }})
              .value_or_throw();
  thread_ = std::thread([this] { run(); });
  Lock lock(mutex_);
  handle(MemberStarted{});
  throw_if_error(await(lock, [this] { return !peers_.empty(); }));
}

void Session::Impl::post(Post item) {
  const std::lock_guard lock(inbox_mutex_);
  inbox_.push_back(std::move(item));
  inbox_changed_.notify_one();
}

void Session::Impl::run() {
  while (true) {
    std::deque<Post> items;
    {
      Lock inbox(inbox_mutex_);
      const auto due = [this] { return stopping_ || !inbox_.empty(); };
      // A changed timer wakes this thread too, so that it waits anew.
      if (!due()) {
        if (next_tick_) {
          inbox_changed_.wait_until(inbox, *next_tick_);
        } else {
          inbox_changed_.wait(inbox);
        }
      }
      if (stopping_) return;
      items.swap(inbox_);
      if (items.empty() && (!next_tick_ || Clock::now() < *next_tick_)) continue;
    }
    const Lock lock(mutex_);
    if (items.empty()) handle(MemberTick{});
    for (const Post& item : items) {
      if (const auto* event = std::get_if<MemberEvent>(&item)) handle(*event);
      if (const auto* report = std::get_if<ExchangeReport>(&item)) take_report(*report);
      if (const auto* report = std::get_if<ProbeReport>(&item)) take_report(*report);
    }
  }
}

void Session::Impl::handle(const MemberEvent& event) {
  if (!failed_.ok() || gone_ || left_) return;
  carry_out(member_.handle(event, Clock::now()));
}

void Session::Impl::carry_out(const MemberStep& step) {
  for (const LogLine& line : step.log)
    if (options_.log) options_.log(line);
  if (step.disconnect) link_->close();
  if (step.connect) link_->open(*step.connect);
  for (const v1::MemberMessage& message : step.messages) link_->send(message);
  {
    const std::lock_guard inbox(inbox_mutex_);
    next_tick_ = step.next_tick;
    inbox_changed_.notify_one();
  }
  if (step.failed) return fail(*step.failed);
  if (step.gone) gone_ = true;
  if (step.roster) learn_roster(*step.roster);
  for (const v1::Close& close : step.exchanges) start_exchange(close);
  for (const v1::Outcome& outcome : step.outcomes) settle(outcome);
  for (const v1::GatherResult& result : step.gathers) {
    std::vector<std::string> values;
    for (const auto& entry : result.entries()) values.push_back(entry.value());
    gathers_[result.key()] = std::move(values);
  }
  if (step.open_transport) open_transport(*step.open_transport);
  changed_.notify_all();
}

void Session::Impl::open_transport(MemberId self) {
  auto transport = make_transport_(self);
  if (!transport.ok()) return fail(transport.status());
  transport_ = std::move(*transport);
  handle(TransportReady{transport_->address()});
}

void Session::Impl::learn_roster(const v1::Roster& roster) {
  peers_.clear();
  for (const v1::Peer& peer : roster.peers()) {
    const MemberId member = from_wire(peer.member());
    peers_.push_back({member, peer.island()});
    if (member == member_.self()) continue;
    if (const Status status = transport_->add_peer(member, peer.address()); !status.ok()) {
      return fail(status.with_context(fmt::format("island {}", peer.island())));
    }
  }
  start_probing();
}

void Session::Impl::start_probing() {
  const bool links = peers_.size() > 1 && !transport_->address().empty();
  if (!options_.probe || !links || left_ || probing_.joinable()) return;
  std::vector<MemberId> members;
  for (const PeerInfo& peer : peers_) members.push_back(peer.member);
  probing_ = std::jthread(
      [this, members = std::move(members), transport = transport_.get()](std::stop_token stop) {
        probe_links(
            *transport, members, options_.channels, exchange_count_,
            [this](const ProbeReport& report) { post(report); }, stop);
      });
}

void Session::Impl::take_report(const ProbeReport& report) {
  if (!report.status.ok() && options_.log && failed_.ok())
    options_.log(
        {LogLine::Level::kNote,
         fmt::format("the link to island {} could not be measured{}: {}",
                     peers_[report.probe.peer.island].island,
                     report.probe.round_trip_s > 0 ? " in full" : "", report.status.message())});
  handle(LinkProbed{report.probe});
}

void Session::Impl::fail(const Status& why) {
  if (!failed_.ok()) return;
  failed_ = why;
  link_->close();
  for (Running& running : exchanges_) running.thread.request_stop();
  probing_.request_stop();
  {
    const std::lock_guard inbox(inbox_mutex_);
    next_tick_.reset();
  }
  changed_.notify_all();
}

Status Session::Impl::await(Lock& lock, const std::function<bool()>& ready) {
  changed_.wait(lock, [&] { return ready() || !failed_.ok() || left_; });
  if (!failed_.ok()) return failed_;
  if (!ready()) return {Code::kCancelled, "the session was left meanwhile"};
  return {};
}

MemberId Session::Impl::self() const {
  const Lock lock(mutex_);
  return member_.self();
}

std::vector<PeerInfo> Session::Impl::peers() const {
  const Lock lock(mutex_);
  return peers_;
}

std::optional<std::string> Session::Impl::culprit() const {
  const Lock lock(mutex_);
  const std::optional<MemberId> member = member_.culprit();
  if (!member || *member == member_.self() || member->island >= peers_.size()) return std::nullopt;
  return peers_[member->island].island;
}

Status Session::Impl::status() const {
  const Lock lock(mutex_);
  return failed_;
}

std::uint64_t Session::Impl::bytes_sent() const {
  const Lock lock(mutex_);
  return transport_ ? transport_->bytes_sent() : 0;
}

std::uint64_t Session::Impl::bytes_received() const {
  const Lock lock(mutex_);
  return transport_ ? transport_->bytes_received() : 0;
}

Result<std::vector<std::string>> Session::Impl::gather(const std::string& key,
                                                       const std::string& value) {
  if (value.size() > kMaxGatherBytes || key.empty() || key.size() > kMaxGatherKeyBytes ||
      key.starts_with(kStopPrefix)) {
    return Status(
        Code::kInvalidArgument,
        fmt::format("gather '{}' with {} bytes: at most {} bytes, 1 to {} in the key, which must "
                    "not begin with '{}'",
                    key.substr(0, kMaxGatherKeyBytes), value.size(), kMaxGatherBytes,
                    kMaxGatherKeyBytes, kStopPrefix));
  }
  Lock lock(mutex_);
  if (!failed_.ok()) return failed_;
  if (gathers_.size() >= kMaxOpenGathers - 1) {
    return Status(Code::kResourceExhausted, fmt::format("{} gathers are open", gathers_.size()));
  }
  if (!gathers_.emplace(key, std::nullopt).second) {
    return Status(Code::kInvalidArgument, fmt::format("the gather '{}' is under way already", key));
  }
  handle(GatherCalled{key, value});
  if (const Status status = await(lock, [&] { return gathers_.at(key).has_value(); });
      !status.ok()) {
    return status;
  }
  std::vector<std::string> values = std::move(*gathers_.at(key));
  gathers_.erase(key);
  return values;
}

void Session::Impl::request_stop(const std::string& why) {
  const Lock lock(mutex_);
  handle(StopCalled{why});
}

Result<std::optional<std::uint64_t>> Session::Impl::at_step(std::uint64_t step) {
  Lock lock(mutex_);
  if (!failed_.ok()) return failed_;
  handle(StepCompleted{step});
  const Status status =
      await(lock, [&] { return member_.after_step(step) != Member::Next::kWait; });
  if (!status.ok()) return status;
  return member_.stop_step();
}

void Session::Impl::leave(const std::string& why) {
  {
    Lock lock(mutex_);
    if (left_) return;
    handle(LeaveCalled{why});
    changed_.wait_for(lock, kGoodbye, [this] { return gone_ || !failed_.ok(); });
    left_ = true;
  }
  shut_down();
}

// Ends all threads. Exchanges and measuring stop at once; the link waits for its callbacks, which
// only post. From `left_` on nobody uses the link any more.
void Session::Impl::shut_down() {
  std::vector<Running> exchanges;
  std::jthread probing;
  {
    const Lock lock(mutex_);
    left_ = true;
    exchanges.swap(exchanges_);
    probing.swap(probing_);
    changed_.notify_all();
  }
  for (Running& running : exchanges) running.thread.request_stop();
  probing.request_stop();
  exchanges.clear();
  if (probing.joinable()) probing.join();
  {
    const std::lock_guard inbox(inbox_mutex_);
    stopping_ = true;
    inbox_changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  link_.reset();
}

}  // namespace outrigger
