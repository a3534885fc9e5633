#pragma once

#include <optional>
#include <stop_token>
#include <vector>

#include <outrigger/comm/collective/collective.h>

#include "members.h"

namespace outrigger::test {

const Codec& codec(std::string_view name);
const Collective& collective(std::string_view name);

// Codes block by block, as the format says, without the driver.
std::vector<std::byte> encode(const Codec& code, std::span<const float> values);
std::vector<float> decode(const Codec& code, std::span<const std::byte> in, std::size_t elements);

// One exchange of islands 0 to members - 1 with values of several sizes and signs, closed in
// falling order and weighted unevenly.
struct Case {
  std::size_t elements;
  const Codec* codec;
  const Codec* result_codec;
  std::vector<std::vector<std::byte>> encoded;  // by island
  Exchange exchange;

  // `owners`: the last so many members; 0 for all.
  Case(std::size_t members, std::size_t elements, const Codec& codec, const Codec& result_codec,
       std::size_t owners = 0);

  // Another length, and one value a member: much faster, where no bit matters. fp32 only.
  void fill(std::size_t elements);

  // Decode, mean in the closed order, encode once: the rules written down plainly.
  std::vector<std::byte> reference(const Codec& result) const;
  std::vector<float> contribution(MemberId member) const;  // decoded
};

// The mean of such values, weighted, in fp32 and in that order.
std::vector<float> mean_of(const std::vector<std::vector<float>>& values,
                           const std::vector<std::uint64_t>& weights);

Result<Exchanged> run_one(Transport& transport, const Collective& collective, const Case& c,
                          double seconds = 30, std::stop_token stop = {},
                          std::optional<MemberId>* failed = nullptr);
// Each member on a thread of its own.
std::vector<Result<Exchanged>> run_all(const Transports& members, const Collective& collective,
                                       const Case& c,
                                       std::vector<std::optional<MemberId>>* failed = nullptr);

}  // namespace outrigger::test
