#include "cases.h"

#include <map>
#include <thread>

#include "weighted_mean.h"

namespace outrigger::test {
namespace {

// Member `index`'s values: signs, sizes over several powers of ten, zeros.
std::vector<float> make_values(std::size_t index, std::size_t elements) {
  const auto bytes = pattern(elements * 3, static_cast<unsigned>(index) + 7);
  std::vector<float> values(elements);
  for (std::size_t i = 0; i < elements; ++i) {
    const auto byte = [&](std::size_t at) { return std::to_integer<int>(bytes[3 * i + at]); };
    values[i] = static_cast<float>(byte(0) * 256 + byte(1) - 32768) /
                static_cast<float>(1 << (byte(2) % 24));
  }
  return values;
}

// A fragment begins as a longer one of the same member does: under a sanitizer, making them all
// anew took longer than the exchanges. For one thread.
std::span<const float> values_of(std::size_t index, std::size_t elements) {
  static std::map<std::size_t, std::vector<float>> made;
  std::vector<float>& longest = made[index];
  if (longest.size() < elements) longest = make_values(index, elements);
  return std::span(longest).first(elements);
}

}  // namespace

const Codec& codec(std::string_view name) {
  return **find_codec(name);
}

const Collective& collective(std::string_view name) {
  return **find_collective(name);
}

std::vector<std::byte> encode(const Codec& code, std::span<const float> values) {
  std::vector<std::byte> out(code.encoded_bytes(values.size()));
  for (std::size_t at = 0; at < values.size(); at += code.block_elements()) {
    const std::size_t count = std::min(code.block_elements(), values.size() - at);
    code.encode_block(values.subspan(at, count),
                      std::span(out).subspan(code.encoded_bytes(at), code.encoded_bytes(count)));
  }
  return out;
}

std::vector<float> decode(const Codec& code, std::span<const std::byte> in, std::size_t elements) {
  std::vector<float> values(elements);
  for (std::size_t at = 0; at < elements; at += code.block_elements()) {
    const std::size_t count = std::min(code.block_elements(), elements - at);
    throw_if_error(code.decode_block(in.subspan(code.encoded_bytes(at), code.encoded_bytes(count)),
                                     std::span(values).subspan(at, count)));
  }
  return values;
}

Case::Case(std::size_t members, std::size_t elements_, const Codec& codec_,
           const Codec& result_codec_, std::size_t owners)
    : elements(elements_), codec(&codec_), result_codec(&result_codec_) {
  exchange.round = {0, 3};
  exchange.attempt = {1, 2};
  exchange.elements = elements;
  exchange.codec = codec;
  exchange.result_codec = result_codec;
  for (std::uint32_t k = 0; k < members; ++k) {
    encoded.push_back(encode(*codec, values_of(k, elements)));
    // An order of aggregation that is not the order of the islands.
    exchange.contributors.insert(exchange.contributors.begin(), island(k));
    exchange.weights.push_back(3 + 5 * k % 7);
    if (owners == 0 || k >= members - owners) exchange.owners.push_back(island(k));
  }
}

void Case::fill(std::size_t count) {
  elements = exchange.elements = count;
  for (std::size_t k = 0; k < encoded.size(); ++k)
    encoded[k].assign(sizeof(float) * count, static_cast<std::byte>(k + 1));
}

std::vector<float> mean_of(const std::vector<std::vector<float>>& values,
                           const std::vector<std::uint64_t>& weights) {
  std::vector<float> mean(values.front().size());
  const std::vector<std::span<const float>> inputs(values.begin(), values.end());
  WeightedMean().reduce({{}, weights, {}, 0}, inputs, mean);
  return mean;
}

std::vector<float> Case::contribution(MemberId member) const {
  return decode(*codec, encoded[member.island], elements);
}

std::vector<std::byte> Case::reference(const Codec& result) const {
  std::vector<std::vector<float>> decoded;
  for (const MemberId& member : exchange.contributors) decoded.push_back(contribution(member));
  return encode(result, mean_of(decoded, exchange.weights));
}

Result<Exchanged> run_one(Transport& transport, const Collective& collective, const Case& c,
                          double seconds, std::stop_token stop, std::optional<MemberId>* failed) {
  Exchange exchange = c.exchange;
  exchange.own = std::make_shared<const ByteBuffer>(c.encoded[transport.self().island]);
  std::optional<MemberId> unwanted;
  return collective.run(transport, WeightedMean(), exchange, in(seconds), std::move(stop),
                        failed == nullptr ? unwanted : *failed);
}

std::vector<Result<Exchanged>> run_all(const Transports& members, const Collective& collective,
                                       const Case& c,
                                       std::vector<std::optional<MemberId>>* failed) {
  std::vector<Result<Exchanged>> results(members.size(), Status(Code::kInternal, "not run"));
  if (failed != nullptr) failed->resize(members.size());
  std::vector<std::jthread> threads;
  for (std::size_t k = 0; k < members.size(); ++k)
    threads.emplace_back([&, k] {
      results[k] =
          run_one(*members[k], collective, c, 30, {}, failed == nullptr ? nullptr : &(*failed)[k]);
    });
  threads.clear();
  return results;
}

}  // namespace outrigger::test
