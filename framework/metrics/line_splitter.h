#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace outrigger {

// Cuts a stream of bytes into lines, in bounded memory: a line longer than the limit is dropped
// whole and counted. What follows the last newline stays until more comes. Not thread-safe.
class LineSplitter {
 public:
  explicit LineSplitter(std::size_t max_line_bytes) : max_line_bytes_(max_line_bytes) {}

  // Calls `line` with each line that `bytes` completes, without its newline. Empty lines are passed
  // over.
  void feed(std::string_view bytes, const std::function<void(std::string_view)>& line);

  std::size_t dropped() const { return dropped_; }  // lines that were too long, so far

 private:
  void append(std::string_view piece);

  std::size_t max_line_bytes_;
  std::string partial_;
  bool dropping_ = false;  // inside a line that is too long
  std::size_t dropped_ = 0;
};

}  // namespace outrigger
