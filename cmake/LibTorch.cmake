# LibTorch as it lies in the wheel. Its include folders come after the system's (-idirafter), because
# the wheel also carries old copies of the protobuf and fmt headers.
if(NOT EXISTS ${OUTRIGGER_TORCH}/lib/libtorch_cpu.so)
  message(FATAL_ERROR "OUTRIGGER_TORCH=${OUTRIGGER_TORCH} holds no lib/libtorch_cpu.so. "
    "It must be the folder with LibTorch's include/ and lib/; './outrigger' sets it up by itself.")
endif()
add_library(outrigger_torch INTERFACE)
target_compile_options(outrigger_torch INTERFACE
  "SHELL:-idirafter ${OUTRIGGER_TORCH}/include"
  "SHELL:-idirafter ${OUTRIGGER_TORCH}/include/torch/csrc/api/include")
# libstdc++ first: LibTorch also exports some of its templates, and would count as used for these alone.
target_link_libraries(outrigger_torch INTERFACE stdc++ m
  ${OUTRIGGER_TORCH}/lib/libtorch_cpu.so ${OUTRIGGER_TORCH}/lib/libc10.so)
# The wheel's libraries find libcudart and libcupti by their own run path, which the linker does not follow.
target_link_options(outrigger_torch INTERFACE -Wl,--allow-shlib-undefined
  -Wl,-rpath,${OUTRIGGER_TORCH}/lib)
if(OUTRIGGER_CUDA)
  target_compile_definitions(outrigger_torch INTERFACE OUTRIGGER_CUDA=1)
  target_link_libraries(outrigger_torch INTERFACE -Wl,--no-as-needed
    ${OUTRIGGER_TORCH}/lib/libtorch_cuda.so ${OUTRIGGER_TORCH}/lib/libc10_cuda.so
    -Wl,--as-needed CUDA::cudart)
  # As RPATH, not RUNPATH: LibTorch's libraries then find the toolkit's too.
  target_link_options(outrigger_torch INTERFACE -Wl,--disable-new-dtags
    -Wl,-rpath,${CUDAToolkit_LIBRARY_DIR})
endif()
