#include <outrigger/comm/membership/session.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <mutex>

#include <fmt/format.h>

#include <outrigger/comm/membership/local.h>
#include <outrigger/comm/membership/session_impl.h>
#include <outrigger/comm/transport/grpc.h>
#include <outrigger/comm/transport/in_process.h>
#include <outrigger/comm/transport/nccl/payload_links.h>

namespace outrigger {
namespace {

void take_from_environment(std::string& value, const char* variable, const char* what) {
  if (!value.empty()) return;
  const char* found = std::getenv(variable);
  if (found == nullptr || *found == '\0') {
    throw Error({Code::kInvalidArgument,
                 fmt::format("the session does not know {}: set it in SessionOptions, or {}", what,
                             variable)});
  }
  value = found;
}

void fill_in(SessionOptions& options) {
  if (options.incarnation == 0) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    options.incarnation = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(now).count());
  }
  if (options.topology != "auto") (void)find_collective(options.topology).value_or_throw();
  if (options.topology == "all_reduce" && options.transport == "grpc")
    throw Error({Code::kInvalidArgument,
                 "topology all_reduce is NCCL's: take transport nccl, or another topology"});
}

// A session's own lines and its links' come from several threads.
LogSink one_at_a_time(LogSink log) {
  if (!log) return log;
  return [log = std::move(log), mutex = std::make_shared<std::mutex>()](const LogLine& line) {
    const std::lock_guard lock(*mutex);
    log(line);
  };
}

// With `hierarchical` a site's members reach each other over links, and other sites' over gRPC.
std::function<bool(MemberId, MemberId)> linked_members(const SessionOptions& options) {
  if (options.topology != "hierarchical" || options.sites.empty()) return {};
  return [sites = options.sites](MemberId one, MemberId other) {
    return std::max(one.island, other.island) < sites.size() &&
           sites[one.island] == sites[other.island];
  };
}

}  // namespace

Session Session::join(SessionOptions options) {
  take_from_environment(options.coordinator, "OUTRIGGER_COORDINATOR", "its coordinator");
  take_from_environment(options.island, "OUTRIGGER_ISLAND", "its island");
  take_from_environment(options.job, "OUTRIGGER_JOB", "its job");
  fill_in(options);
  options.log = one_at_a_time(std::move(options.log));
  // Links and listening come first: what is wrong there should be known before anybody is told of
  // this member.
  const NcclOptions nccl{.linked = linked_members(options),
                         .warn = [log = options.log](const std::string& text) {
                           if (log) log({LogLine::Level::kWarning, text});
                         }};
  const auto links = payload_links(options.transport, nccl).value_or_throw();
  auto listening = std::make_shared<std::unique_ptr<GrpcTransport>>(
      GrpcTransport::listen({.listen = options.listen,
                             .job = options.job,
                             .insecure = options.insecure,
                             .channels = options.channels})
          .value_or_throw());
  auto impl = std::make_unique<Impl>(
      options, [listening, links, nccl](MemberId self) -> Result<std::unique_ptr<Transport>> {
        (*listening)->set_self(self);
        return over_links(std::move(*listening), links, nccl);
      });
  impl->join([&](Link::Events events) {
    return make_grpc_link(options.coordinator, options.insecure, std::move(events));
  });
  return Session(std::move(impl));
}

Session Session::join(LocalJob& job, SessionOptions options) {
  if (options.job.empty()) options.job = job.config().job;
  take_from_environment(options.island, "OUTRIGGER_ISLAND", "its island");
  fill_in(options);
  auto impl =
      std::make_unique<Impl>(options, [&job](MemberId self) -> Result<std::unique_ptr<Transport>> {
        return job.network().transport(self);
      });
  impl->join([&](Link::Events events) -> Result<std::unique_ptr<Link>> {
    return make_local_link(job.host(), std::move(events));
  });
  return Session(std::move(impl));
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() {
  if (impl_) impl_->leave("the session ended");
}

MemberId Session::self() const {
  return impl_->self();
}
std::vector<PeerInfo> Session::peers() const {
  return impl_->peers();
}
Status Session::launch(Contribution contribution) {
  return impl_->launch(std::move(contribution));
}
Result<RoundOutcome> Session::wait(RoundId round) {
  return impl_->wait(round);
}
Result<bool> Session::ready(RoundId round) {
  return impl_->ready(round);
}
Status Session::listen(Contribution like) {
  return impl_->listen(std::move(like));
}
Result<RoundOutcome> Session::next_arrival() {
  return impl_->next_arrival();
}
Result<std::optional<RoundOutcome>> Session::poll_arrival() {
  return impl_->poll_arrival();
}
Status Session::applied(RoundId round, const Version& version) {
  return impl_->applied(round, version);
}
Result<std::vector<std::string>> Session::gather(const std::string& key, const std::string& value) {
  return impl_->gather(key, value);
}
void Session::request_stop(const std::string& why) {
  impl_->request_stop(why);
}
Result<std::optional<std::uint64_t>> Session::at_step(std::uint64_t step) {
  return impl_->at_step(step);
}
Status Session::status() const {
  return impl_->status();
}
std::optional<std::string> Session::culprit() const {
  return impl_->culprit();
}
std::uint64_t Session::bytes_sent() const {
  return impl_->bytes_sent();
}
std::uint64_t Session::bytes_received() const {
  return impl_->bytes_received();
}
void Session::leave(const std::string& why) {
  impl_->leave(why);
}

}  // namespace outrigger
