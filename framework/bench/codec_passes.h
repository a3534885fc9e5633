#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <outrigger/comm/codec/driver.h>
#include <outrigger/optim/outer/outer_optimizer.h>

namespace outrigger {

// One fragment's memory, and the passes over it that a round makes in training; also what they are
// measured against. Buffers are taken once and used for every codec.
class CodecPasses {
 public:
  // Bytes that the buffers take, whatever the codec.
  static double bytes(double elements);

  CodecPasses(std::size_t elements, std::size_t threads);

  // A round's start: parameters and momentum of their usual size, the pseudo-gradient around zero
  // with tensors of unlike size, and the residual that a first encoding leaves. The same values for
  // every codec. Overwritten by decode().
  void start(const Codec& codec);

  // One memcpy of the parameters (each thread an equal part).
  void copy();
  // first <- encode(global - local + decay residual); next residual <- what that lost.
  void encode();
  // result <- encode(values that lie in memory), block by block: the codec alone.
  void encode_alone();
  // result <- encode(mean(decode(first), decode(second))).
  void aggregate();
  // g <- decode(result); outer Nesterov step; local <- mix(local, global). As FragmentSync::apply.
  void decode();

  // What the passes work on.
  struct View {
    std::span<const float> global, local, momentum, residual, next;
    std::span<const std::byte> first, second, result;
  };
  View view() const;

  // Bytes that decode() reads and writes: the encoded ones, and global, momentum and local each
  // there and back.
  double decode_bytes() const;

 private:
  std::span<std::byte> part(std::vector<std::byte>& bytes, std::size_t begin,
                            std::size_t end) const;
  Status decode_stretch(std::size_t begin, std::size_t end);

  std::size_t elements_, threads_;
  std::vector<float> global_, local_, momentum_, residual_, next_;
  Segments segments_;                               // local_, cut into tensors
  std::vector<std::byte> first_, second_, result_;  // two contributions, and what comes of them
  std::unique_ptr<OuterOptimizer> outer_;
  const Codec* codec_ = nullptr;
};

}  // namespace outrigger
