#include <outrigger/comm/names.h>

#include <fmt/format.h>

namespace outrigger {

std::string to_string(const MemberId& member) {
  std::string text = fmt::format("island {} (incarnation {})", member.island, member.incarnation);
  if (member.worker != 0) text += fmt::format(", worker {}", member.worker);
  return text;
}

std::string to_string(const RoundId& round) {
  return fmt::format("round {} of fragment {}", round.number, round.fragment);
}

std::string to_string(const AttemptId& attempt) {
  return fmt::format("term {}, attempt {}", attempt.term, attempt.number);
}

}  // namespace outrigger
