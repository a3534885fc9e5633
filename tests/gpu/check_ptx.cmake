# What would change bits, in the kernels' PTX: fused products, approximations, flushed denormals.
# And `trap`: nvcc puts it, without a word, in place of what a device cannot call or refer to.
# Mutations: --fmad=false goes from comm/codec/cuda/CMakeLists.txt; std::min in place of smaller()
# in bf16.h.
file(READ ${PTX} ptx)
string(REGEX MATCHALL "\n[^\n]*(fma\\.|mad\\.[^\n]*f(32|64)|\\.approx|\\.ftz|\\.full|trap;)[^\n]*"
  found "${ptx}")
if(found)
  list(GET found 0 first)
  message(FATAL_ERROR "${PTX} has instructions that may change bits, or traps; the first: ${first}")
endif()
string(REGEX MATCHALL "\\.entry" kernels "${ptx}")
list(LENGTH kernels count)
if(NOT count EQUAL 55)
  message(FATAL_ERROR "${PTX} has ${count} kernels, not 55: 9 codecs, alone and under top-k, that "
    "encode values, encode deltas and decode, and one that clears residuals")
endif()
