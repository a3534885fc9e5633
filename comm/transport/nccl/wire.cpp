#include <algorithm>
#include <cstring>
#include <limits>

#include <outrigger/comm/codec/codec.h>
#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/transport/nccl/wire.h>

namespace outrigger {
namespace {

constexpr std::uint32_t kAnswerBit = std::uint32_t{1} << 31;
constexpr std::uint32_t kHopsAtEitherEnd = std::uint32_t{1} << 30;
constexpr std::size_t kTextAt = 4, kGenerationAt = 8, kPlaceAt = 16, kBodyAt = 24;
static_assert(kAnswerBytes - kBodyAt >= std::tuple_size_v<LinkId>);
static_assert(kFrameHeaderBytes % 4 == 0 && kAnswerBytes % 4 == 0, "they travel as fp32 values");

Code code_of(std::uint32_t number) {
  return number <= static_cast<std::uint32_t>(Code::kInternal) ? static_cast<Code>(number)
                                                               : Code::kInternal;
}

}  // namespace

Expected expected_of(std::size_t control_bytes) {
  static const std::uint32_t fp32 = (*find_codec("fp32"))->wire_id();
  return {fp32, control_bytes / 4};
}

SharedBytes pack(const FrameBytes& offer) {
  return std::make_shared<const ByteBuffer>(offer.begin(), offer.end());
}

SharedBytes pack(const Answer& answer) {
  const auto bytes = std::make_shared<ByteBuffer>(kAnswerBytes);
  const std::string& text = answer.refused.message();
  const std::size_t length = std::min(text.size(), kAnswerBytes - kBodyAt);
  store_little_endian(static_cast<std::uint32_t>(answer.refused.code()), bytes->data());
  store_little_endian(static_cast<std::uint32_t>(length), bytes->data() + kTextAt);
  store_little_endian(answer.generation, bytes->data() + kGenerationAt);
  store_little_endian(answer.place, bytes->data() + kPlaceAt);
  if (answer.refused.ok())
    std::ranges::copy(answer.id, bytes->begin() + kBodyAt);
  else
    std::memcpy(bytes->data() + kBodyAt, text.data(), length);
  return std::shared_ptr<const ByteBuffer>(bytes);
}

Answer unpack_answer(std::span<const std::byte> bytes) {
  Answer answer;
  answer.generation = load_little_endian<std::uint64_t>(&bytes[kGenerationAt]);
  answer.place = load_little_endian<std::uint64_t>(&bytes[kPlaceAt]);
  const Code code = code_of(load_little_endian<std::uint32_t>(bytes.data()));
  if (code == Code::kOk) {
    std::copy_n(bytes.begin() + kBodyAt, answer.id.size(), answer.id.begin());
    return answer;
  }
  const std::size_t length = std::min<std::size_t>(
      load_little_endian<std::uint32_t>(&bytes[kTextAt]), kAnswerBytes - kBodyAt);
  answer.refused = {code, std::string(reinterpret_cast<const char*>(&bytes[kBodyAt]), length)};
  return answer;
}

bool is_free(const Tag& tag) {
  return tag.hop < kHopsAtEitherEnd || tag.hop >= 0U - kHopsAtEitherEnd;
}

Tag answer_tag(const Tag& tag) {
  Tag answer = tag;
  answer.hop ^= kAnswerBit;
  answer.attempt.term = ~tag.attempt.term;
  return answer;
}

Tag notice_tag(LinkEnd end, std::uint64_t generation) {
  constexpr RoundId kNoRound{std::numeric_limits<std::uint32_t>::max(),
                             std::numeric_limits<std::uint64_t>::max()};
  return {kNoRound, {0, generation}, kHopsAtEitherEnd, static_cast<std::uint32_t>(end)};
}

// A hop that no message has, in an attempt that no answer has.
Tag sum_tag(const RoundId& round, const AttemptId& attempt, SumMessage message) {
  return {round, attempt, kHopsAtEitherEnd, static_cast<std::uint32_t>(message)};
}

}  // namespace outrigger
