#pragma once

#include <memory>
#include <string>

#include <grpcpp/channel.h>

namespace outrigger {

// To a coordinator, over a connection of its own, so that no earlier failure delays it. A message
// from there of more than `most_bytes` ends its call; -1: none does.
std::shared_ptr<grpc::Channel> coordinator_channel(const std::string& address, int most_bytes);

}  // namespace outrigger
