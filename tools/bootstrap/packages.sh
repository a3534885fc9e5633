# shellcheck shell=bash disable=SC2154 # variables of ./outrigger
# The distribution's packages: which are missing, and how they get installed. Uses: $root, steps.sh.

wanted_packages() { sed 's/#.*//; /^ *$/d' "$root/tools/bootstrap/packages.txt"; }

on_one_line() { paste -sd ' '; }

# Prints the wanted packages that are not installed, one a line.
missing_packages() {
  wanted_packages | sort -u | comm -23 - <(
    # shellcheck disable=SC2016
    wanted_packages | xargs dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' 2>/dev/null |
      sed -n 's/^ii *//p' | sort -u)
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}

install_packages() {
  apt_get update || echo "apt-get update failed; going on with the package lists that are there"
  apt_get install --no-install-recommends "$@" 9>&- || return 3
}

# Root's rights, asked for where that takes a password and somebody is there to type it.
may_become_root() {
  [ "$(id -u)" -eq 0 ] && return
  command -v sudo >/dev/null || return
  sudo -n true 2>/dev/null && return
  [ -t 0 ] && say "packages   sudo asks for your password to install them" && sudo -v
}

ensure_packages() {
  local missing
  if ! command -v dpkg-query apt-get >/dev/null; then
    die 3 "this system has no apt-get, so install these (Debian's names) and build by hand:" \
      "$(wanted_packages | on_one_line)" \
      "OUTRIGGER_TORCH=<LibTorch 2.11.0> cmake --preset release && cmake --build --preset release"
  fi
  missing=$(missing_packages | on_one_line)
  [ -n "$missing" ] || return 0
  may_become_root || die 3 "packages are missing and this user may not install them. As root:" \
    "apt-get update && apt-get install --no-install-recommends $missing"
  # shellcheck disable=SC2086
  step packages "Check the network and the package sources (apt-get update), then run it again." \
    install_packages $missing
  missing=$(missing_packages | on_one_line)
  [ -z "$missing" ] || die 3 "still not installed: $missing"
}
