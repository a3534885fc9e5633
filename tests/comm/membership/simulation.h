#pragma once

#include <cstdint>
#include <string>

namespace outrigger::test {

struct SimulationOptions {
  std::uint64_t seed = 0;
  std::uint32_t islands = 3;
  std::uint32_t fragments = 2;
  std::uint64_t rounds = 5;     // of each fragment
  double cut = 0.0;             // chance, per event, that some connection breaks
  double crash = 0.0;           // chance, per event, that the coordinator is killed and restarted
  double double_message = 0.0;  // chance that an old message comes again on a later connection
  double broken_exchange = 0.0;
  bool kill = false;  // one member dies for good at a random moment
};

struct SimulationResult {
  std::string violation;  // empty: none
  bool finished = false;  // every member applied all its rounds and left
  std::string aborted;    // or why the job ended
  int restarts = 0, cuts = 0, retries = 0;
  int reordered = 0;  // closes whose ring is not in the order of islands
  std::string trace;  // a hash of all that happened: equal for equal seeds
};

// The coordinator's and the members' real state machines in virtual time, over connections that
// delay messages, break, and lose what was under way; a coordinator that dies between its records
// and its messages and comes back from its journal; exchanges of random length that may fail.
// Checked throughout: a round commits once; its attempts have one ring of all its contributors; who
// applies a version has its chain; every wait ends.
SimulationResult simulate(const SimulationOptions& options);

}  // namespace outrigger::test
