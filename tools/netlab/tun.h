#pragma once

#include <string>

#include <outrigger/comm/status.h>

namespace outrigger::netlab {

// The name of every host's device, in its own namespace.
inline constexpr const char* kDevice = "wan";

// Makes the TUN device `wan` in a network namespace: no packet information, a virtio_net_hdr before
// each packet, checksums left to the other end, and with `super_packets` TSO. Returns its
// descriptor, non-blocking; the device goes with it. It moves the calling thread into that
// namespace, and leaves it there.
Result<int> open_tun(const std::string& name_space, bool super_packets);

}  // namespace outrigger::netlab
