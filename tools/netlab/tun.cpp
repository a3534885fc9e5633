#include "netlab/tun.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace outrigger::netlab {
namespace {

Status failed(const std::string& what) {
  return {Code::kFailedPrecondition, fmt::format("{}: {}", what, std::strerror(errno))};
}

Status enter(const std::string& name_space) {
  const std::string path = "/run/netns/" + name_space;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed(path);
  const int entered = ::setns(fd, CLONE_NEWNET);
  const Status status = entered == 0 ? Status() : failed("entering " + path);
  ::close(fd);
  return status;
}

}  // namespace

Result<int> open_tun(const std::string& name_space, bool super_packets) {
  if (Status entered = enter(name_space); !entered.ok()) return entered;
  const int fd = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return failed("/dev/net/tun");
  ifreq request{};
  std::strcpy(request.ifr_name, kDevice);
  request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
  const unsigned long offloads = TUN_F_CSUM | (super_packets ? TUN_F_TSO4 : 0u);
  if (::ioctl(fd, TUNSETIFF, &request) == 0 && ::ioctl(fd, TUNSETOFFLOAD, offloads) == 0) return fd;
  const Status status = failed("making the device of " + name_space);
  ::close(fd);
  return status;
}

}  // namespace outrigger::netlab
