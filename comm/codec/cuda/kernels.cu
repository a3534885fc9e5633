#include <outrigger/comm/codec/cuda/codec_cuda.h>
#include <outrigger/comm/codec/cuda/top_k_parts.h>

#include <cuda_runtime.h>

#include <string>

// All that is not a launch or a line of a kernel is in the parts' headers, where a test runs it on
// the CPU.
namespace outrigger::cuda {
namespace {

constexpr unsigned kThreads = kMostMembers;

struct DeviceTeam {
  __device__ std::size_t size() const { return kThreads; }
  template <class Phase>
  __device__ void each(Phase phase) const {
    phase(std::size_t{threadIdx.x});
    __syncthreads();
  }
};

template <class Format, class Fill>
__global__ void __launch_bounds__(kThreads)
    encode_kernel(Format format, EncodeArguments<Fill> arguments) {
  __shared__ typename Format::Scratch scratch;
  format.encode(DeviceTeam(), scratch, blockIdx.x, arguments);
}

template <class Format>
__global__ void __launch_bounds__(kThreads)
    decode_kernel(Format format, DecodeArguments arguments) {
  __shared__ typename Format::Scratch scratch;
  format.decode(DeviceTeam(), scratch, blockIdx.x, arguments);
}

// Behind the encoding, which alone can tell.
__global__ void __launch_bounds__(kThreads)
    clear_lost_kernel(const std::uint32_t* not_finite, float* lost, std::size_t elements) {
  const std::size_t i = std::size_t{blockIdx.x} * kThreads + threadIdx.x;
  if (*not_finite != 0 && i < elements) lost[i] = 0;
}

Status status_of(cudaError_t error, const Codec& codec) {
  if (error == cudaSuccess) return {};
  return {Code::kInternal, "CUDA could not run the codec '" + std::string(codec.name()) +
                               "': " + cudaGetErrorString(error)};
}

// Clears the flag and calls launch(format, parts).
template <class Launch>
Status run(const Codec& codec, std::size_t elements, std::uint32_t* flag, cudaStream_t stream,
           Launch launch) {
  cudaError_t error = cudaSuccess;
  const bool known = with_format(codec.wire_id(), [&]<class Format>(const Format& format) {
    error = cudaMemsetAsync(flag, 0, sizeof *flag, stream);
    if (error != cudaSuccess || elements == 0) return;
    launch(format, static_cast<unsigned>(parts_of(format, elements)));
    error = cudaGetLastError();
  });
  if (known) return status_of(error, codec);
  return {Code::kInvalidArgument,
          "the codec '" + std::string(codec.name()) + "' has no CUDA kernels"};
}

template <class Fill>
Status encode_from(const Codec& codec, const EncodeArguments<Fill>& arguments,
                   cudaStream_t stream) {
  return run(codec, arguments.elements, arguments.not_finite, stream,
             [&]<class Format>(const Format& format, unsigned parts) {
               encode_kernel<<<parts, kThreads, 0, stream>>>(format, arguments);
             });
}

}  // namespace

Status encode(const Codec& codec, const float* values, std::size_t elements,
              const Rounding& rounding, std::byte* out, std::uint32_t* not_finite,
              CUstream_st* stream) {
  return encode_from<FromValues>(codec, {{values}, elements, rounding, out, nullptr, not_finite},
                                 stream);
}

Status encode(const Codec& codec, const FedBackDelta& delta, std::size_t elements,
              const Rounding& rounding, std::byte* out, float* lost, std::uint32_t* not_finite,
              CUstream_st* stream) {
  const FromDelta fill = {delta.global, delta.local, delta.residual, delta.decay};
  const Status status =
      encode_from<FromDelta>(codec, {fill, elements, rounding, out, lost, not_finite}, stream);
  if (!status.ok() || elements == 0) return status;
  const auto blocks = static_cast<unsigned>((elements + kThreads - 1) / kThreads);
  clear_lost_kernel<<<blocks, kThreads, 0, stream>>>(not_finite, lost, elements);
  return status_of(cudaGetLastError(), codec);
}

Status decode(const Codec& codec, const std::byte* in, std::size_t elements, float* values,
              std::uint32_t* refused, CUstream_st* stream) {
  return run(codec, elements, refused, stream,
             [&]<class Format>(const Format& format, unsigned parts) {
               decode_kernel<<<parts, kThreads, 0, stream>>>(
                   format, DecodeArguments{in, elements, values, refused});
             });
}

}  // namespace outrigger::cuda
