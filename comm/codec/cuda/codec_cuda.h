#pragma once

#include <cstddef>
#include <cstdint>

#include <outrigger/comm/codec/codec.h>
#include <outrigger/comm/status.h>

struct CUstream_st;  // *CUstream_st is CUDA's cudaStream_t

// The codecs for a fragment in a device's memory: the bytes and values of driver.h, bit by bit,
// with one kernel over it. In builds with OUTRIGGER_CUDA; link outrigger::codec_cuda.
//
// All pointers are to memory of the current device, the caller's until the stream has come that
// far; the calls return once the work is queued, in order, on `stream` (null: the default stream).
// May be called from any thread. InvalidArgument: a codec without kernels (one that is not the
// registry's). Internal: CUDA's own errors, those of earlier work on the device too.
namespace outrigger::cuda {

// out <- the encoded values, codec.encoded_bytes(elements) bytes; *not_finite <- 1 if one of them
// is NaN or Inf (stand-ins are written: codec.h), else 0. `rounding.position` is the first value's.
Status encode(const Codec& codec, const float* values, std::size_t elements,
              const Rounding& rounding, std::byte* out, std::uint32_t* not_finite,
              CUstream_st* stream);

// What error feedback encodes: (global - local) + decay residual. Each has `elements` values.
struct FedBackDelta {
  const float* global;
  const float* local;
  const float* residual;
  float decay;
};

// The same of a delta; and lost <- what the encoding lost of it, the next residual, or zeros if a
// value was not finite. `lost` must not overlap the delta's inputs.
Status encode(const Codec& codec, const FedBackDelta& delta, std::size_t elements,
              const Rounding& rounding, std::byte* out, float* lost, std::uint32_t* not_finite,
              CUstream_st* stream);

// values <- the decoded values; *refused <- 1 if no encoder writes such bytes (Corruption on the
// CPU; the values are then unspecified), else 0.
Status decode(const Codec& codec, const std::byte* in, std::size_t elements, float* values,
              std::uint32_t* refused, CUstream_st* stream);

}  // namespace outrigger::cuda
