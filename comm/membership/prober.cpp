#include <outrigger/comm/membership/prober.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/membership/median.h>

namespace outrigger {
namespace {

constexpr Duration kPairPatience = std::chrono::seconds(10);
constexpr Duration kBetweenTries = std::chrono::milliseconds(20);
constexpr std::uint32_t kRoundTrips = 5;
constexpr std::uint32_t kMaxParts = 64;  // of an answer
constexpr std::uint32_t kFp32 = 1;       // the codec's number on the wire
enum Hop : std::uint32_t { kMeet, kWarm, kPing, kAsk, kAnswer };

Tag tag(Hop hop, std::uint32_t number) {
  return {kOutsideRounds, {}, hop, number};
}

// Of each part of an answer; whole values.
std::size_t part_bytes(std::size_t bytes, std::size_t parts) {
  return (bytes / parts + 3) / 4 * 4;
}

// What answers are made of: nothing on the way should be able to shrink it.
SharedBytes noise() {
  auto buffer = std::make_shared<ByteBuffer>(RateProbe::kLargest + 4);
  std::mt19937 random;  // NOLINT: any seed will do
  for (std::size_t at = 0; at < buffer->size(); at += 4)
    store_little_endian(static_cast<std::uint32_t>(random()), buffer->data() + at);
  return SharedBytes(buffer);
}

// The two ends of one pair run the same steps, but `leads` goes first.
class PairProbe {
 public:
  PairProbe(Transport& transport, MemberId peer, std::uint32_t channels, SharedBytes noise,
            std::stop_token stop)
      : transport_(transport),
        peer_(peer),
        channels_(channels),
        noise_(std::move(noise)),
        stop_(std::move(stop)),
        deadline_(Clock::now() + kPairPatience) {}

  ProbeReport run(bool leads, bool rates) {
    probe_.peer = peer_;
    Status status = meet();
    if (status.ok()) status = leads ? ping() : pong();
    if (rates && status.ok()) status = leads ? answer() : ask();
    if (rates && status.ok()) status = leads ? ask() : answer();
    return {probe_, status};
  }

 private:
  Operation send(Hop hop, std::uint32_t number, const SharedBytes& bytes) {
    return transport_.send(peer_, tag(hop, number), kFp32, bytes.bytes.size() / 4, bytes,
                           deadline_);
  }
  Operation receive(Hop hop, std::uint32_t number, ByteBuffer& into) {
    return transport_.recv(peer_, tag(hop, number), {kFp32, into.size() / 4}, into, deadline_);
  }
  Operation send(Hop hop, std::uint32_t number, std::uint32_t value) {
    const auto bytes = std::make_shared<ByteBuffer>(4);
    store_little_endian(value, bytes->data());
    return send(hop, number, SharedBytes(bytes));
  }

  // All of them, to their end, also if one fails: what they receive into is theirs until then.
  Status finish(std::span<const Operation> operations) {
    Status first;
    for (const Operation& operation : operations) {
      if (!first.ok()) operation.cancel();
      const std::stop_callback on_stop(stop_, [&] { operation.cancel(); });
      const Status status = operation.wait();
      if (first.ok()) first = status;
    }
    return first;
  }
  Status finish(const Operation& operation) { return finish(std::span(&operation, 1)); }

  Status say(Hop hop, std::uint32_t number, std::uint32_t value) {
    return finish(send(hop, number, value));
  }
  Status hear(Hop hop, std::uint32_t number, std::uint32_t& value) {
    ByteBuffer bytes(4);
    const Status status = finish(receive(hop, number, bytes));
    if (!status.ok()) return status;
    value = load_little_endian<std::uint32_t>(bytes.data());
    return {};
  }

  Status meet();
  Status warm();
  Status ping();
  Status pong();
  Status ask();
  Status answer();

  Transport& transport_;
  const MemberId peer_;
  const std::uint32_t channels_;
  const SharedBytes noise_;
  const std::stop_token stop_;
  const TimePoint deadline_;
  std::uint32_t peer_channels_ = 0;
  LinkProbe probe_;
};

// A peer refuses who is not yet on its roster.
Status PairProbe::meet() {
  ByteBuffer channels(4);
  const Operation coming = receive(kMeet, 0, channels);
  Status status = say(kMeet, 0, channels_);
  while (status.code() == Code::kPermissionDenied && Clock::now() < deadline_ &&
         !stop_.stop_requested()) {
    std::this_thread::sleep_for(kBetweenTries);
    status = say(kMeet, 0, channels_);
  }
  if (!status.ok()) coming.cancel();
  const Status came = finish(coming);
  if (!status.ok() || !came.ok()) return status.ok() ? came : status;
  peer_channels_ = load_little_endian<std::uint32_t>(channels.data());
  if (peer_channels_ < 1 || peer_channels_ > kMaxParts)
    return {Code::kCorruption, fmt::format("{} names {} connections, and 1 to {} are possible",
                                           to_string(peer_), peer_channels_, kMaxParts)};
  return warm();
}

// A message on each connection, so that none is made while something is measured.
Status PairProbe::warm() {
  std::vector<ByteBuffer> arrived(peer_channels_, ByteBuffer(4));
  std::vector<Operation> operations;
  for (std::uint32_t k = 0; k < peer_channels_; ++k)
    operations.push_back(receive(kWarm, k, arrived[k]));
  for (std::uint32_t k = 0; k < channels_; ++k) operations.push_back(send(kWarm, k, k));
  return finish(operations);
}

// To and fro, then what the peer shall know of it.
Status PairProbe::ping() {
  std::vector<double> times;
  for (std::uint32_t number = 0; number < kRoundTrips; ++number) {
    ByteBuffer back(4);
    const TimePoint begin = Clock::now();
    const Operation both[] = {receive(kPing, number, back), send(kPing, number, number)};
    if (const Status status = finish(both); !status.ok()) return status;
    times.push_back(seconds(Clock::now() - begin));
  }
  probe_.round_trip_s = median_of(std::move(times));
  return say(kPing, kRoundTrips, static_cast<std::uint32_t>(std::ceil(probe_.round_trip_s * 1e6)));
}

Status PairProbe::pong() {
  std::vector<Operation> returned;
  std::uint32_t value = 0;
  Status status;
  for (std::uint32_t number = 0; number <= kRoundTrips && status.ok(); ++number) {
    status = hear(kPing, number, value);
    if (status.ok() && number < kRoundTrips) returned.push_back(send(kPing, number, value));
  }
  if (!status.ok())
    for (const Operation& operation : returned) operation.cancel();
  const Status sent = finish(returned);
  if (!status.ok() || !sent.ok()) return status.ok() ? sent : status;
  const double round_trip_s = value * 1e-6;
  if (round_trip_s > seconds(kPairPatience))
    return {Code::kCorruption,
            fmt::format("{} tells of a round trip of {} s, and nobody waits for one longer than "
                        "{} s",
                        to_string(peer_), round_trip_s, seconds(kPairPatience))};
  probe_.round_trip_s = round_trip_s;
  return {};
}

Status PairProbe::ask() {
  RateProbe rate(probe_.round_trip_s);
  for (std::uint32_t number = 0;; ++number) {
    const std::optional<std::size_t> bytes = rate.next();
    if (!bytes) return say(kAsk, number, 0);
    std::vector<ByteBuffer> parts(peer_channels_, ByteBuffer(part_bytes(*bytes, peer_channels_)));
    std::vector<Operation> operations;
    for (std::uint32_t k = 0; k < peer_channels_; ++k)
      operations.push_back(receive(kAnswer, number * kMaxParts + k, parts[k]));
    const TimePoint asked = Clock::now();
    operations.push_back(send(kAsk, number, static_cast<std::uint32_t>(*bytes)));
    if (const Status status = finish(operations); !status.ok()) return status;
    rate.came(seconds(Clock::now() - asked));
    rate.tell(probe_);
  }
}

Status PairProbe::answer() {
  for (std::uint32_t number = 0;; ++number) {
    std::uint32_t bytes = 0;
    if (const Status status = hear(kAsk, number, bytes); !status.ok()) return status;
    if (bytes == 0) return {};
    if (bytes > RateProbe::kLargest)
      return {Code::kCorruption, fmt::format("{} asks for {} bytes, and at most {} are sent",
                                             to_string(peer_), bytes, RateProbe::kLargest)};
    const std::size_t part = part_bytes(bytes, channels_);
    std::vector<Operation> operations;
    for (std::uint32_t k = 0; k < channels_; ++k)
      operations.push_back(send(kAnswer, number * kMaxParts + k, noise_.slice(0, part)));
    if (const Status status = finish(operations); !status.ok()) return status;
  }
}

// A round was in the way, or the probe in the round's.
void forget_rate(ProbeReport& report) {
  if (report.probe.bytes == 0) return;
  report.probe.bytes = 0;
  report.probe.busy_s = 0;
  if (report.status.ok())
    report.status = {Code::kAborted, "a round was exchanged meanwhile, so its rate says nothing"};
}

}  // namespace

void probe_links(Transport& transport, std::span<const MemberId> members, std::uint32_t channels,
                 const ExchangeCount& exchanges,
                 const std::function<void(const ProbeReport&)>& report, std::stop_token stop) {
  const auto self =
      static_cast<std::size_t>(std::ranges::find(members, transport.self()) - members.begin());
  const bool rates = &transport.control() == &transport;
  const SharedBytes bytes = rates ? noise() : SharedBytes();
  for (std::size_t slot = 0; slot < probe_slots(members.size()); ++slot) {
    const auto partner = probe_partner(members.size(), self, slot);
    if (!partner || stop.stop_requested()) continue;
    PairProbe pair(transport.control(), members[*partner], channels, bytes, stop);
    const std::uint64_t ended = exchanges.ended, begun = exchanges.begun;
    ProbeReport result = pair.run(self < *partner, rates);
    if (ended != begun || begun != exchanges.begun) forget_rate(result);
    if (!stop.stop_requested()) report(result);
  }
}

}  // namespace outrigger
