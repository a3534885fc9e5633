#!/usr/bin/env bash
# bootstrap_test.sh SOURCE TEST: tests the pieces of ./outrigger in a folder of its own.
# shellcheck disable=SC2034,SC2154,SC2317 # variables and functions of the pieces
set -u
unset OUTRIGGER_TORCH OUTRIGGER_CUDA # the tests are of what happens without
source_dir=$1
root=$(mktemp -d)/"with space"
trap 'rm -rf "${root%/*}"' EXIT
mkdir -p "$root/tools" && cp -r "$source_dir/tools/bootstrap" "$root/tools/"
cuda='' preset=release build=$root/build/release torch=$root/.deps/torch-2.11.0/torch
for piece in steps packages libtorch build; do
  # shellcheck source=/dev/null
  source "$root/tools/bootstrap/$piece.sh"
done

fail() { echo "FAILED: $*"; exit 1; }

# A wheel with the pinned one's name and a few bytes in it; the requirements pin its hash.
make_wheel() {
  local wheels=$root/wheels wheel=torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl
  mkdir -p "$wheels"
  /usr/bin/python3 - "$wheels/$wheel" <<'PYTHON'
import sys, zipfile
info = "torch-2.11.0.dist-info/"
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    for name in ("libtorch_cpu.so", "libc10.so", "libgomp.so.1", "libtorch_python.so"):
        wheel.writestr("torch/lib/" + name, name)
    wheel.writestr("torch/include/ATen/Tensor.h", "")
    wheel.writestr(info + "licenses/LICENSE", "")
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: torch\nVersion: 2.11.0\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nTag: cp311-cp311-manylinux_2_28_x86_64\n")
PYTHON
  echo "torch==2.11.0 --hash=sha256:$(sha256sum <"$wheels/$wheel" | cut -d ' ' -f 1)" >"$root/tools/bootstrap/torch.txt"
  export PIP_NO_INDEX=1 PIP_FIND_LINKS="file://${wheels// /%20}" PIP_CONFIG_FILE=/dev/null
}

# Mutation: drop --require-hashes and the pinned hash in download_wheels.
altered_wheel_is_refused() {
  make_wheel
  echo x >>"$root"/wheels/*.whl
  lock
  (ensure_libtorch) 3>"$root/said"
  [ $? = 3 ] || fail "exit code"
  grep -q '(3 of 3)' "$root/said" || fail "no third try: $(cat "$root/said")"
  [ -z "$(ls -A "$root/.deps")" ] || fail "left behind: $(ls -A "$root/.deps")"
}

# Mutation: take 'torch/lib/*' in unpack_wheels.
whole_wheel_is_unpacked() {
  make_wheel
  lock
  mkdir -p "$root/.deps/incomplete/unpacked/torch/lib" # as a killed call leaves it
  touch "$root/.deps/incomplete/unpacked/torch/lib/rubbish"
  (ensure_libtorch) || fail "exit code $?"
  [ "$(ls -C -w 0 "$torch/lib")" = "libc10.so  libgomp.so.1  libtorch_cpu.so" ] || fail "lib/: $(ls "$torch/lib")"
  [ "$(ls -A "$root/.deps")" = torch-2.11.0 ] || fail ".deps: $(ls -A "$root/.deps")"
}

# Mutation: in has_all, return after the first file; in unpack_wheels, leave nccl.h out.
wheel_of_a_missing_header_is_fetched() {
  cuda=1 cuda_home=$root/toolkit
  mkdir -p "$cuda_home/lib64" "$cuda_home/include"
  touch "$cuda_home"/lib64/lib{whole,bare}.so "$cuda_home/include/whole.h"
  printf '%s\n' '# comment' 'whole==1 # libwhole.so whole.h' 'bare==2 # libbare.so no_such_header.h' \
    'gone==3 # libno_such.so' >"$root/tools/bootstrap/torch_cuda.txt"
  : >"$root/tools/bootstrap/torch.txt"
  [ "$(requirements | tr '\n' ' ')" = "bare==2 gone==3 " ] || fail "wants: $(requirements)"
  mkdir "$root/wheels"
  /usr/bin/python3 - "$root/wheels/nvidia_nccl_cu13-2.28.9-py3-none-manylinux_2_18_x86_64.whl" <<'PYTHON'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    for name in ("include/nccl.h", "include/nccl_device.h", "lib/libnccl.so.2", "lib/__init__.py"):
        wheel.writestr("nvidia/nccl/" + name, name)
PYTHON
  unpack_wheels "$root/wheels" "$root/unpacked" || fail "exit code $?"
  local found
  found=$(cd "$root/unpacked" && find . -type f | sort | tr '\n' ' ')
  [ "$found" = "./nvidia/nccl/include/nccl.h ./nvidia/nccl/lib/libnccl.so.2 " ] || fail "unpacked: $found"
}

# Mutation: take comm out of the folders that up_to_date looks at; or $torch out of built_from.
change_is_noticed() {
  mkdir -p "$root"/{comm/codec,optim,framework,cmake} "$build" "$torch/lib"
  touch "$root"/{outrigger,CMakeLists.txt,CMakePresets.json,comm/codec/a.h,comm/codec/b.h} "$torch/lib/libtorch_cpu.so"
  install -m 755 /dev/null "$build/outrigger"
  dpkg_status=$root/dpkg_status
  touch "$dpkg_status"
  built() { # everything is a minute old, the build half a minute
    find "$root" -exec touch -d '-60 seconds' {} +
    built_from >"$stamp" && touch -d '-30 seconds' "$stamp"
    up_to_date || fail "not up to date right after the build ($1)"
  }
  built first
  touch "$root/comm/codec/a.h"
  ! up_to_date || fail "a changed file"
  built again
  rm "$root/comm/codec/b.h"
  ! up_to_date || fail "a removed file"
  built again
  touch "$dpkg_status"
  ! up_to_date || fail "changed packages"
  built again
  torch=$root/elsewhere
  mkdir -p "$torch/lib" && touch "$torch/lib/libtorch_cpu.so"
  ! up_to_date || fail "another LibTorch"
}

# Mutation: let ensure_packages return 0 where may_become_root fails.
missing_rights_list_packages() {
  missing_packages() { printf '%s\n' one-dev two-dev; }
  may_become_root() { false; }
  (ensure_packages) 3>"$root/said"
  [ $? = 3 ] || fail "exit code"
  grep -q 'install --no-install-recommends one-dev two-dev$' "$root/said" || fail "said: $(cat "$root/said")"
}

# Mutation: leave out the blocking flock in lock.
second_call_waits() {
  mkfifo "$root/locked" "$root/release"
  (lock && echo >"$root/locked" && read -r _ <"$root/release" && touch "$root/first_done") &
  holder=$!
  read -r _ <"$root/locked"
  trap 'kill "$holder" 2>/dev/null; rm -rf "${root%/*}"' EXIT
  # Once the second one says that it waits, the first is let go.
  (lock && [ -e "$root/first_done" ]) 3> >(read -r _ && echo >"$root/release") || fail "did not wait"
  wait "$holder"
}

# Mutation: take follow's status in step instead of the command's.
failed_step_keeps_its_code() {
  lock
  (step trying "Try another one." bash -c 'echo the reason; exit 7') 3>"$root/said"
  [ $? = 7 ] || fail "exit code"
  for text in '| the reason' 'Try another one'; do
    grep -qF "$text" "$root/said" || fail "said: $(cat "$root/said")"
  done
}

"$2"
echo "passed: $2"
