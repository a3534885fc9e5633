#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <membership.pb.h>

#include <outrigger/comm/clock.h>
#include <outrigger/comm/membership/coordinator_config.h>
#include <outrigger/comm/membership/effects.h>
#include <outrigger/comm/membership/gather_book.h>
#include <outrigger/comm/membership/round_book.h>

namespace outrigger {

// One connection of one member, for its whole life; never used twice.
using ConnectionId = std::uint64_t;

// What happens to the coordinator.
struct CoordinatorStarted {};
struct MessageReceived {
  ConnectionId connection = 0;
  v1::MemberMessage message;
};
struct ConnectionLost {
  ConnectionId connection = 0;
  std::string why;  // the system's reason
};
// Time has passed, and all that had happened by then was handled: only this event ends a wait, a
// member's silence among them.
struct CoordinatorTick {};
using CoordinatorEvent =
    std::variant<CoordinatorStarted, MessageReceived, ConnectionLost, CoordinatorTick>;

// What it wants done: the records durable first, then the messages in order, then connections
// closed.
struct CoordinatorStep {
  struct Message {
    ConnectionId connection = 0;
    v1::CoordinatorMessage message;
  };
  std::vector<v1::Record> records;
  std::vector<Message> messages;
  std::vector<ConnectionId> close;
  std::vector<LogLine> log;
  std::optional<TimePoint> next_tick;
  std::optional<Status> finished;   // the job is over: Ok, or why
  std::optional<MemberId> culprit;  // of `finished`: whose fault, if a member's
};

// The coordinator's state machine: (state, event, now) -> (state, records, messages, timers). Pure:
// no socket, file, thread or clock inside. CoordinatorHost runs it. Not thread-safe.
//
// Built from the journal of an earlier process it begins a new term: commits stand, open closes
// stand with their votes wiped, and no member is given up before a full timeout_min. A journal
// whose job is over gives a coordinator that is finished from the start, unless config.new_life.
class Coordinator {
 public:
  Coordinator(CoordinatorConfig config, const std::vector<v1::Record>& journal);

  CoordinatorStep handle(const CoordinatorEvent& event, TimePoint now);

  std::uint64_t term() const { return term_; }
  bool complete() const;  // every island has been admitted
  Version committed(std::uint32_t fragment) const { return rounds_.committed(fragment); }
  std::vector<LinkFigures> links(TimePoint now) const { return rounds_.links(now); }

 private:
  struct Seat {
    std::optional<MemberId> member;  // admitted
    std::string address;
    bool ready = false;  // its transport listens, as told in this term
    bool left = false;
    std::string left_why;
    std::optional<ConnectionId> connection;
    std::uint64_t connection_count = 0;
    TimePoint last_heard;
    bool heard = false;    // in this term
    TimePoint away_until;  // when there is no connection
    std::string away_why;
  };

  void replay(const v1::Record& record);
  void start(Effects& effects, TimePoint now);
  void receive(const MessageReceived& event, Effects& effects, TimePoint now);
  void dispatch(Seat& seat, const v1::MemberMessage& message, Effects& effects, TimePoint now);
  void lost(const ConnectionLost& event, Effects& effects, TimePoint now);
  void tick(Effects& effects, TimePoint now);

  // coordinator_join.cpp
  void hello(ConnectionId connection, const v1::MemberMessage& message, Effects& effects,
             TimePoint now);
  Status check_hello(const v1::MemberMessage& message) const;
  void admit(Seat& seat, const MemberId& member, const v1::Hello& hello, Effects& effects);
  void connect(Seat& seat, ConnectionId connection, const v1::Hello& hello, Effects& effects,
               TimePoint now);
  void ready(Seat& seat, const v1::Ready& ready, Effects& effects);
  void fill_roster(v1::Roster& roster) const;
  void refuse_member(ConnectionId connection, const MemberId& to, const Status& why);

  void leave(Seat& seat, const v1::Leave& leave, Effects& effects);
  void check_departures(Effects& effects);
  void member_lost(const Seat& seat, const std::string& why, Effects& effects, TimePoint now);
  void end_job(const JobEnd& verdict, CoordinatorStep& step);
  bool all_ready() const;
  std::vector<MemberId> live() const;  // who has not left
  std::vector<MemberId> admitted()
      const;  // who must be part of a new round or gather, even if it left
  std::string missing() const;
  std::optional<TimePoint> next_tick() const;
  std::string name(const Seat& seat) const;
  Seat* find_seat(ConnectionId connection);
  void address_message(v1::CoordinatorMessage& message, const MemberId& to) const;

  const CoordinatorConfig config_;
  std::vector<Seat> seats_;  // by island
  RoundBook rounds_;
  GatherBook gathers_;
  std::uint64_t term_ = 0;
  std::uint64_t epoch_ = 0;
  TimePoint started_;
  bool roster_sent_ = false;  // in this term
  std::optional<JobEnd> finished_;
  // What a step adds that is not for an admitted member.
  std::vector<CoordinatorStep::Message> strangers_;
  std::vector<ConnectionId> closing_;
};

}  // namespace outrigger
