#include <outrigger/framework/bench/codec_passes.h>

#include <array>
#include <cstring>
#include <thread>

#include <outrigger/comm/codec/stretch.h>
#include <outrigger/optim/aggregate/mean.h>
#include <outrigger/optim/sync/merge.h>

namespace outrigger {
namespace {

using Block = std::array<float, kDriverBlock>;

constexpr float kDecay = 0.9F;
constexpr float kAlpha = 0.5F;
constexpr std::size_t kTensor = std::size_t{1} << 20;

// Of value `index` of stream `stream`: about normal, standard deviation 1 (four uniform numbers of
// SplitMix64's 64 bits).
float sample(std::uint64_t stream, std::uint64_t index) {
  std::uint64_t z = (index * 8 + stream) * 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  z ^= z >> 31;
  const auto sum =
      static_cast<std::int32_t>((z & 0xffff) + (z >> 16 & 0xffff) + (z >> 32 & 0xffff) + (z >> 48));
  return static_cast<float>(sum - 2 * 0xffff) * (1.7320508F / 65536.0F);
}

// How large a tensor's pseudo-gradient is beside others'.
float tensor_scale(std::size_t index) {
  constexpr float kScales[] = {1e-3F, 3e-4F, 2e-3F, 1e-4F};
  return kScales[index / kTensor % std::size(kScales)];
}

}  // namespace

double CodecPasses::bytes(double elements) {
  constexpr double kMost = 6;  // bytes a value: top-k of almost all values, in fp32 with indices
  return elements * (5 * sizeof(float) + 3 * kMost);
}

CodecPasses::CodecPasses(std::size_t elements, std::size_t threads)
    : elements_(elements),
      threads_(threads),
      global_(elements),
      local_(elements),
      momentum_(elements),
      residual_(elements),
      next_(elements),
      outer_(make_outer_optimizer({}).value_or_throw()) {
  for (std::size_t begin = 0; begin < elements; begin += kTensor)
    segments_.add(std::span(local_).subspan(begin, std::min(kTensor, elements - begin)));
}

std::span<std::byte> CodecPasses::part(std::vector<std::byte>& bytes, std::size_t begin,
                                       std::size_t end) const {
  return std::span(bytes).subspan(codec_->encoded_bytes(begin), codec_->encoded_bytes(end - begin));
}

void CodecPasses::start(const Codec& codec) {
  codec_ = &codec;
  for (std::vector<std::byte>* bytes : {&first_, &second_, &result_})
    bytes->resize(codec.encoded_bytes(elements_));
  throw_if_error(for_each_stretch(elements_, threads_, [&](auto begin, auto end) {
    for (std::size_t i = begin; i < end; ++i) {
      const float scale = tensor_scale(i);
      global_[i] = sample(0, i) * 0.02F;
      local_[i] = global_[i] - sample(1, i) * scale;
      momentum_[i] = sample(2, i) * scale;
      residual_[i] = 0;
    }
    return Status();
  }));
  encode();
  second_ = first_;
  std::swap(residual_, next_);
  encode();
  result_ = first_;
}

void CodecPasses::copy() {
  std::vector<std::jthread> others;
  const std::size_t share = (elements_ + threads_ - 1) / threads_;
  const auto copy_share = [&](std::size_t k) {
    const std::size_t begin = std::min(elements_, k * share);
    const std::size_t end = std::min(elements_, begin + share);
    std::memcpy(next_.data() + begin, global_.data() + begin, (end - begin) * sizeof(float));
  };
  for (std::size_t k = 1; k < threads_; ++k) others.emplace_back(copy_share, k);
  copy_share(0);
}

void CodecPasses::encode() {
  EncodeOptions options;
  options.lost = next_;
  options.threads = threads_;
  const auto fill = [&](std::size_t offset, std::span<float> values) {
    read_delta(global_, segments_, residual_, kDecay, offset, values);
  };
  options.ahead = [&](std::size_t offset, std::size_t count) {
    return read_ahead(global_, segments_, residual_, offset, count);
  };
  (void)encode_each(*codec_, elements_, fill, first_, options);
}

void CodecPasses::encode_alone() {
  const std::size_t step = codec_->block_elements();
  throw_if_error(for_each_stretch(elements_, threads_, [&](auto begin, auto end) {
    for (std::size_t at = begin; at < end; at += step) {
      const std::size_t stop = std::min(end, at + step);
      (void)codec_->encode_block(std::span(momentum_).subspan(at, stop - at),
                                 part(result_, at, stop));
    }
    return Status();
  }));
}

Status CodecPasses::decode_stretch(std::size_t begin, std::size_t end) {
  Block before, g, local;
  const std::size_t tile = tile_of(*codec_);
  for (std::size_t offset = begin; offset < end; offset += tile) {
    const std::size_t count = std::min(tile, end - offset);
    const std::span<float> global = std::span(global_).subspan(offset, count);
    const std::span<float> momentum = std::span(momentum_).subspan(offset, count);
    std::ranges::copy(global, before.begin());
    if (Status status = decode_at(*codec_, result_, offset, std::span(g).first(count));
        !status.ok())
      return status;
    outer_->step_block(global, std::span(g).first(count), {&momentum, 1}, {});
    const std::span<float> mixed = std::span(local).first(count);
    read_block(segments_, offset, mixed);
    mix(mixed, global, kAlpha);
    write_block(segments_, offset, mixed);
  }
  return {};
}

void CodecPasses::decode() {
  throw_if_error(for_each_stretch(
      elements_, threads_, [&](auto begin, auto end) { return decode_stretch(begin, end); }));
}

void CodecPasses::aggregate() {
  const MeanReducer mean;
  const MemberId contributors[] = {{0, 1, 0}, {1, 1, 0}};
  const std::uint64_t weights[] = {1, 1};
  throw_if_error(for_each_stretch(elements_, threads_, [&](auto begin, auto end) {
    const std::span<const std::byte> contributions[] = {part(first_, begin, end),
                                                        part(second_, begin, end)};
    return outrigger::aggregate(*codec_, contributions, {contributors, weights, {}, begin}, mean,
                                *codec_, end - begin, part(result_, begin, end));
  }));
}

CodecPasses::View CodecPasses::view() const {
  return {global_, local_, momentum_, residual_, next_, first_, second_, result_};
}

double CodecPasses::decode_bytes() const {
  constexpr double kThereAndBack = 2 * sizeof(float);
  return static_cast<double>(result_.size()) + 3 * kThereAndBack * static_cast<double>(elements_);
}

}  // namespace outrigger
