#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include <outrigger/comm/membership/coordinator_config.h>
#include <outrigger/comm/membership/session.h>

namespace outrigger {

enum class Wire { kInProcess, kGrpc };

// Runs `body` as every island of one job, each in a thread of its own with a session of its own;
// over gRPC the coordinator and the transports listen on loopback. An exception of any island is
// thrown again.
void run_islands(std::size_t islands, const std::function<void(Session&, std::size_t)>& body,
                 const std::string& topology = "auto", Wire wire = Wire::kInProcess);
// As `config` says, which has no islands yet.
void run_islands(CoordinatorConfig config, std::size_t islands,
                 const std::function<void(Session&, std::size_t)>& body,
                 const std::string& topology = "auto", Wire wire = Wire::kInProcess);

}  // namespace outrigger
