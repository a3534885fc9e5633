# shellcheck shell=bash disable=SC2154 # variables of ./outrigger
# How ./outrigger shows its steps: one line each, on standard error; everything else goes to a log.
# Uses: $root.

log=$root/build/bootstrap.log
exec 3>&2

say() { printf '%s\n' "$*" >&3; }

# die CODE MESSAGE...: each message is a line.
die() {
  local code=$1
  shift
  printf 'outrigger: %s\n' "$1" >&3
  [ $# -lt 2 ] || printf '  %s\n' "${@:2}" >&3
  exit "$code"
}

# Only one ./outrigger at a time prepares and builds in this folder.
lock() {
  if ! { mkdir -p "$root/build" && touch "$root/build/.lock" "$log"; } 2>/dev/null; then
    die 3 "cannot write in $root/build. Run it as the owner of that folder, or in a checkout of your own."
  fi
  exec 9>"$root/build/.lock"
  flock -n 9 && return
  say "another ./outrigger is at work in this folder: waiting for it"
  flock 9
}

unlock() { exec 9>&-; }

# Copies its input to the log; on a terminal the last line also stands behind the step's name.
follow() {
  local name=$1 line
  while IFS= read -r line || [ -n "$line" ]; do
    printf '%s\n' "$line"
    [ ! -t 3 ] || printf '\r\033[K%-10s %.64s' "$name" "${line//[^[:print:]]/ }" >&3
  done >>"$log"
}

# A line in the middle of a step.
note() {
  [ ! -t 3 ] || printf '\r\033[K%-10s ' "$step_name" >&3
  printf '%s\n%-10s ' "$*" "$step_name" >&3
}

# step NAME ADVICE COMMAND...: runs the command and prints one line. When it fails, prints the end of
# the log and the advice, and exits with the command's own status.
step() {
  local step_name=$1 advice=$2 start=$SECONDS status
  shift 2
  printf '%-10s ' "$step_name" >&3
  printf '\n== %s, %s\n' "$step_name" "$(date '+%F %T')" >>"$log"
  "$@" 2>&1 </dev/null | follow "$step_name"
  status=${PIPESTATUS[0]}
  [ ! -t 3 ] || printf '\r\033[K%-10s ' "$step_name" >&3
  if [ "$status" -eq 0 ]; then
    say "ok ($((SECONDS - start)) s)"
    return
  fi
  say "failed ($((SECONDS - start)) s). The end of $log:"
  tail -n 15 "$log" | sed 's/^/  | /' >&3
  die "$status" "step '$step_name' failed." "$advice"
}
