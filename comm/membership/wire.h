#pragma once

#include <cstdint>
#include <string>

#include <membership.pb.h>

#include <outrigger/comm/collective/link_use.h>
#include <outrigger/comm/membership/coordinator_config.h>
#include <outrigger/comm/membership/link_query.h>
#include <outrigger/comm/names.h>
#include <outrigger/comm/status.h>

namespace outrigger {

// Versions that are compared when a member says Hello.
inline constexpr std::uint32_t kProtocolVersion = 4;

// Bounds on what one member may ask the coordinator to keep.
inline constexpr std::size_t kMaxGatherBytes = 64 * 1024;
inline constexpr std::size_t kMaxGatherKeyBytes = 256;
inline constexpr std::size_t kMaxOpenGathers =
    64;  // a member's, and the results the coordinator keeps
inline constexpr std::size_t kMaxControlMessageBytes = 4 * 1024 * 1024;
inline constexpr std::size_t kMaxLinkTableBytes = 64 * 1024 * 1024;  // of a thousand islands
inline constexpr const char* kStopPrefix = "stop:";

// names.h as it travels, and back. Nothing here can fail: an absent field reads as zero, which no
// check of the state machines accepts.
v1::Member to_wire(const MemberId& member);
v1::Round to_wire(const RoundId& round);
v1::Attempt to_wire(const AttemptId& attempt);
v1::Version to_wire(const Version& version);
v1::LinkSample to_wire(const LinkUse& link);
v1::LinkProbe to_wire(const LinkProbe& probe);
v1::LinkTable to_wire(const LinkTable& table);
MemberId from_wire(const v1::Member& member);
RoundId from_wire(const v1::Round& round);
AttemptId from_wire(const v1::Attempt& attempt);
Version from_wire(const v1::Version& version);
LinkUse from_wire(const v1::LinkSample& sample);
LinkProbe from_wire(const v1::LinkProbe& probe);
LinkTable from_wire(const v1::LinkTable& table);

// The code of a Refused or Abort as a Status; a code that this build does not know is Internal.
Status status_from_wire(std::uint32_t code, const std::string& why);

// "an announcement", "a vote", ...: what a message is, for logs and refusals.
std::string describe(const v1::MemberMessage& message);

std::string to_string(const Version& version);  // "version 3 of fragment 0 (chain 1f2e3d4c)"

}  // namespace outrigger
