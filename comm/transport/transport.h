#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>

#include <outrigger/comm/codec/frame.h>
#include <outrigger/comm/names.h>
#include <outrigger/comm/shared_bytes.h>
#include <outrigger/comm/transport/groups.h>
#include <outrigger/comm/transport/operation.h>
#include <outrigger/comm/transport/timeline.h>

namespace outrigger {

// Which message of which attempt. Two messages between the same two members never share a tag.
struct Tag {
  RoundId round;
  AttemptId attempt;
  std::uint32_t hop = 0;    // which way of the collective's, numbered by it
  std::uint32_t shard = 0;  // which chunk of the fragment
  friend auto operator<=>(const Tag&, const Tag&) = default;
};
std::string to_string(const Tag& tag);

// Of messages that are no round's: no fragment has this number.
inline constexpr RoundId kOutsideRounds{std::numeric_limits<std::uint32_t>::max(), 0};

// What a receiver expects, known from the close before a byte arrives.
struct Expected {
  std::uint32_t codec = 0;
  std::uint64_t elements = 0;
};

// Moves framed (frame.h) byte spans between members, by tag. Asynchronous: send and recv return at
// once. A message that arrives before its recv waits at the sender, so a peer cannot fill this
// member's memory. Thread-safe. Destroying a transport fails all its operations and waits for its
// threads.
class Transport {
 public:
  virtual ~Transport() = default;

  virtual MemberId self() const = 0;
  // Where peers reach this member ("127.0.0.1:40321"); empty where peers share a process.
  virtual std::string address() const = 0;

  // Makes a peer known. Sends and receives name known peers only. An older incarnation of the same
  // island is forgotten: its operations fail as lost and what still arrives from it is refused.
  virtual Status add_peer(MemberId peer, const std::string& address) = 0;
  // Fails every pending and later operation on the peer at once, with `why`. For a membership that
  // goes on without the peer (policy elastic), so that a new attempt need not wait for it. A strict
  // session does not call it: there a loss is the job's end, and the session stops its exchanges
  // itself.
  virtual void peer_lost(MemberId peer, Status why) = 0;
  // Fails pending operations of the round whose attempt is lower, as Aborted, and refuses their
  // messages.
  virtual void abort_before(RoundId round, AttemptId attempt) = 0;

  // The payload is not copied: the wire may hold on to it for as long as the connection is stuck,
  // also after the operation has ended.
  virtual Operation send(MemberId to, const Tag& tag, std::uint32_t codec, std::uint64_t elements,
                         SharedBytes payload, TimePoint deadline) = 0;
  // Frame header, length and checksum are checked; dest.size() must be what the codec gives for
  // elements. A refused message ends the operation with Corruption that names the peer and leaves
  // others unharmed.
  virtual Operation recv(MemberId from, const Tag& tag, Expected expected,
                         std::span<std::byte> dest, TimePoint deadline) = 0;

  // What carries small messages soonest; this one, unless it needs another to carry its payloads.
  virtual Transport& control() { return *this; }
  // What it can do for more than two members at once; nullptr: nothing.
  virtual Groups* groups() { return nullptr; }

  // Payload and frame headers handed to the wire so far, and taken from it, but those of messages
  // that are no round's.
  virtual std::uint64_t bytes_sent() const = 0;
  virtual std::uint64_t bytes_received() const = 0;

  // What its deadlines are times of.
  virtual Timeline& timeline() const { return steady_time(); }
};

}  // namespace outrigger
