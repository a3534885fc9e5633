#include "netlab/plan.h"

#include <arpa/inet.h>
#include <fmt/core.h>

#include <sstream>

namespace outrigger::netlab {
namespace {

Status bad(const std::string& line, std::string_view why) {
  return {Code::kInvalidArgument, fmt::format("plan line '{}': {}", line, why)};
}

bool nothing_left(std::istringstream& words) {
  return (words >> std::ws).eof();
}

Status read_host(const std::string& line, std::istringstream& words, Plan& plan) {
  Plan::Host host;
  LinkShape& shape = host.in_star.shape;
  std::string address;
  std::int64_t delay_ns = 0, jitter_ns = 0;
  words >> host.name_space >> address >> shape.bytes_per_second >> delay_ns >> jitter_ns >>
      shape.loss >> shape.queue_bytes;
  if (!words || !nothing_left(words))
    return bad(line,
               "needs NAMESPACE ADDRESS BYTES_PER_SECOND DELAY_NS JITTER_NS LOSS QUEUE_BYTES");
  in_addr parsed{};
  if (::inet_pton(AF_INET, address.c_str(), &parsed) != 1)
    return bad(line, address + " is no IPv4 address");
  if (shape.bytes_per_second < 0) return bad(line, "a rate is 0 (no limit) or more");
  if (jitter_ns < 0 || delay_ns < jitter_ns) return bad(line, "jitter is 0 to the delay");
  if (!(shape.loss >= 0 && shape.loss <= 1)) return bad(line, "loss is 0 to 1");
  host.in_star.address = ntohl(parsed.s_addr);
  shape.delay = Instant(delay_ns);
  shape.jitter = Instant(jitter_ns);
  plan.hosts.push_back(host);
  return {};
}

}  // namespace

Result<Plan> read_plan(std::istream& lines) {
  Plan plan;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string item;
    words >> item;
    if (item == "host") {
      if (Status read = read_host(line, words, plan); !read.ok()) return read;
    } else if (item == "seed") {
      if (!(words >> plan.seed) || !nothing_left(words)) return bad(line, "needs one whole number");
    } else if (item == "segments" && nothing_left(words)) {
      plan.segments = true;
    } else if (item == "end" && nothing_left(words)) {
      return plan;
    } else {
      return bad(line, "is none of seed, segments, host, end");
    }
  }
  return Status(Code::kInvalidArgument, "the plan has no line 'end'");
}

}  // namespace outrigger::netlab
