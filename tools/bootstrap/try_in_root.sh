#!/usr/bin/env bash
# Tries Outrigger on a fresh machine: makes a Debian root with nothing in it but ca-certificates, clones
# the current commit into it and runs commands there (as root; needs debootstrap).
#
#   tools/bootstrap/try_in_root.sh [--root DIR] [--mirror URL] [--wheels DIR] SUITE [COMMAND ...]
#
#   SUITE         bookworm or trixie
#   COMMAND       run in the clone; default: the README's two
#   --root DIR    make the root there and keep it; one that is there is used again, with this commit
#                 (default: a temporary folder, removed at the end)
#   --mirror URL  where Debian's packages come from (default: as this machine has it)
#   --wheels DIR  take LibTorch's wheels from DIR instead of downloading them
#
# Mounts live in a mount namespace of the command's own: they are gone when it ends, however it ends.
set -euo pipefail
repo=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")

usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }

target='' mirror='' wheels=''
while [ $# -gt 1 ]; do
  case $1 in
    --root) target=$2 ;;
    --mirror) mirror=$2 ;;
    --wheels) wheels=$(readlink -f "$2") ;;
    *) break ;;
  esac
  shift 2
done
[ $# -ge 1 ] || usage
case $1 in bookworm | trixie) suite=$1 ;; *) usage ;; esac
shift
[ $# -gt 0 ] || set -- './outrigger train recipes/quickstart.yaml' './outrigger test'
[ "$(id -u)" -eq 0 ] || { echo "$0: needs root (debootstrap, chroot)" >&2; exit 3; }

if [ -z "$target" ]; then
  target=$(mktemp -d "/var/tmp/outrigger-$suite.XXXXXX")
  chmod 755 "$target"
  trap 'rm -rf --one-file-system "$target" "$target.log"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
fi
mkdir -p "$target"
target=$(readlink -f "$target")

# The first address of a Debian archive among apt's own sources.
apt_mirror() {
  { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null || true; } |
    sed -nE 's#^URIs: *([^ ]*/debian)/?( .*)?$#\1#p; s#^deb (\[[^]]*\] )?([^ ]*/debian)/? .*#\2#p' | head -n 1
}

timed() {
  local name=$1 start=$SECONDS status=0
  shift
  "$@" || status=$?
  printf '## %s: %d s, exit %d\n' "$name" $((SECONDS - start)) "$status"
  return "$status"
}

make_root() {
  debootstrap --variant=minbase --include=ca-certificates "$suite" "$target" "$mirror" >"$target.log" 2>&1 ||
    { tail -n 5 "$target.log" >&2; return 1; }
}

# The network as this machine has it: names, certificates, proxies and pip's index. Links in the root
# are replaced, not followed: absolute ones would lead out of it.
copy_network() {
  local file
  for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
    [ ! -e "$file" ] || cp -L --remove-destination "$file" "$target$file"
  done
  apt-config dump | grep -E '^Acquire::(https?::|Check-)' >"$target/etc/apt/apt.conf.d/50host" || true
}

clone() {
  local commit
  commit=$(git -C "$repo" rev-parse HEAD)
  if [ ! -e "$target/root/outrigger" ]; then
    git clone -q --no-local "$repo" "$target/root/outrigger"
  fi
  git -C "$target/root/outrigger" fetch -q "$repo" "$commit"
  git -C "$target/root/outrigger" checkout -q --detach "$commit"
}

# in_root COMMAND: in namespaces of its own, with nothing of this machine's environment but the network's.
in_root() {
  local settings=(HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
  mapfile -t -O "${#settings[@]}" settings < <(env | grep -iE '^(PIP_|SSL_CERT|REQUESTS_CA|(https?|no|all)_proxy=)')
  [ -z "$wheels" ] || settings+=(PIP_NO_INDEX=1 PIP_FIND_LINKS=/mnt)
  # shellcheck disable=SC2016
  target=$target wheels=$wheels unshare --mount --pid --fork --kill-child bash -c '
    set -e
    mount --make-rprivate /
    mount --rbind /dev "$target/dev"
    mount -t proc proc "$target/proc"
    [ -z "$wheels" ] || mount -o bind,ro "$wheels" "$target/mnt"
    exec env -i "${@:2}" chroot "$target" bash -c "cd /root/outrigger && $1"
  ' in_root "$1" "${settings[@]}" </dev/null
}

if [ ! -e "$target/etc/debian_version" ]; then
  mirror=${mirror:-$(apt_mirror)}
  [ -n "$mirror" ] || { echo "$0: apt's sources name no Debian archive: give --mirror" >&2; exit 3; }
  timed "debootstrap $suite" make_root
fi
copy_network
clone
echo "## Debian $(cat "$target/etc/debian_version") in $target, commit $(git -C "$repo" rev-parse --short HEAD)"
for command in "$@"; do
  timed "$command" in_root "$command"
done
