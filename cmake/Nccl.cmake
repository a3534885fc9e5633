# NCCL: from its wheel where ./outrigger has unpacked that beside LibTorch (LibTorch then loads the
# same one), else the toolkit's or the system's.
set(nccl_wheel ${OUTRIGGER_TORCH}/../nvidia/nccl)
find_path(nccl_include nccl.h HINTS ${nccl_wheel}/include ${CUDAToolkit_INCLUDE_DIRS})
find_library(nccl_library NAMES libnccl.so.2 nccl HINTS ${nccl_wheel}/lib ${CUDAToolkit_LIBRARY_DIR})
if(NOT nccl_include OR NOT nccl_library)
  message(FATAL_ERROR "OUTRIGGER_CUDA needs NCCL (nccl.h and libnccl.so.2), and it is neither in "
    "${CUDAToolkit_LIBRARY_ROOT} nor beside LibTorch. 'OUTRIGGER_CUDA=1 ./outrigger build' fetches it.")
endif()
add_library(outrigger_nccl INTERFACE)
target_include_directories(outrigger_nccl SYSTEM INTERFACE ${nccl_include})
target_link_libraries(outrigger_nccl INTERFACE ${nccl_library} CUDA::cudart)
