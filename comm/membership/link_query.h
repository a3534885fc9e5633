#pragma once

#include <string>
#include <vector>

#include <outrigger/comm/clock.h>
#include <outrigger/comm/membership/link_book.h>
#include <outrigger/comm/status.h>

namespace outrigger {

// What a job's coordinator knows of the links between its islands, or knew a second ago.
struct LinkTable {
  std::string job;
  std::vector<std::string> islands;  // names, by number
  std::vector<LinkFigures> links;    // only those of which something is known
};

// Asks the coordinator at host:port. InvalidArgument for what is no address, or is off loopback
// without `insecure`; NotFound if no coordinator of this version answers there within `patience`;
// Corruption if what answers names islands that it does not have.
Result<LinkTable> ask_links(const std::string& coordinator, bool insecure,
                            Duration patience = std::chrono::seconds(5));

}  // namespace outrigger
