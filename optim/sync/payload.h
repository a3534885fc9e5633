#pragma once

#include <memory>

#include <outrigger/comm/codec/driver.h>
#include <outrigger/comm/collective/reducer.h>

namespace outrigger {

// What one contribution carries: the pseudo-gradient, and for some methods a second tensor of the
// same size behind it (the slow weights of gossip, a control variate). The second part begins on a
// border of the driver's blocks; the gap is filled with zeros.
class Payload {
 public:
  Payload(std::size_t elements, bool two_parts) : part_(elements), two_(two_parts) {}

  std::size_t second() const { return (part_ + kDriverBlock - 1) / kDriverBlock * kDriverBlock; }
  std::size_t elements() const { return two_ ? second() + part_ : part_; }

  // The rule for the first part; for the second the mean, each island counting once.
  std::shared_ptr<const Reducer> reducer(std::shared_ptr<const Reducer> first) const;

 private:
  std::size_t part_;
  bool two_;
};

}  // namespace outrigger
