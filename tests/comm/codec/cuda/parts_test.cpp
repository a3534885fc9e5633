#include "support/catch.h"

#include <barrier>
#include <cstring>
#include <memory>
#include <thread>

#include "comm/codec/cuda/references.h"

#include <outrigger/comm/codec/cuda/top_k_parts.h>

// What the CUDA kernels do, done by the CPU.
namespace outrigger::cuda_parts_test {
namespace {

using namespace cuda_references;

// One thread that is each member in turn: a phase that needs what a later member does in it fails.
struct SerialTeam {
  std::size_t members = 1;
  bool backwards = false;
  std::size_t size() const { return members; }
  template <class Phase>
  void each(Phase phase) const {
    for (std::size_t k = 0; k < members; ++k) phase(backwards ? members - 1 - k : k);
  }
};

// A thread each, as on the device: the thread sanitizer sees what two members race for.
struct ThreadTeam {
  std::barrier<>* barrier;
  std::size_t members, rank;
  std::size_t size() const { return members; }
  template <class Phase>
  void each(Phase phase) const {
    phase(rank);
    barrier->arrive_and_wait();
  }
};

// A device's memory holds what was there before.
template <class Scratch>
std::unique_ptr<Scratch> filled() {
  auto scratch = std::make_unique_for_overwrite<Scratch>();
  std::memset(scratch.get(), 0xa5, sizeof(Scratch));
  return scratch;
}

// Calls work(team, scratch) as every member of a team.
struct Serial {
  SerialTeam team;
  template <class Scratch, class Work>
  void run(Work work) const {
    const auto scratch = filled<Scratch>();
    work(team, *scratch);
  }
};
struct Threads {
  template <class Scratch, class Work>
  void run(Work work) const {
    constexpr std::size_t kMembers = 3;
    std::barrier<> barrier(kMembers);
    const auto scratch = filled<Scratch>();
    std::vector<std::jthread> threads;
    for (std::size_t rank = 0; rank < kMembers; ++rank)
      threads.emplace_back([&, rank] { work(ThreadTeam{&barrier, kMembers, rank}, *scratch); });
  }
};

template <class Members>
Encoded encode(const Codec& codec, const Sample& sample, const Rounding& rounding,
               const Members& members) {
  Encoded encoded;
  const std::size_t count = sample.global.size();
  encoded.bytes.resize(codec.encoded_bytes(count), std::byte{0xa5});
  std::vector<float> lost(count, 1.0F);
  std::uint32_t not_finite = 0;
  const cuda::FromDelta fill = {sample.global.data(), sample.local.data(), sample.residual.data(),
                                kDecay};
  const cuda::EncodeArguments<cuda::FromDelta> arguments = {
      fill, count, rounding, encoded.bytes.data(), lost.data(), &not_finite};
  REQUIRE(cuda::with_format(codec.wire_id(), [&]<class Format>(const Format& format) {
    for (std::size_t part = 0; part < cuda::parts_of(format, count); ++part)
      members.template run<typename Format::Scratch>(
          [&](const auto& team, auto& scratch) { format.encode(team, scratch, part, arguments); });
  }));
  encoded.finite = not_finite == 0;
  // On the device a kernel of its own does this.
  if (!encoded.finite) std::fill(lost.begin(), lost.end(), 0.0F);
  encoded.lost = bits(lost);
  return encoded;
}

template <class Members>
Decoded decode(const Codec& codec, const Bytes& bytes, std::size_t count, const Members& members) {
  std::vector<float> values(count, 1.0F);
  std::uint32_t refused = 0;
  const cuda::DecodeArguments arguments = {bytes.data(), count, values.data(), &refused};
  REQUIRE(cuda::with_format(codec.wire_id(), [&]<class Format>(const Format& format) {
    for (std::size_t part = 0; part < cuda::parts_of(format, count); ++part)
      members.template run<typename Format::Scratch>(
          [&](const auto& team, auto& scratch) { format.decode(team, scratch, part, arguments); });
  }));
  if (refused != 0) return {false, {}};
  return {true, bits(values)};
}

template <class Members>
void check(const Codec& codec, const Sample& sample, const Rounding& rounding,
           const Members& members) {
  const Encoded wanted = expected(codec, sample, rounding);
  const Encoded got = encode(codec, sample, rounding, members);
  CHECK(got.finite == wanted.finite);
  CHECK((got.bytes == wanted.bytes));
  CHECK((got.lost == wanted.lost));
  for (const Bytes& bytes : damaged(wanted.bytes)) {
    const std::size_t count = sample.global.size();
    CHECK((decode(codec, bytes, count, members) == expected(codec, bytes, count)));
  }
}

}  // namespace

// Mutation: kHeadBytes of NoHead is 4; kBlock of Int4Coder is 128; kBits of SignCoder is 2; in
// Blocks::encoded_bytes, `rest` counts as nothing; TopK::Scratch has twice the values.
TEST_CASE("cuda parts: they lie where the codec's blocks lie") {
  for (const std::string_view name : every_codec()) {
    INFO(name);
    const Codec& codec = samples::codec(name);
    CHECK(cuda::with_format(codec.wire_id(), [&]<class Format>(const Format& format) {
      CHECK(Format::kPart == codec.block_elements());
      CHECK(sizeof(typename Format::Scratch) <= std::size_t{48} << 10);  // what a block may have
      for (const std::size_t count : {std::size_t{1}, Format::kPart / 2 + 3, Format::kPart})
        CHECK(format.part_bytes(count) == codec.encoded_bytes(count));
      CHECK(cuda::parts_of(format, 0) == 0);
      CHECK(cuda::parts_of(format, 3 * Format::kPart) == 3);
      CHECK(cuda::parts_of(format, 3 * Format::kPart + 1) == 4);
    }));
  }
  CHECK_FALSE(cuda::with_format(0xff, [](const auto&) {}));
  CHECK_FALSE(cuda::with_format(kTopKFamily, [](const auto&) {}));
}

// Mutation: `rounding.position += begin` goes from Blocks::encode or TopK::encode; `+= count` goes
// from encode_chosen; TopK::select takes `equal <= wanted`, or adds up no `equal` of members
// before; read_indices takes > for >=; write_lost takes no value off; TopK::decode does not clear;
// decode_block leaves out
// rest_is_zero; finite_stand_in goes from encode_block; add_up_bins takes two_bit_code(...) >= bin;
// a Coder's infinity() is the other one; the second phase of reduce starts at slot 1.
TEST_CASE("cuda parts: a team of any size gives the driver's bits and residuals") {
  for (const std::string_view name : every_codec())
    for (const SerialTeam& team : {SerialTeam{256, false}, SerialTeam{256, true}, SerialTeam{7}})
      for (const std::size_t count : counts(samples::codec(name)))
        for (const Rounding& rounding : {Rounding{}, Rounding{true, 5, 4096}})
          for (const Sample& sample : samples_of(count, count % 13)) {
            INFO(name << ", " << count << " values, " << team.members << " members");
            check(samples::codec(name), sample, rounding, Serial{team});
          }
}

// Mutation: TwoBitCoder::of adds the squares up in s.sum, which others may still read (seen by the
// thread sanitizer).
TEST_CASE("cuda parts: members that work at the same time give the same bits") {
  for (const std::string_view name : every_codec()) {
    INFO(name);
    const Codec& codec = samples::codec(name);
    for (const Sample& sample : samples_of(codec.block_elements() + 19, 1))
      CHECK((encode(codec, sample, {true, 5, 0}, Threads{}) ==
             expected(codec, sample, {true, 5, 0})));
    const std::vector<float> values = samples::deltas(codec.block_elements() + 19, 2);
    for (const Bytes& bytes : damaged(samples::encode_flat(codec, values)))
      CHECK((decode(codec, bytes, values.size(), Threads{}) ==
             expected(codec, bytes, values.size())));
  }
}

}  // namespace outrigger::cuda_parts_test
