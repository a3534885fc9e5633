#pragma once

#include <string>

#include <outrigger/comm/collective/collective.h>

namespace outrigger::test {

// Encoded, in fp32; much more than the windows of Pipeline.
inline constexpr std::size_t kLargeBytes = std::size_t{128} << 20;

// A round of islands 0 and 1, each at a site of its own. The contribution is in memory.
Exchange large_exchange(MemberId self);

Result<Exchanged> run_large(Transport& transport, const std::string& collective,
                            const Exchange& exchange);

}  // namespace outrigger::test
