#include "support/catch.h"

#include <cuda_runtime.h>

#include "comm/codec/cuda/references.h"

#include <outrigger/comm/codec/cuda/codec_cuda.h>

// The kernels on a device. Without one each test fails: a skipped test would look like a passed
// one.
namespace outrigger::codec_cuda_test {
namespace {

using namespace cuda_references;

void require(cudaError_t error, const char* what) {
  if (error != cudaSuccess) FAIL(what << ": " << cudaGetErrorString(error));
}

void require_device() {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess || count == 0)
    FAIL("This test needs a CUDA device and there is none ("
         << (error == cudaSuccess ? "none found" : cudaGetErrorString(error))
         << "); run `ctest -L gpu` on a machine that has one.");
}

// Values in the device's memory.
template <class T>
class OnDevice {
 public:
  explicit OnDevice(const std::vector<T>& values) : count_(values.size()) {
    require(cudaMalloc(&data_, count_ * sizeof(T)), "cudaMalloc");
    require(cudaMemcpy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice),
            "copying to the device");
  }
  ~OnDevice() { cudaFree(data_); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  T* data() const { return static_cast<T*>(data_); }
  std::vector<T> read() const {
    std::vector<T> values(count_);
    require(cudaMemcpy(values.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost),
            "reading what the kernel made");
    return values;
  }

 private:
  std::size_t count_;
  void* data_ = nullptr;
};

constexpr std::uint32_t kNeither = 7;  // a flag that is still to be set

Encoded encode(const Codec& codec, const Sample& sample, const Rounding& rounding) {
  const std::size_t count = sample.global.size();
  const OnDevice<float> global(sample.global), local(sample.local), residual(sample.residual);
  const OnDevice<float> lost(std::vector<float>(count, 1.0F));
  const OnDevice<std::byte> out(Bytes(codec.encoded_bytes(count), std::byte{0xa5}));
  const OnDevice<std::uint32_t> not_finite(std::vector{kNeither});
  const cuda::FedBackDelta delta = {global.data(), local.data(), residual.data(), kDecay};
  throw_if_error(cuda::encode(codec, delta, count, rounding, out.data(), lost.data(),
                              not_finite.data(), nullptr));
  return {not_finite.read() == std::vector<std::uint32_t>{0}, out.read(), bits(lost.read())};
}

Decoded decode(const Codec& codec, const Bytes& bytes, std::size_t count) {
  const OnDevice<std::byte> in(bytes);
  const OnDevice<float> values(std::vector<float>(count, 1.0F));
  const OnDevice<std::uint32_t> refused(std::vector{kNeither});
  throw_if_error(cuda::decode(codec, in.data(), count, values.data(), refused.data(), nullptr));
  if (refused.read() != std::vector<std::uint32_t>{0}) return {false, {}};
  return {true, bits(values.read())};
}

// A user's own, which no kernel knows.
class OwnCodec final : public Codec {
 public:
  std::string_view name() const override { return "own"; }
  std::uint32_t wire_id() const override { return 200; }
  std::size_t block_elements() const override { return 1; }
  std::size_t encoded_bytes(std::size_t) const override { return 0; }
  bool encode_block(std::span<const float>, std::span<std::byte>, const Rounding&) const override {
    return true;
  }
  Status decode_block(std::span<const std::byte>, std::span<float>) const override { return {}; }
};

}  // namespace

// Mutation: `--fmad=false` goes from the build; __syncthreads() goes from DeviceTeam;
// clear_lost_kernel is not launched.
TEST_CASE("cuda: encoding deltas gives the driver's bytes and residuals") {
  require_device();
  for (const std::string_view name : every_codec()) {
    const Codec& codec = samples::codec(name);
    for (const std::size_t count : counts(codec))
      for (const Rounding& rounding : {Rounding{}, Rounding{true, 5, 4096}})
        for (const Sample& sample : samples_of(count, count % 13)) {
          INFO(name << ", " << count << " values");
          CHECK((encode(codec, sample, rounding) == expected(codec, sample, rounding)));
        }
  }
}

// Mutation: encode_from passes `residual` for `global`; run() does not clear the flag.
TEST_CASE("cuda: encoding values gives the driver's bytes") {
  require_device();
  for (const std::string_view name : every_codec()) {
    INFO(name);
    const Codec& codec = samples::codec(name);
    const std::vector<float> values = samples::deltas(1'000'003, 3), none(values.size(), 0.0F);
    const OnDevice<float> from(values);
    const OnDevice<std::byte> out(Bytes(codec.encoded_bytes(values.size())));
    const OnDevice<std::uint32_t> not_finite(std::vector{kNeither});
    throw_if_error(cuda::encode(codec, from.data(), values.size(), {true, 5, 0}, out.data(),
                                not_finite.data(), nullptr));
    CHECK((out.read() == expected(codec, {values, none, none}, {true, 5, 0}).bytes));
    CHECK(not_finite.read() == std::vector<std::uint32_t>{0});
  }
}

// Mutation: `__syncthreads()` goes from DeviceTeam; decode passes `elements` - 1.
TEST_CASE("cuda: decoding gives the driver's values and refuses what it refuses") {
  require_device();
  for (const std::string_view name : every_codec()) {
    const Codec& codec = samples::codec(name);
    for (const std::size_t count : counts(codec))
      for (const Bytes& bytes : damaged(samples::encode_flat(codec, samples::deltas(count, 2)))) {
        INFO(name << ", " << count << " values");
        CHECK((decode(codec, bytes, count) == expected(codec, bytes, count)));
      }
  }
}

// Mutation: run() returns OK for a codec that with_format does not know; launches for 0 elements.
TEST_CASE("cuda: a codec without kernels is refused by name, and an empty fragment is no error") {
  require_device();
  const OnDevice<float> value(std::vector{1.0F});
  const OnDevice<std::byte> out(Bytes(4));
  const OnDevice<std::uint32_t> flag(std::vector{kNeither});
  const OwnCodec own;
  const Status status = cuda::encode(own, value.data(), 1, {}, out.data(), flag.data(), nullptr);
  CHECK(status.code() == Code::kInvalidArgument);
  CHECK(samples::contains(status.message(), "'own'"));
  CHECK(cuda::encode(samples::codec("int8"), value.data(), 0, {}, out.data(), flag.data(), nullptr)
            .ok());
  CHECK(flag.read() == std::vector<std::uint32_t>{0});
}

}  // namespace outrigger::codec_cuda_test
