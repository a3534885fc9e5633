#include <algorithm>

#include <fmt/format.h>

#include <outrigger/comm/codec/driver.h>
#include <outrigger/comm/codec/stretch.h>
#include <outrigger/framework/bench/collective_runs.h>

namespace outrigger {
namespace {

using Json = nlohmann::ordered_json;

// Value `index` of a member's tensor: evenly spread over +-1e-3 (SplitMix64's upper bits).
float tensor_value(std::size_t member, std::size_t index) {
  std::uint64_t z = (index * 64 + member + 1) * 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return static_cast<float>(static_cast<std::int32_t>(z >> 32)) * (1e-3F / 2147483648.0F);
}

// One member's tensor on its way there and back.
class AllReduce {
 public:
  AllReduce(BenchWire& wire, const CollectiveCase& measured, std::size_t member,
            std::size_t threads)
      : wire_(wire),
        exchange_(measured.exchange),
        threads_(threads),
        tensor_(exchange_.elements),
        mean_(exchange_.elements) {
    for (std::size_t i = 0; i < tensor_.size(); ++i) tensor_[i] = tensor_value(member, i);
    encode();
  }

  // Encoded fragment to result.
  Result<Json> exchange() {
    const std::uint64_t sent = wire_.bytes_sent(), received = wire_.bytes_received();
    const Result<Exchanged> result = wire_.exchange(exchange_, own_);
    if (!result.ok()) return result.status();
    result_ = result->bytes;
    return Json{{"hash", result->hash.hex()},
                {"sent", wire_.bytes_sent() - sent},
                {"received", wire_.bytes_received() - received}};
  }

  // Tensor to mean.
  Result<Json> all_reduce() {
    encode();
    Result<Json> said = exchange();
    if (!said.ok()) return said;
    if (Status status = decode(); !status.ok()) return status;
    return said;
  }

  void drop_result() { result_.reset(); }

 private:
  void encode() {
    own_.reset();  // so that its memory is what take() gives
    own_ = owned_.take(exchange_.codec->encoded_bytes(exchange_.elements));
    const auto fill = [&](std::size_t offset, std::span<float> values) {
      std::ranges::copy(std::span(tensor_).subspan(offset, values.size()), values.begin());
    };
    EncodeOptions options;
    options.threads = threads_;
    (void)encode_each(*exchange_.codec, exchange_.elements, fill, *own_, options);
  }

  Status decode() {
    return for_each_stretch(exchange_.elements, threads_, [&](auto begin, auto end) {
      for (std::size_t at = begin; at < end; at += kDriverBlock) {
        const std::size_t count = std::min(kDriverBlock, end - at);
        const Status status =
            decode_at(*exchange_.result_codec, *result_, at, std::span(mean_).subspan(at, count));
        if (!status.ok()) return status;
      }
      return Status();
    });
  }

  BenchWire& wire_;
  const ExchangeCase exchange_;
  const std::size_t threads_;
  std::vector<float> tensor_, mean_;
  BufferPool owned_;
  std::shared_ptr<ByteBuffer> own_, result_;
};

}  // namespace

Status check_hashes(const Lap& lap, std::string& hash) {
  for (std::size_t k = 0; k < lap.said.size(); ++k) {
    const std::string said = lap.said[k]["hash"].get<std::string>();
    if (hash.empty()) hash = said;
    if (said == hash) continue;
    return {Code::kInternal,
            fmt::format("member {} ended with the result {}, others or earlier repeats with {}", k,
                        said, hash)};
  }
  return {};
}

Result<CollectiveFigures> measure_collective(StartLine& line, BenchWire& wire,
                                             const CollectiveBenchOptions& options,
                                             const CollectiveCase& measured,
                                             const MemberPlace& place) {
  CollectiveFigures figures;
  figures.measured = measured;
  figures.members = place.members;
  AllReduce work(wire, measured, place.member, options.threads);
  const MemoryWatch watch;
  const auto lap = [&](Result<Json> (AllReduce::*way)(), bool counts, std::vector<double>& seconds,
                       std::vector<double>& cpu) -> Status {
    const Result<Lap> ended = line.run([&] { return (work.*way)(); });
    if (!ended.ok()) return ended.status();
    work.drop_result();
    if (Status status = check_hashes(*ended, figures.hash); !status.ok()) return status;
    if (!counts) return {};
    seconds.push_back(ended->seconds);
    cpu.push_back(ended->cpu_seconds);
    figures.sent.clear();
    figures.received.clear();
    for (const Json& said : ended->said) {
      figures.sent.push_back(said["sent"].get<std::uint64_t>());
      figures.received.push_back(said["received"].get<std::uint64_t>());
    }
    return {};
  };
  for (int i = 0; i <= options.repeats; ++i) {  // the first is a warm-up
    Status status = lap(&AllReduce::exchange, i > 0, figures.exchange_s, figures.exchange_cpu_s);
    if (status.ok())
      status = lap(&AllReduce::all_reduce, i > 0, figures.tensor_s, figures.tensor_cpu_s);
    if (!status.ok())
      return status.with_context(fmt::format("{} of {:g} MB in {}",
                                             measured.exchange.collective->name(), measured.mb,
                                             measured.exchange.codec->name()));
  }
  const Result<Peak> peak = largest_peak(line, watch);
  if (!peak.ok()) return peak.status();
  figures.peak = *peak;
  return figures;
}

}  // namespace outrigger
