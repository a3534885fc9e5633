#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <membership.pb.h>

#include <outrigger/comm/membership/log_line.h>
#include <outrigger/comm/names.h>
#include <outrigger/comm/status.h>

namespace outrigger {

// Why the job ends for everyone, and whose fault it is if a member's.
struct JobEnd {
  Status status;
  std::optional<MemberId> culprit;
};

// What the parts of the coordinator's state machine want done about an event: records first, then
// messages.
struct Effects {
  struct Message {
    std::uint32_t island = 0;
    v1::CoordinatorMessage message;  // the body; the names are filled in where it leaves
  };
  std::vector<v1::Record> records;
  std::vector<Message> messages;
  std::vector<LogLine> log;
  std::optional<JobEnd> verdict;  // the first one counts

  v1::Record& record() { return records.emplace_back(); }
  v1::CoordinatorMessage& send(std::uint32_t island) {
    return messages.emplace_back(Message{island, {}}).message;
  }
  void note(std::string text) { log.push_back({LogLine::Level::kNote, std::move(text)}); }
  void warn(std::string text) { log.push_back({LogLine::Level::kWarning, std::move(text)}); }
  void detail(std::string text) { log.push_back({LogLine::Level::kDetail, std::move(text)}); }
  void end_job(Status status, std::optional<MemberId> culprit = std::nullopt) {
    if (!verdict) verdict = JobEnd{std::move(status), culprit};
  }
  // One message was refused; its sender stays.
  void refuse(std::uint32_t island, std::string why) {
    auto* refused = send(island).mutable_refused();
    refused->set_code(static_cast<std::uint32_t>(Code::kFailedPrecondition));
    refused->set_why(why);
    detail("refused: " + why);
  }
};

}  // namespace outrigger
