#include <outrigger/framework/launch/console.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <outrigger/framework/metrics/human.h>

namespace outrigger {
namespace {

constexpr std::size_t kPlainWidth = 200;
constexpr Duration kRedrawEvery = std::chrono::milliseconds(200);
constexpr const char* kClearLine = "\r\x1b[K";

bool is_terminal(int fd) {
  const char* kind = std::getenv("TERM");
  return ::isatty(fd) == 1 && kind != nullptr && std::string_view(kind) != "dumb";
}

// One column less than there are, because a terminal may wrap after the last.
std::size_t columns(int fd) {
  winsize size = {};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 79;
  return std::max<std::size_t>(size.ws_col, 2) - 1;
}

bool worth_reading(const Event& event) {
  const auto* logged = std::get_if<Logged>(&event);
  return logged != nullptr || std::holds_alternative<Evaluated>(event) ||
         std::holds_alternative<CheckpointWritten>(event) || std::holds_alternative<Failed>(event);
}

}  // namespace

Console::Console(int fd, Progress progress, bool show_progress, Duration plain_every)
    : fd_(fd),
      terminal_(is_terminal(fd) && show_progress),
      show_progress_(show_progress),
      progress_(std::move(progress)),
      plain_every_(plain_every) {}

Console::~Console() {
  finish();
}

Duration Console::tick_every() const {
  return terminal_ ? kRedrawEvery : plain_every_;
}

void Console::write(const std::string& text) {
  std::string_view left = text;
  while (!broken_ && !left.empty()) {
    const ssize_t wrote = ::write(fd_, left.data(), left.size());
    if (wrote < 0 && errno != EINTR) broken_ = true;
    if (wrote > 0) left.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

void Console::message(const std::string& text) {
  if (terminal_ && !finished_)
    write(kClearLine + printable(text) + "\n" + shown_);
  else
    write(printable(text) + "\n");
}

void Console::on_event(const std::string& source, const Event& event) {
  progress_.on_event(source, event, Clock::now());
  if (worth_reading(event)) message(source + ": " + to_text(event));
}

void Console::tick() {
  const TimePoint now = Clock::now();
  if (finished_ || !show_progress_ || (!terminal_ && now < next_plain_)) return;
  std::string line = progress_.line(terminal_ ? columns(fd_) : kPlainWidth, now);
  if (line == shown_) return;
  next_plain_ = now + plain_every_;
  shown_ = std::move(line);
  write(terminal_ ? kClearLine + shown_ : shown_ + "\n");
}

void Console::finish() {
  if (finished_) return;
  next_plain_ = {};
  tick();
  if (terminal_) write("\n");
  finished_ = true;
}

}  // namespace outrigger
