#include <outrigger/comm/membership/wire.h>

#include <fmt/format.h>

namespace outrigger {

v1::Member to_wire(const MemberId& member) {
  v1::Member wire;
  wire.set_island(member.island);
  wire.set_incarnation(member.incarnation);
  wire.set_worker(member.worker);
  return wire;
}

v1::Round to_wire(const RoundId& round) {
  v1::Round wire;
  wire.set_fragment(round.fragment);
  wire.set_number(round.number);
  return wire;
}

v1::Attempt to_wire(const AttemptId& attempt) {
  v1::Attempt wire;
  wire.set_term(attempt.term);
  wire.set_number(attempt.number);
  return wire;
}

v1::Version to_wire(const Version& version) {
  v1::Version wire;
  wire.set_fragment(version.fragment);
  wire.set_number(version.number);
  wire.set_chain(version.chain.bytes());
  return wire;
}

v1::LinkSample to_wire(const LinkUse& link) {
  v1::LinkSample wire;
  *wire.mutable_peer() = to_wire(link.peer);
  wire.set_bytes(link.bytes);
  wire.set_busy_s(link.busy_s);
  return wire;
}

v1::LinkProbe to_wire(const LinkProbe& probe) {
  v1::LinkProbe wire;
  *wire.mutable_peer() = to_wire(probe.peer);
  wire.set_bytes(probe.bytes);
  wire.set_busy_s(probe.busy_s);
  wire.set_round_trip_s(probe.round_trip_s);
  return wire;
}

v1::LinkTable to_wire(const LinkTable& table) {
  v1::LinkTable wire;
  wire.set_job(table.job);
  for (const std::string& island : table.islands) wire.add_islands(island);
  for (const LinkFigures& figures : table.links) {
    v1::LinkTable::Link* link = wire.add_links();
    link->set_from(figures.from);
    link->set_to(figures.to);
    link->set_bytes_per_s(figures.bytes_per_s);
    link->set_from_round(figures.from_round);
    link->set_rate_age_s(figures.rate_age_s);
    link->set_round_trip_s(figures.round_trip_s);
    link->set_round_trip_age_s(figures.round_trip_age_s);
  }
  return wire;
}

MemberId from_wire(const v1::Member& member) {
  return {member.island(), member.incarnation(), member.worker()};
}

RoundId from_wire(const v1::Round& round) {
  return {round.fragment(), round.number()};
}

AttemptId from_wire(const v1::Attempt& attempt) {
  return {attempt.term(), attempt.number()};
}

Version from_wire(const v1::Version& version) {
  return {version.fragment(), version.number(), Hash128::from_bytes(version.chain())};
}

LinkUse from_wire(const v1::LinkSample& sample) {
  return {from_wire(sample.peer()), sample.bytes(), sample.busy_s()};
}

LinkProbe from_wire(const v1::LinkProbe& probe) {
  return {from_wire(probe.peer()), probe.bytes(), probe.busy_s(), probe.round_trip_s()};
}

LinkTable from_wire(const v1::LinkTable& table) {
  LinkTable result{table.job(), {table.islands().begin(), table.islands().end()}, {}};
  for (const v1::LinkTable::Link& link : table.links())
    result.links.push_back({link.from(), link.to(), link.bytes_per_s(), link.from_round(),
                            link.rate_age_s(), link.round_trip_s(), link.round_trip_age_s()});
  return result;
}

Status status_from_wire(std::uint32_t code, const std::string& why) {
  const bool known = code > static_cast<std::uint32_t>(Code::kOk) &&
                     code <= static_cast<std::uint32_t>(Code::kInternal);
  return {known ? static_cast<Code>(code) : Code::kInternal, why};
}

std::string describe(const v1::MemberMessage& message) {
  switch (message.body_case()) {
    case v1::MemberMessage::kHello:
      return "a hello";
    case v1::MemberMessage::kReady:
      return "a ready";
    case v1::MemberMessage::kAnnounce:
      return fmt::format("an announcement of {}", to_string(from_wire(message.announce().round())));
    case v1::MemberMessage::kVote:
      return fmt::format("a vote on {}", to_string(from_wire(message.vote().round())));
    case v1::MemberMessage::kExchangeFailed:
      return fmt::format("a failed exchange of {}",
                         to_string(from_wire(message.exchange_failed().round())));
    case v1::MemberMessage::kApplied:
      return "an applied version";
    case v1::MemberMessage::kHeartbeat:
      return "a heartbeat";
    case v1::MemberMessage::kGather:
      return fmt::format("a gather of '{}'", message.gather().key());
    case v1::MemberMessage::kStopRequest:
      return "a stop request";
    case v1::MemberMessage::kLeave:
      return "a leave";
    case v1::MemberMessage::kRecallAnswer:
      return "an answer to a recall";
    case v1::MemberMessage::kProbed:
      return "measured links";
    case v1::MemberMessage::BODY_NOT_SET:
      return "an empty or unknown message";
  }
  return "an unknown message";
}

std::string to_string(const Version& version) {
  return fmt::format("version {} of fragment {} (chain {})", version.number, version.fragment,
                     version.chain.hex().substr(0, 8));
}

}  // namespace outrigger
