#pragma once

#include <cstdint>

#include <outrigger/comm/shared_bytes.h>
#include <outrigger/comm/transport/nccl/pair_link.h>
#include <outrigger/comm/transport/transport.h>

namespace outrigger {

// So many messages of a link are granted before they are received: the next grant is on its way
// while the link is busy.
inline constexpr std::size_t kGrantedAhead = 4;
// One without a payload puts a byte on the link all the same, so that its receiver does not run
// ahead of its sender.
inline std::size_t bytes_on_link(std::size_t payload_bytes) {
  return payload_bytes > 0 ? payload_bytes : 1;
}

// What NcclTransport sends over its control transport. A message's sender offers it under the
// message's own tag; its receiver answers under answer_tag(). An offer is the payload's frame
// header. All travel as fp32 payloads, so that the control transport checks length and sum.

// Little-endian: code u32 | length of the text u32 | generation u64 | place u64 | id, or text.
struct Answer {
  Status refused;                // Ok: send it
  std::uint64_t generation = 0;  // of the link, from 1 on; each has an id of its own
  std::uint64_t place = 0;       // of the message among the generation's, from 0 on
  LinkId id{};
};

inline constexpr std::size_t kAnswerBytes = 256;
// What a recv of one expects.
Expected expected_of(std::size_t control_bytes);

SharedBytes pack(const FrameBytes& offer);
SharedBytes pack(const Answer& answer);  // a text that is too long is cut
// REQUIRES: kAnswerBytes. Whatever they hold becomes an answer: an unknown code a refusal as
// Internal.
Answer unpack_answer(std::span<const std::byte> bytes);

// Collectives number their hops from 0, and some take the very last; so the hops between, which
// answers have, are free.
bool is_free(const Tag& tag);  // for a message
// Of a term above all that are, so that abort_before() leaves it alone: the link's order needs what
// was granted, also for an attempt that is over. Its own inverse.
Tag answer_tag(const Tag& tag);
// Of kNoticeBytes that say that this end of the link has given the generation up.
inline constexpr std::size_t kNoticeBytes = 4;
Tag notice_tag(LinkEnd end, std::uint64_t generation);

// What the members of a sum (groups.h) tell each other: that one is there, with how many values
// (the Answer's generation), and of which link it has its end (an id of zeros: none); over which
// link it goes, and as which of that link's sums (an Answer); that one has given it up
// (kNoticeBytes). abort_before() ends them all.
enum class SumMessage : std::uint32_t { kReady, kGo, kGivenUp };
Tag sum_tag(const RoundId& round, const AttemptId& attempt, SumMessage message);

}  // namespace outrigger
