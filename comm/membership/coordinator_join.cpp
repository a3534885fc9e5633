// Coordinator: who may join, and what a member hears when it connects, for the first time or again.
#include <algorithm>

#include <fmt/format.h>

#include <outrigger/comm/membership/coordinator.h>
#include <outrigger/comm/membership/wire.h>

namespace outrigger {
namespace {

std::uint64_t milliseconds(Duration duration) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

// "line 3 is 'a: 1' here and 'a: 2' there": the first line in which two texts differ.
std::string first_difference(std::string_view coordinator, std::string_view member) {
  const auto take_line = [](std::string_view& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
  };
  for (int number = 1;; ++number) {
    const bool both = !coordinator.empty() && !member.empty();
    const std::string_view ours = take_line(coordinator), theirs = take_line(member);
    if (both && ours == theirs) continue;
    return fmt::format("line {} is '{}' at the coordinator and '{}' at the member", number, ours,
                       theirs);
  }
}

}  // namespace

Status Coordinator::check_hello(const v1::MemberMessage& message) const {
  const v1::Hello& hello = message.hello();
  if (hello.protocol() != kProtocolVersion) {
    return {Code::kFailedPrecondition,
            fmt::format("it speaks protocol {}, the coordinator {}: install one version everywhere",
                        hello.protocol(), kProtocolVersion)};
  }
  if (message.term() > term_) {
    return {Code::kFailedPrecondition,
            fmt::format(
                "it has seen term {}, this coordinator is only in term {}: its journal is older "
                "than the job, or two coordinators run",
                message.term(), term_)};
  }
  // A trainer of the user's own has no recipe; what it announces is compared round by round.
  if (!hello.recipe().empty() && hello.recipe() != config_.recipe) {
    return {Code::kFailedPrecondition, "its recipe differs from the coordinator's: " +
                                           first_difference(config_.recipe, hello.recipe())};
  }
  if (hello.numerics() != config_.numerics) {
    return {Code::kFailedPrecondition, "its numerics differ from the coordinator's: " +
                                           first_difference(config_.numerics, hello.numerics()) +
                                           ". Install one version everywhere"};
  }
  std::vector<Version> applied;
  for (const v1::Version& version : hello.applied()) applied.push_back(from_wire(version));
  return rounds_.check_applied(applied);
}

void Coordinator::hello(ConnectionId connection, const v1::MemberMessage& message, Effects& effects,
                        TimePoint now) {
  const v1::Hello& hello = message.hello();
  MemberId member{0, message.from().incarnation(), message.from().worker()};
  const auto refuse = [&](const Status& why) {
    effects.warn(fmt::format("refused island {} (incarnation {}): {}", hello.island(),
                             member.incarnation, why.message()));
    refuse_member(connection, member, why);
  };
  if (finished_ && !finished_->status.ok()) return refuse(finished_->status);
  const auto position = std::find(config_.islands.begin(), config_.islands.end(), hello.island());
  if (position == config_.islands.end()) {
    return refuse({Code::kNotFound, fmt::format("the job has no island '{}'", hello.island())});
  }
  member.island = static_cast<std::uint32_t>(position - config_.islands.begin());
  Seat& seat = seats_[member.island];
  if (seat.left && seat.member == member) {  // its Goodbye was lost
    v1::CoordinatorMessage goodbye;
    goodbye.mutable_goodbye();
    address_message(goodbye, member);
    strangers_.push_back({connection, std::move(goodbye)});
    closing_.push_back(connection);
    return;
  }
  if (finished_) return refuse({Code::kFailedPrecondition, "the job is done"});
  if (const Status status = check_hello(message); !status.ok()) return refuse(status);
  if (seat.member && member.incarnation < seat.member->incarnation) {
    return refuse({Code::kFailedPrecondition,
                   fmt::format("incarnation {} of the island has joined: this one is older",
                               seat.member->incarnation)});
  }
  if (seat.member == member) {
    if (hello.connection() <= seat.connection_count) return;  // overtaken by a newer connection
  } else if (hello.rejoin()) {
    return refuse({Code::kFailedPrecondition,
                   "it was admitted by a coordinator whose journal this one does not have"});
  } else if (seat.member && complete()) {
    refuse({Code::kUnavailable,
            "the island's earlier process was lost, and under policy strict that ends "
            "the job: resume from the last checkpoint"});
    return member_lost(
        seat, fmt::format("its process was started anew as incarnation {}", member.incarnation),
        effects, now);
  } else {
    admit(seat, member, hello, effects);
  }
  connect(seat, connection, hello, effects, now);
}

void Coordinator::admit(Seat& seat, const MemberId& member, const v1::Hello& hello,
                        Effects& effects) {
  if (seat.connection) closing_.push_back(*seat.connection);
  seat = Seat{};
  seat.member = member;
  v1::Record::Admitted* admitted = effects.record().mutable_admitted();
  *admitted->mutable_peer()->mutable_member() = to_wire(member);
  admitted->mutable_peer()->set_island(hello.island());
  admitted->set_epoch(++epoch_);
  std::vector<Version> applied;
  for (const v1::Version& version : hello.applied()) {
    applied.push_back(from_wire(version));
    v1::Record::AppliedBy* record = effects.record().mutable_applied_by();
    *record->mutable_member() = to_wire(member);
    *record->mutable_version() = version;
  }
  if (!rounds_.has_base()) rounds_.set_base(applied);
  effects.note(fmt::format("{} joins (incarnation {}, step {})", name(seat), member.incarnation,
                           hello.step()));
}

void Coordinator::connect(Seat& seat, ConnectionId connection, const v1::Hello& hello,
                          Effects& effects, TimePoint now) {
  const MemberId member = *seat.member;
  if (seat.connection && seat.connection != connection) closing_.push_back(*seat.connection);
  seat.connection = connection;
  seat.connection_count = hello.connection();
  seat.last_heard = now;
  seat.heard = true;
  v1::Welcome* welcome = effects.send(member.island).mutable_welcome();
  *welcome->mutable_you() = to_wire(member);
  welcome->set_heartbeat_ms(milliseconds(config_.heartbeat));
  welcome->set_timeout_min_ms(milliseconds(config_.timeout_min));
  welcome->set_timeout_max_ms(milliseconds(config_.timeout_max));
  if (hello.rejoin()) effects.note(fmt::format("{} is back", name(seat)));
  if (complete()) rounds_.rejoined(member, hello, admitted(), now, effects);
  gathers_.rejoined(member, effects);
}

void Coordinator::ready(Seat& seat, const v1::Ready& ready, Effects& effects) {
  const bool first = !roster_sent_;
  seat.ready = true;
  seat.address = ready.address();
  if (!all_ready()) return;
  roster_sent_ = true;
  if (!first) {
    fill_roster(*effects.send(seat.member->island).mutable_roster());
    return;
  }
  effects.note(fmt::format("all {} islands are here", seats_.size()));
  for (const MemberId& member : live()) fill_roster(*effects.send(member.island).mutable_roster());
}

void Coordinator::fill_roster(v1::Roster& roster) const {
  roster.set_epoch(epoch_);
  for (std::size_t island = 0; island < seats_.size(); ++island) {
    if (!seats_[island].member) continue;
    v1::Peer* peer = roster.add_peers();
    *peer->mutable_member() = to_wire(*seats_[island].member);
    peer->set_island(config_.islands[island]);
    peer->set_address(seats_[island].address);
  }
}

void Coordinator::refuse_member(ConnectionId connection, const MemberId& to, const Status& why) {
  v1::CoordinatorMessage message;
  v1::Refused* refused = message.mutable_refused();
  refused->set_code(static_cast<std::uint32_t>(why.code()));
  refused->set_why(why.message());
  refused->set_final(true);
  address_message(message, to);
  strangers_.push_back({connection, std::move(message)});
  closing_.push_back(connection);
}

}  // namespace outrigger
