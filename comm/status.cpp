#include <outrigger/comm/status.h>

#include <fmt/format.h>

namespace outrigger {

std::string_view code_name(Code code) {
  switch (code) {
    case Code::kOk: return "ok";
    case Code::kInvalidArgument: return "invalid argument";
    case Code::kNotFound: return "not found";
    case Code::kFailedPrecondition: return "failed precondition";
    case Code::kPermissionDenied: return "permission denied";
    case Code::kUnavailable: return "unavailable";
    case Code::kDeadlineExceeded: return "deadline exceeded";
    case Code::kCancelled: return "cancelled";
    case Code::kAborted: return "aborted";
    case Code::kResourceExhausted: return "resource exhausted";
    case Code::kCorruption: return "corruption";
    case Code::kInternal: return "internal error";
  }
  return "unknown";
}

Status Status::with_context(std::string_view context) const {
  return ok() ? *this : Status(code_, fmt::format("{}: {}", context, message_));
}

std::string Status::to_string() const {
  return ok() ? "ok" : fmt::format("{} ({})", message_, code_name(code_));
}

}  // namespace outrigger
