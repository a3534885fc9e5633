#include "netlab/forwarder.h"

#include <fmt/core.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "netlab/packet.h"
#include "netlab/tun.h"

namespace outrigger::netlab {
namespace {

constexpr std::size_t kMaxBufferBytes = std::size_t{1} << 30;
constexpr int kReadsPerTurn = 32;  // so that one busy host does not hold up the others
constexpr std::uint64_t kTimer = ~std::uint64_t{0};
constexpr std::uint64_t kInput = kTimer - 1;

Instant now() {
  return std::chrono::steady_clock::now().time_since_epoch();
}

Status failed(const char* what) {
  return {Code::kInternal, fmt::format("{}: {}", what, std::strerror(errno))};
}

std::vector<Star::Host> star_hosts(const Plan& plan) {
  std::vector<Star::Host> hosts;
  for (const Plan::Host& host : plan.hosts) hosts.push_back(host.in_star);
  return hosts;
}

void print(std::size_t host, const char* direction, const Link::Counts& counts) {
  fmt::print("host {} {}: {} packets, {} bytes, {} lost, {} overflowed\n", host, direction,
             counts.packets, counts.bytes, counts.lost, counts.overflowed);
}

}  // namespace

Forwarder::Forwarder(const Plan& plan)
    : buffers_(std::make_unique<Buffers>(kMaxBufferBytes)), star_(star_hosts(plan), plan.seed) {}

Forwarder::~Forwarder() {
  for (const int device : devices_) ::close(device);
  if (epoll_ >= 0) ::close(epoll_);
  if (timer_ >= 0) ::close(timer_);
}

Result<std::unique_ptr<Forwarder>> Forwarder::open(const Plan& plan) {
  std::unique_ptr<Forwarder> forwarder(new Forwarder(plan));
  for (const Plan::Host& host : plan.hosts) {
    const Result<int> device = open_tun(host.name_space, !plan.segments);
    if (!device.ok()) return device.status();
    forwarder->devices_.push_back(*device);
  }
  if (Status watched = forwarder->watch(); !watched.ok()) return watched;
  return forwarder;
}

Status Forwarder::watch() {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  timer_ = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (epoll_ < 0 || timer_ < 0) return failed("epoll and timerfd");
  const auto add = [this](int fd, std::uint64_t tag) {
    epoll_event event{.events = EPOLLIN, .data = {.u64 = tag}};
    return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
  };
  bool added = add(timer_, kTimer) && add(STDIN_FILENO, kInput);
  for (std::size_t host = 0; host < devices_.size(); ++host)
    added = added && add(devices_[host], host);
  return added ? Status() : failed("epoll_ctl");
}

Status Forwarder::run() {
  for (;;) {
    epoll_event events[16];
    const int ready = ::epoll_wait(epoll_, events, 16, -1);
    if (ready < 0 && errno != EINTR) return failed("epoll_wait");
    for (int i = 0; i < ready; ++i) {
      const std::uint64_t tag = events[i].data.u64;
      char ignored[64];
      if (tag == kInput) {
        if (::read(STDIN_FILENO, ignored, sizeof ignored) <= 0) return {};
      } else if (tag == kTimer) {
        if (::read(timer_, ignored, sizeof ignored) > 0) armed_ = Instant(-1);
      } else if (Status read = read_from(tag); !read.ok()) {
        return read;
      }
    }
    star_.advance(now(), [this](std::size_t host, Packet packet) { write_to(host, packet); });
    arm_timer();
  }
}

Status Forwarder::read_from(std::size_t host) {
  for (int i = 0; i < kReadsPerTurn; ++i) {
    if (!spare_) spare_ = buffers_->take(Buffers::kLarge);
    std::byte overflow[Buffers::kSmall];  // with no buffer left a packet is read all the same, and
                                          // dropped
    std::byte* place = spare_ ? spare_.get() : overflow;
    const ssize_t got = ::read(devices_[host], place, spare_ ? Buffers::kLarge : sizeof overflow);
    if (got < 0 && errno == EAGAIN) return {};
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("reading a host's device");
    const std::size_t size = static_cast<std::size_t>(got);
    const auto facts = read_packet({place, size});
    if (!facts && spare_) ++foreign_;
    if (!spare_) ++no_memory_;
    if (!facts || !spare_) continue;
    Buffer kept = size <= Buffers::kSmall ? buffers_->take(size) : std::move(spare_);
    if (!kept) {
      ++no_memory_;
      continue;
    }
    if (size <= Buffers::kSmall) std::memcpy(kept.get(), spare_.get(), size);
    star_.take(host, {std::move(kept), size, facts->destination, facts->wire_bytes}, now());
  }
  return {};
}

void Forwarder::write_to(std::size_t host, const Packet& packet) {
  if (::write(devices_[host], packet.buffer.get(), packet.size) < 0) ++refused_;
}

void Forwarder::arm_timer() {
  const auto next = star_.next();
  if (!next || *next == armed_) return;
  armed_ = *next;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(armed_);
  const itimerspec until{.it_interval = {},
                         .it_value = {seconds.count(), (armed_ - seconds).count()}};
  ::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &until, nullptr);
}

void Forwarder::print_counts() const {
  for (std::size_t host = 0; host < devices_.size(); ++host) {
    print(host, "up", star_.up(host));
    print(host, "down", star_.down(host));
  }
  fmt::print("not IPv4 {}, dropped without memory {}, refused by a device {}\n", foreign_,
             no_memory_, refused_);
}

}  // namespace outrigger::netlab
