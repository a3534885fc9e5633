#pragma once

#include <cassert>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace outrigger {

// What went wrong, for whatever a network, a file or a user can cause. What the caller does about it:
enum class Code {
  kOk,
  kInvalidArgument,     // a value the user gave is wrong; the message names it and what would be right
  kNotFound,            // a file, key or peer does not exist
  kFailedPrecondition,  // recipe, version or state differs from what the call needs; do not retry
  kPermissionDenied,    // token or certificate refused
  kUnavailable,         // a peer is gone; the membership decides whether the round is tried again
  kDeadlineExceeded,    // nothing came in time; treat the peer as suspect
  kCancelled,           // the caller asked for it
  kAborted,             // a newer attempt replaced this one; wait for its close
  kResourceExhausted,   // disk full, or a limit reached
  kCorruption,          // bytes that do not match their checksum or length
  kInternal,            // a defect of Outrigger's
};

std::string_view code_name(Code code);

// A code and a message. The message says what happened, with the values; the likely cause; what to do.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }

  // The same code with "context: " before the message.
  Status with_context(std::string_view context) const;
  std::string to_string() const;

 private:
  Code code_ = Code::kOk;
  std::string message_;
};

// The exception that the public C++ API throws, and that programmer errors raise inside.
class Error : public std::runtime_error {
 public:
  explicit Error(Status status)
      : std::runtime_error(status.to_string()), status_(std::move(status)) {}
  const Status& status() const { return status_; }

 private:
  Status status_;
};

// A value, or the Status that says why there is none.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}            // NOLINT: implicit, so that `return value;` works
  Result(Status status) : value_(std::move(status)) {      // NOLINT
    assert(!std::get<Status>(value_).ok());
  }

  bool ok() const { return std::holds_alternative<T>(value_); }
  Status status() const { return ok() ? Status() : std::get<Status>(value_); }

  // REQUIRES: ok().
  T& operator*() { return std::get<T>(value_); }
  const T& operator*() const { return std::get<T>(value_); }
  T* operator->() { return &std::get<T>(value_); }
  const T* operator->() const { return &std::get<T>(value_); }

  // The value, or an Error thrown: the border of the public API.
  T value_or_throw() && {
    if (!ok()) throw Error(status());
    return std::move(std::get<T>(value_));
  }

 private:
  std::variant<T, Status> value_;
};

inline void throw_if_error(const Status& status) {
  if (!status.ok()) throw Error(status);
}

}  // namespace outrigger
