# shellcheck shell=bash disable=SC2154 # variables of ./outrigger
# LibTorch: the C++ libraries and headers of the pinned torch wheel, unpacked without Python's part.
# Uses: $root, $cuda, $torch, steps.sh.

torch_version=2.11.0

# The wheels are taken for one fixed Python: their C++ libraries do not depend on it.
download_wheels() {
  /usr/bin/python3 -m pip download --no-cache-dir --disable-pip-version-check --progress-bar off \
    --no-deps --only-binary=:all: --require-hashes --requirement "$1" --dest "$2" \
    --python-version 3.11 --implementation cp --abi cp311 \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 \
    --platform manylinux_2_25_x86_64 --platform manylinux_2_18_x86_64 \
    --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64
}

# download_with_retries REQUIREMENTS FOLDER: each try starts with an empty folder.
download_with_retries() {
  local try
  for try in 1 2 3; do
    rm -rf "$2" && mkdir -p "$2" || return
    TMPDIR=$2 download_wheels "$1" "$2" && return
    [ "$try" = 3 ] || note "download broken or interrupted: trying again ($((try + 1)) of 3)"
  done
  return 3
}

# Whether the loader or the CUDA toolkit knows a library, or the compiler a header.
has_library() { [ -e "$cuda_home/lib64/$1" ] || /sbin/ldconfig -p | grep -q "^[[:space:]]*$1 "; }
has_header() { [ -e "$cuda_home/include/$1" ] || [ -e "/usr/local/include/$1" ] || [ -e "/usr/include/$1" ]; }

# has_all FILE...: libraries and headers.
has_all() {
  local file
  for file; do
    case $file in
      *.h) has_header "$file" ;;
      *) has_library "$file" ;;
    esac || return
  done
}

# Prints the pinned requirements: with CUDA also those of whose files this machine lacks one.
requirements() {
  local pin files
  cat "$root/tools/bootstrap/torch.txt"
  [ -n "$cuda" ] || return 0
  while IFS=$'\t' read -r pin files; do
    # shellcheck disable=SC2086 # several words
    has_all $files || echo "$pin"
  done < <(sed -n 's/^\([^#].*\) # *\(.*\)$/\1\t\2/p' "$root/tools/bootstrap/torch_cuda.txt")
}

unpack_wheels() {
  local wheel parts=('torch/include/*' 'torch/lib/libtorch_cpu.so' 'torch/lib/libc10.so' 'torch/lib/libgomp.so.1')
  [ -z "$cuda" ] || parts+=('torch/lib/libtorch_cuda*.so' 'torch/lib/libc10_cuda.so'
    'torch/lib/libtorch_nvshmem.so' 'torch/lib/libcaffe2_nvrtc.so')
  for wheel in "$1"/*.whl; do
    case ${wheel##*/} in
      torch-*) unzip -q "$wheel" "${parts[@]}" '*/licenses/LICENSE' -d "$2" ;;
      nvidia_cuda_cupti-*) unzip -q "$wheel" 'nvidia/*/lib/libcupti.so*' -d "$2" ;;
      nvidia_nccl_*) unzip -q "$wheel" 'nvidia/nccl/lib/*.so*' 'nvidia/nccl/include/nccl.h' -d "$2" ;;
      *) unzip -q "$wheel" 'nvidia/*/lib/*.so*' -d "$2" ;;
    esac || return
    rm "$wheel"
  done
}

# Everything happens in a temporary folder, renamed when it is whole.
fetch_libtorch() {
  local final=$1 need_kib=$2 temporary=$root/.deps/incomplete free_kib
  trap 'rm -rf "$root/.deps/incomplete"' EXIT # the step's own shell
  rm -rf "$temporary" && mkdir -p "$temporary" || return 3
  free_kib=$(df -Pk "$temporary" | awk 'NR == 2 {print $4}')
  if [ "$free_kib" -lt "$need_kib" ]; then
    echo "needs $((need_kib / 1024)) MiB of disk under $root/.deps, $((free_kib / 1024)) MiB are free"
    return 3
  fi
  requirements >"$temporary/requirements.txt"
  download_with_retries "$temporary/requirements.txt" "$temporary/wheels" || return 3
  unpack_wheels "$temporary/wheels" "$temporary/unpacked" || return 3
  mv "$temporary/unpacked" "$final"
}

libtorch_version_in() {
  awk '/^#define TORCH_VERSION_(MAJOR|MINOR|PATCH) / {v = v sep $3; sep = "."} END {print v}' \
    "$1"/include/torch/{headeronly/,csrc/api/include/torch/}version.h 2>/dev/null
}

# OUTRIGGER_TORCH: a LibTorch that is already there.
check_given_libtorch() {
  local version
  if [ ! -e "$torch/lib/libtorch_cpu.so" ] || [ ! -d "$torch/include/ATen" ]; then
    die 3 "OUTRIGGER_TORCH=$torch holds no LibTorch (lib/libtorch_cpu.so and include/ATen)." \
      "Give the folder with LibTorch's lib/ and include/, or unset it: then ./outrigger fetches its own."
  fi
  version=$(libtorch_version_in "$torch")
  say "libtorch   ${version:-of unknown version} in $torch"
  [ "$version" = "$torch_version" ] || say "           (made for $torch_version: others may not compile)"
}

ensure_libtorch() {
  local need_kib=$((1500 * 1024))
  if [ -n "${OUTRIGGER_TORCH:-}" ]; then
    check_given_libtorch
    return
  fi
  [ ! -e "$torch/lib/libtorch_cpu.so" ] || return 0
  [ "$(uname -m)" = x86_64 ] || die 3 "the pinned LibTorch is for x86_64 and this machine is $(uname -m)." \
    "Set OUTRIGGER_TORCH to a folder with LibTorch $torch_version for it."
  [ -z "$cuda" ] || need_kib=$((6000 * 1024))
  step libtorch "Check the network and pip's index (python3 -m pip config list), then run it again, or set OUTRIGGER_TORCH to a LibTorch that is there. Hashes that differ mean that the index or a proxy serves another file." \
    fetch_libtorch "${torch%/torch}" "$need_kib"
}
