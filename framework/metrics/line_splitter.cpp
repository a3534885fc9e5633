#include <outrigger/framework/metrics/line_splitter.h>

namespace outrigger {

void LineSplitter::append(std::string_view piece) {
  if (dropping_) return;
  if (partial_.size() + piece.size() > max_line_bytes_) {
    dropping_ = true;
    ++dropped_;
    std::string().swap(partial_);
    return;
  }
  partial_ += piece;
}

void LineSplitter::feed(std::string_view bytes, const std::function<void(std::string_view)>& line) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    append(bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    if (!dropping_ && !partial_.empty()) line(partial_);
    dropping_ = false;
    partial_.clear();
  }
}

}  // namespace outrigger
