#include "large_exchange.h"

#include "../transport/members.h"
#include "weighted_mean.h"

namespace outrigger::test {

Exchange large_exchange(MemberId self) {
  Exchange exchange;
  exchange.attempt = {1, 1};
  exchange.contributors = exchange.owners = {island(0), island(1)};
  exchange.weights = {1, 2};
  exchange.sites = {0, 1};
  exchange.elements = kLargeBytes / sizeof(float);
  exchange.codec = exchange.result_codec = *find_codec("fp32");
  exchange.own = std::make_shared<const ByteBuffer>(kLargeBytes, std::byte(self.island + 1));
  return exchange;
}

Result<Exchanged> run_large(Transport& transport, const std::string& collective,
                            const Exchange& exchange) {
  std::optional<MemberId> failed;
  return (*find_collective(collective))
      ->run(transport, WeightedMean(), exchange, in(100), {}, failed);
}

}  // namespace outrigger::test
