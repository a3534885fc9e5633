# shellcheck shell=bash disable=SC2154 # variables of ./outrigger
# The CUDA toolkit: where it is and whether it fits the pinned LibTorch. Uses: steps.sh.

find_toolkit() {
  local nvcc release
  nvcc=$(PATH=$PATH:${CUDA_HOME:-/usr/local/cuda}/bin:/usr/local/cuda/bin command -v nvcc) ||
    die 3 "OUTRIGGER_CUDA is set, but there is no nvcc on PATH nor in /usr/local/cuda/bin." \
      "Install the CUDA toolkit 13.0 or newer, or set CUDA_HOME to it; without OUTRIGGER_CUDA the CPU version is built."
  nvcc=$(readlink -f "$nvcc")
  release=$("$nvcc" --version | sed -n 's/.*release \([0-9.]*\),.*/\1/p')
  [ "${release%%.*}" = 13 ] ||
    die 3 "$nvcc is of CUDA $release, and LibTorch $torch_version is for CUDA 13." "Install the CUDA toolkit 13."
  cuda_home=${nvcc%/bin/nvcc}
  export CUDACXX=$nvcc CUDAToolkit_ROOT=$cuda_home
}
