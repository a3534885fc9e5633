#include <cmath>
#include <cstring>

#include <outrigger/framework/bench/collective_runs.h>
#include <outrigger/framework/bench/plain_tcp.h>

namespace outrigger {
namespace {

using Json = nlohmann::ordered_json;

std::string host_of(const std::string& address) {
  return address.substr(0, address.rfind(':'));
}

}  // namespace

Result<Peak> largest_peak(StartLine& line, const MemoryWatch& watch) {
  const std::optional<double> own = watch.peak_over_start();
  const Result<Lap> lap = line.run([&]() -> Result<Json> {
    return Json{{"peak", own ? Json(*own) : Json()}};
  });
  if (!lap.ok()) return lap.status();
  Peak peak = 0;
  for (const Json& said : lap->said) {
    if (said["peak"].is_null()) return Peak();
    peak = std::max(*peak, said["peak"].get<double>());
  }
  return peak;
}

Result<PayloadFigures> measure_payload(Meeting& meeting, StartLine& line,
                                       const CollectiveBenchOptions& options, double mb,
                                       std::size_t connections) {
  PayloadFigures figures;
  figures.mb = mb;
  figures.connections = connections;
  const auto values = static_cast<std::size_t>(std::llround(mb * 1e6 / sizeof(float)));
  figures.bytes = values * sizeof(float);
  const std::byte filling{static_cast<unsigned char>(meeting.member() == 0 ? 0x3c : 0)};
  const auto shared =
      std::make_shared<ByteBuffer>(meeting.member() < 2 ? figures.bytes : 0, filling);
  const std::span<std::byte> bytes = *shared;

  const Result<PlainTcp> tcp = PlainTcp::open(meeting, host_of(options.wire.listen), connections);
  if (!tcp.ok()) return tcp.status().with_context("plain TCP");
  WireOptions wanted = options.wire;
  wanted.channels = static_cast<std::uint32_t>(connections);
  const Result<std::unique_ptr<BenchWire>> opened = BenchWire::open(meeting, wanted);
  if (!opened.ok()) return opened.status();
  BenchWire& wire = **opened;
  // NCCL has one link each way, whatever controls it.
  const bool measured = wanted.transport != "nccl" || connections == 1;
  const auto lap = [&](const std::function<Status()>& send,
                       const std::function<Status()>& receive) {
    return line.run([&]() -> Result<Json> {
      Status status;
      if (meeting.member() == 0) status = send();
      if (meeting.member() == 1) status = receive();
      return status.ok() ? Result<Json>(Json::object()) : Result<Json>(status);
    });
  };
  const MemoryWatch watch;
  for (int i = 0; i <= options.repeats; ++i) {  // the first is a warm-up
    const Result<Lap> plain =
        lap([&] { return tcp->send(bytes); }, [&] { return tcp->receive(bytes); });
    if (!plain.ok()) return plain.status();
    if (i > 0) figures.tcp_s.push_back(plain->seconds);
    if (!measured) continue;
    const Result<Lap> framed = lap([&] { return wire.send(1, SharedBytes(shared)); },
                                   [&] { return wire.receive(0, bytes); });
    if (!framed.ok()) return framed.status();
    if (i > 0) figures.transport_s.push_back(framed->seconds);
  }
  if (!measured) return figures;
  const Result<Peak> peak = largest_peak(line, watch);
  if (!peak.ok()) return peak.status();
  figures.transport_peak = *peak;
  return figures;
}

}  // namespace outrigger
