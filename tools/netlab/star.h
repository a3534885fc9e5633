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

  // Until when nothing arrives whatever else is sent, so that advance() may wait; nothing while no
  // packet is on its way.
  std::optional<Instant> next() const;

  // Hands out what has arrived by `now`, in the order of arrival.
  void advance(Instant now, const std::function<void(std::size_t host, Packet packet)>& deliver);

  const Link::Counts& up(std::size_t host) const { return up_[host].counts(); }
  const Link::Counts& down(std::size_t host) const { return down_[host].counts(); }

 private:
  struct OnItsWay {
    Instant at;
    std::uint64_t number;  // so that what arrives in one moment keeps its order
    std::size_t receiver;
    Packet packet;
  };
  // The earliest first.
  class Queue {
   public:
    bool has_by(Instant now) const { return !heap_.empty() && heap_.front().at <= now; }
    std::optional<Instant> next() const;
    void push(Instant at, std::size_t receiver, Packet packet);
    OnItsWay pop();

   private:
    static bool later(const OnItsWay& a, const OnItsWay& b);

    std::vector<OnItsWay> heap_;
    std::uint64_t pushed_ = 0;
  };

  std::unordered_map<std::uint32_t, std::size_t> host_of_;
  std::vector<Link> up_, down_;
  Instant shortest_way_;  // down, of any host
  Queue to_router_, to_hosts_;
};

}  // namespace outrigger::netlab
