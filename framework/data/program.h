#pragma once

#include <string>
#include <vector>

#include <outrigger/comm/clock.h>
#include <outrigger/comm/status.h>

namespace outrigger {

// Runs a program found by PATH (no shell) with an empty standard input and returns what it wrote to
// standard output. NotFound when there is no such program; FailedPrecondition when it exits with
// another status than 0 or writes more than `max_bytes`; DeadlineExceeded after `timeout`. In every
// case it has ended when this returns.
Result<std::string> run_program(const std::vector<std::string>& arguments, std::size_t max_bytes,
                                Duration timeout);

}  // namespace outrigger
