#include <outrigger/framework/metrics/event_sink.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <outrigger/framework/metrics/human.h>

namespace outrigger {
namespace {

constexpr std::size_t kMaxQueuedBytes = std::size_t{1} << 20;
constexpr Duration kFlushTime = std::chrono::seconds(2);

bool droppable(const Event& event) {
  return std::holds_alternative<StepDone>(event) || std::holds_alternative<RoundDone>(event) ||
         std::holds_alternative<Logged>(event);
}

int milliseconds_until(TimePoint then) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(then - Clock::now()).count() + 1;
  return static_cast<int>(std::clamp<long long>(left, 0, 60'000));
}

void print(const Event& event) {
  std::fputs((printable(to_text(event)) + "\n").c_str(), stdout);
  std::fflush(stdout);
}

// The socket that the environment names, or -1.
int socket_from_environment() {
  const char* text = std::getenv(EventSink::kEnvironment);
  if (text == nullptr) return -1;
  int fd = -1;
  const char* end = text + std::strlen(text);
  const auto read = std::from_chars(text, end, fd);
  struct stat info = {};
  const bool good = read.ec == std::errc() && read.ptr == end && fd >= 0 &&
                    ::fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode);
  if (!good)
    fmt::print(stderr, "{}={} is not an open socket: events are printed here.\n",
               EventSink::kEnvironment, text);
  ::unsetenv(EventSink::kEnvironment);
  return good ? fd : -1;
}

}  // namespace

class EventSink::Impl {
 public:
  explicit Impl(int socket) : socket_(socket) {
    if (socket_ < 0) return;
    ::fcntl(socket_, F_SETFD, FD_CLOEXEC);
    wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    sigset_t all, before;  // signals are for the process's own threads
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  ~Impl() {
    if (socket_ < 0) return;
    {
      std::unique_lock lock(mutex_);
      closing_at_ = Clock::now() + kFlushTime;
    }
    wake();
    thread_.join();
    ::close(wake_);
    ::close(socket_);
  }

  void send(const Event& event) {
    const std::unique_lock lock(mutex_);
    if (socket_ < 0 || gone_) return print(event);
    if (queue_.size() > kMaxQueuedBytes && droppable(event)) {
      ++dropped_;
      return;
    }
    enqueue(event);
    flush();
    if (!queue_.empty() || gone_) wake();
  }

  void on_gone(std::function<void()> callback, Duration grace) {
    if (socket_ < 0) return;
    {
      std::unique_lock lock(mutex_);
      callback_ = std::move(callback);
      grace_ = grace;
      callback_ended_.wait(lock, [this] { return !callback_running_; });
    }
    wake();
  }

  bool supervised() const { return socket_ >= 0; }

 private:
  void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t wrote = ::write(wake_, &one, sizeof one);
  }

  void enqueue(const Event& event) { queue_ += to_json(event) + "\n"; }

  void report_gap() {
    const std::size_t count = std::exchange(dropped_, 0);
    enqueue(Logged{"warning",
                   fmt::format("{} reports were dropped: the supervisor did not read", count)});
  }

  // Hands over what the socket takes now. REQUIRES: the lock.
  void flush() {
    while (!queue_.empty() && !gone_) {
      const ssize_t sent =
          ::send(socket_, queue_.data(), queue_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent >= 0) {
        queue_.erase(0, static_cast<std::size_t>(sent));
        if (queue_.empty() && dropped_ > 0) report_gap();
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return;
      } else if (errno != EINTR) {
        set_gone();
      }
    }
  }

  void set_gone() {
    if (gone_) return;
    gone_ = true;
    gone_at_ = Clock::now();
    queue_.clear();
  }

  // Nothing is expected from the supervisor but the end of the stream. REQUIRES: the lock.
  void read() {
    char bytes[256];
    const ssize_t got = ::recv(socket_, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got == 0) set_gone();
    if (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) set_gone();
  }

  int timeout_ms() const {
    if (closing_at_) return milliseconds_until(*closing_at_);
    return gone_ ? milliseconds_until(gone_at_ + grace_) : -1;
  }

  void end_process_if_late() const {
    if (!gone_ || closing_at_ || Clock::now() < gone_at_ + grace_) return;
    fmt::print(stderr,
               "The supervisor died {:.0f} s ago and this process did not end: giving up.\n",
               seconds(grace_));
    std::fflush(stderr);
    ::_exit(1);
  }

  void run() {
    std::unique_lock lock(mutex_);
    while (!closing_at_ || (!queue_.empty() && !gone_ && Clock::now() < *closing_at_)) {
      if (gone_ && callback_) {
        const std::function<void()> callback = std::exchange(callback_, nullptr);
        callback_running_ = true;
        lock.unlock();
        callback();
        lock.lock();
        callback_running_ = false;
        callback_ended_.notify_all();
        continue;
      }
      pollfd fds[2] = {
          {wake_, POLLIN, 0},
          {gone_ ? -1 : socket_, static_cast<short>(POLLIN | (queue_.empty() ? 0 : POLLOUT)), 0}};
      const int timeout = timeout_ms();
      lock.unlock();
      ::poll(fds, 2, timeout);
      lock.lock();
      std::uint64_t count;
      [[maybe_unused]] const ssize_t got = ::read(wake_, &count, sizeof count);
      if (!gone_ && fds[1].revents != 0) {
        read();
        flush();
      }
      end_process_if_late();
    }
  }

  const int socket_;
  int wake_ = -1;
  std::mutex mutex_;
  std::string queue_;  // whole lines, but for the first, of which a part may have been sent
  std::size_t dropped_ = 0;
  bool gone_ = false;
  TimePoint gone_at_;
  std::function<void()> callback_;
  bool callback_running_ = false;
  std::condition_variable callback_ended_;
  Duration grace_ = std::chrono::minutes(2);
  std::optional<TimePoint> closing_at_;
  std::thread thread_;
};

std::unique_ptr<EventSink> EventSink::from_environment() {
  return std::make_unique<EventSink>(socket_from_environment());
}

EventSink::EventSink(int socket) : impl_(std::make_unique<Impl>(socket)) {}
EventSink::~EventSink() = default;

bool EventSink::supervised() const {
  return impl_->supervised();
}
void EventSink::send(const Event& event) {
  impl_->send(event);
}
void EventSink::on_supervisor_gone(std::function<void()> callback, Duration grace) {
  impl_->on_gone(std::move(callback), grace);
}

}  // namespace outrigger
