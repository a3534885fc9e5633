#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <outrigger/comm/status.h>
#include <outrigger/framework/metrics/event.h>

namespace outrigger {

// Appends events to a metrics.jsonl, one whole line with one write, so a reader that follows the
// file sees whole lines and a kill loses nothing that was appended. When a line cannot be written
// whole (disk full) what was written of it is cut off again. A resumed run appends: steps after its
// checkpoint then come twice, the later line counts. Not thread-safe.
class JsonlWriter {
 public:
  // Creates the file if it is missing; cuts off an unfinished last line.
  static Result<JsonlWriter> open(const std::string& path);

  JsonlWriter(JsonlWriter&& other) noexcept;
  JsonlWriter& operator=(JsonlWriter&&) = delete;
  ~JsonlWriter();

  // Returns a warning when a line could not be written, the first time only; later lines are still
  // tried.
  std::optional<std::string> append(double unix_time, std::string_view source, const Event& event);

  std::size_t lost() const { return lost_; }  // lines that could not be written

 private:
  JsonlWriter(int fd, std::string path);

  int fd_;
  std::string path_;
  std::size_t lost_ = 0;
};

}  // namespace outrigger
