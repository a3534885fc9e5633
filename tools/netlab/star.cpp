#include "netlab/star.h"

#include <algorithm>
#include <utility>

namespace outrigger::netlab {

Star::Star(const std::vector<Host>& hosts, std::uint64_t seed) : shortest_way_(Instant::max()) {
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const LinkShape& shape = hosts[i].shape;
    host_of_[hosts[i].address] = i;
    up_.emplace_back(shape, seed + 2 * i);
    down_.emplace_back(shape, seed + 2 * i + 1);
    shortest_way_ = std::min(shortest_way_, shape.delay - shape.jitter);
  }
}

void Star::take(std::size_t host, Packet packet, Instant now) {
  const auto receiver = host_of_.find(packet.destination);
  if (receiver == host_of_.end()) return;
  if (const auto at = up_[host].send(packet.wire_bytes, now))
    to_router_.push(*at, receiver->second, std::move(packet));
}

// What comes to the router is looked at only when it may be about to arrive: one wake-up less.
std::optional<Instant> Star::next() const {
  const auto router = to_router_.next();
  const auto hosts = to_hosts_.next();
  if (!router) return hosts;
  return hosts ? std::min(*hosts, *router + shortest_way_) : *router + shortest_way_;
}

void Star::advance(Instant now, const std::function<void(std::size_t, Packet)>& deliver) {
  while (to_router_.has_by(now)) {
    OnItsWay entry = to_router_.pop();
    // At its own time, not `now`: a forwarder that wakes late adds nothing to the second link.
    if (const auto at = down_[entry.receiver].send(entry.packet.wire_bytes, entry.at))
      to_hosts_.push(*at, entry.receiver, std::move(entry.packet));
  }
  while (to_hosts_.has_by(now)) {
    OnItsWay entry = to_hosts_.pop();
    deliver(entry.receiver, std::move(entry.packet));
  }
}

std::optional<Instant> Star::Queue::next() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front().at;
}

void Star::Queue::push(Instant at, std::size_t receiver, Packet packet) {
  heap_.push_back({at, pushed_++, receiver, std::move(packet)});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

Star::OnItsWay Star::Queue::pop() {
  std::pop_heap(heap_.begin(), heap_.end(), later);
  OnItsWay entry = std::move(heap_.back());
  heap_.pop_back();
  return entry;
}

bool Star::Queue::later(const OnItsWay& a, const OnItsWay& b) {
  return a.at != b.at ? a.at > b.at : a.number > b.number;
}

}  // namespace outrigger::netlab
