#include "netlab/star.h"

#include <algorithm>
#include <utility>

namespace outrigger::netlab {

Star::Star(const std::vector<Host>& hosts, std::uint64_t seed) {
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    host_of_[hosts[i].address] = i;
    up_.emplace_back(hosts[i].shape, seed + 2 * i);
    down_.emplace_back(hosts[i].shape, seed + 2 * i + 1);
  }
}

void Star::take(std::size_t host, Packet packet, Instant now) {
  const auto receiver = host_of_.find(packet.destination);
  if (receiver == host_of_.end()) return;
  if (const auto at = up_[host].send(packet.wire_bytes, now))
    push({*at, 0, false, receiver->second, std::move(packet)});
}

std::optional<Instant> Star::next() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front().at;
}

void Star::advance(Instant now, const std::function<void(std::size_t, Packet)>& deliver) {
  while (!heap_.empty() && heap_.front().at <= now) {
    OnItsWay entry = pop();
    if (entry.at_host) {
      deliver(entry.receiver, std::move(entry.packet));
      continue;
    }
    // At its own time, not `now`: a forwarder that wakes late adds nothing to the second link.
    if (const auto at = down_[entry.receiver].send(entry.packet.wire_bytes, entry.at))
      push({*at, 0, true, entry.receiver, std::move(entry.packet)});
  }
}

bool Star::later(const OnItsWay& a, const OnItsWay& b) {
  return a.at != b.at ? a.at > b.at : a.number > b.number;
}

void Star::push(OnItsWay entry) {
  entry.number = pushed_++;
  heap_.push_back(std::move(entry));
  std::push_heap(heap_.begin(), heap_.end(), later);
}

Star::OnItsWay Star::pop() {
  std::pop_heap(heap_.begin(), heap_.end(), later);
  OnItsWay entry = std::move(heap_.back());
  heap_.pop_back();
  return entry;
}

}  // namespace outrigger::netlab
