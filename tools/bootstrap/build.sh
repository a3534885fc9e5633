# shellcheck shell=bash disable=SC2154 # variables of ./outrigger
# Configure and build. Uses: $root, $preset, $build, $torch, steps.sh.

stamp=$build/.built
dpkg_status=/var/lib/dpkg/status

# What besides the sources decides whether the built CLI is still the right one.
built_from() { printf '%s\n' "$torch $(git -C "$root" rev-parse HEAD 2>/dev/null)"; }

# Whether nothing changed since the last build began. Directories count: so do added and removed files.
up_to_date() {
  [ -x "$build/outrigger" ] && [ -e "$torch/lib/libtorch_cpu.so" ] && [ -e "$stamp" ] &&
    [ "$(<"$stamp")" = "$(built_from)" ] &&
    [ -z "$(find "$root"/{comm,optim,framework,cmake,tools/bootstrap,outrigger,CMakeLists.txt,CMakePresets.json} \
      "$dpkg_status" -newer "$stamp" -print -quit 2>&1)" ]
}

# As many jobs as cores, fewer where memory is short: 1.5 GiB a job.
jobs() {
  local cores by_memory
  cores=$(nproc)
  by_memory=$(awk '/^MemAvailable:/ {print int($2 / 1572864)}' /proc/meminfo)
  [ "$by_memory" -ge 1 ] || by_memory=1
  echo $((cores < by_memory ? cores : by_memory))
}

cached() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }

configure() {
  if [ -e "$build/CMakeCache.txt" ] && [ "$(cached CMAKE_HOME_DIRECTORY)" != "$root" ]; then
    rm -rf "$build" # the checkout was moved or copied
  fi
  if [ -e "$build/build.ninja" ] && [ "$(cached OUTRIGGER_TORCH)" = "$torch" ] &&
    [ ! "$root/CMakePresets.json" -nt "$build/build.ninja" ]; then
    return
  fi
  step configure "The full output is in $log." \
    env OUTRIGGER_TORCH="$torch" cmake -S "$root" --preset "$preset"
}

# build_targets TARGET...: the stamp gets the time at which the build began.
build_targets() {
  built_from >"$build/.building"
  step build "The full output is in $log." ninja -C "$build" -j "$(jobs)" "$@"
  mv "$build/.building" "$stamp"
}
