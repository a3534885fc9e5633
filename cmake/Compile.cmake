# How all of our own code is compiled. Includes are spelled <outrigger/comm/...>: the build tree holds
# a forwarding folder, so that they read the same in the tree and installed.
foreach(layer comm optim framework)
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/include/outrigger)
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${layer} ${PROJECT_BINARY_DIR}/include/outrigger/${layer} SYMBOLIC)
endforeach()

add_library(outrigger_compile INTERFACE)
target_include_directories(outrigger_compile INTERFACE ${PROJECT_BINARY_DIR}/include)
# Equal bits on every machine need every product rounded: no fused multiply-add, no fast-math.
target_compile_options(outrigger_compile INTERFACE $<$<NOT:$<COMPILE_LANGUAGE:CUDA>>:
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Werror -ffp-contract=off>)
# Only the libraries that are used get loaded: LibTorch costs a process half a second.
target_link_options(outrigger_compile INTERFACE -Wl,--as-needed)
if(OUTRIGGER_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "OUTRIGGER_FUZZ needs clang, the compiler is ${CMAKE_CXX_COMPILER_ID}: "
      "use cmake --preset fuzz in a build folder of its own (README.md names the packages)")
  endif()
  set(OUTRIGGER_SANITIZE address,undefined,fuzzer-no-link)
endif()
if(OUTRIGGER_SANITIZE)
  target_compile_options(outrigger_compile INTERFACE
    -fsanitize=${OUTRIGGER_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(outrigger_compile INTERFACE -fsanitize=${OUTRIGGER_SANITIZE})
endif()

# Most of a file's compile time is headers (LibTorch's, gRPC's, the JSON library's, Catch2's): sixteen
# files are compiled as one. So helpers of different files need different names.
set(CMAKE_UNITY_BUILD ON)
set(CMAKE_UNITY_BUILD_BATCH_SIZE 16)

find_program(ccache ccache)
if(ccache)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${ccache})
  set(CMAKE_C_COMPILER_LAUNCHER ${ccache})
endif()
find_program(mold mold)
if(mold)
  add_link_options(-fuse-ld=mold)
endif()
