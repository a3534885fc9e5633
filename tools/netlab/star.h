#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "netlab/buffers.h"
#include "netlab/link.h"

namespace outrigger::netlab {

struct Packet {
  Buffer buffer;
  std::size_t size = 0;           // of what stands in the buffer
  std::uint32_t destination = 0;  // IPv4
  std::uint64_t wire_bytes = 0;
};

// A router with every host on a link of its own, shaped alike in both directions: a packet takes
// its sender's link up, then its receiver's link down. No clock, no I/O. Not thread-safe.
class Star {
 public:
  struct Host {
    std::uint32_t address = 0;
    LinkShape shape;
  };

  Star(const std::vector<Host>& hosts, std::uint64_t seed);

  // A packet that `host` sends at `now`. REQUIRES: `now` never goes back, nor behind an advance().
  void take(std::size_t host, Packet packet, Instant now);

  // When something next happens, nothing while no packet is on its way.
  std::optional<Instant> next() const;

  // Hands out what has arrived by `now`, in the order of arrival.
  void advance(Instant now, const std::function<void(std::size_t host, Packet packet)>& deliver);

  const Link::Counts& up(std::size_t host) const { return up_[host].counts(); }
  const Link::Counts& down(std::size_t host) const { return down_[host].counts(); }

 private:
  struct OnItsWay {
    Instant at;
    std::uint64_t number;  // so that what arrives in one moment keeps its order
    bool at_host;          // at the end of the way, or still at the router
    std::size_t receiver;
    Packet packet;
  };
  static bool later(const OnItsWay& a, const OnItsWay& b);
  void push(OnItsWay entry);
  OnItsWay pop();

  std::unordered_map<std::uint32_t, std::size_t> host_of_;
  std::vector<Link> up_, down_;
  std::vector<OnItsWay> heap_;  // the earliest first
  std::uint64_t pushed_ = 0;
};

}  // namespace outrigger::netlab
