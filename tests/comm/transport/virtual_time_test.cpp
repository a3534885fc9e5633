#include <outrigger/comm/transport/virtual_time.h>

#include <atomic>
#include <thread>
#include <vector>

#include "support/catch.h"

using namespace outrigger;

namespace outrigger::virtual_time_test {
namespace {

TimePoint at_s(int seconds) {
  return TimePoint{} + std::chrono::seconds(seconds);
}

}  // namespace

// Mutations: in VirtualTime::advance, leave now_ as it is (hangs); in wait_until, return true at
// the deadline.
TEST_CASE("virtual time: a deadline of a year passes at once") {
  VirtualTime time;
  const auto held = time.thread();
  std::mutex mutex;
  std::condition_variable changed;
  std::unique_lock lock(mutex);
  CHECK(time.now() == TimePoint{});
  const TimePoint year = TimePoint{} + std::chrono::hours(24 * 365);
  CHECK_FALSE(time.wait_until(lock, changed, year, [] { return false; }));
  CHECK(time.now() == year);
  CHECK(time.wait_until(lock, changed, year, [] { return true; }));
}

// Mutations: in VirtualTime::advance, take all events, or set now_ to the deadline; in at(), put
// an event before those of the same time.
TEST_CASE("virtual time: events come in the order of their times, then of the calls") {
  VirtualTime time;
  const auto held = time.thread();
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::pair<int, TimePoint>> seen;
  for (const auto& [name, when] : {std::pair(1, 5), {2, 3}, {3, 5}, {4, 9}})
    time.at(at_s(when), [&, name = name] {
      seen.emplace_back(name, time.now());
      if (name == 2) time.at(at_s(4), [&] { seen.emplace_back(5, time.now()); });
      time.notify(changed);
    });
  std::unique_lock lock(mutex);
  CHECK(time.wait_until(lock, changed, at_s(8), [&] { return seen.size() == 4; }));
  CHECK(seen == std::vector<std::pair<int, TimePoint>>{
                    {2, at_s(3)}, {5, at_s(4)}, {1, at_s(5)}, {3, at_s(5)}});
  CHECK_FALSE(time.wait_until(lock, changed, at_s(8), [] { return false; }));
  CHECK(seen.size() == 4);
}

// Mutation: in VirtualTime::wake, wake while advancing_; in advance(), take only the events that
// are there when it begins.
TEST_CASE("virtual time: what comes at a deadline has come, whoever was woken for something else") {
  const bool added_late = GENERATE(false, true);
  VirtualTime time;
  std::mutex mutex;
  std::condition_variable changed;
  bool came = false;
  std::atomic<int> gave_up = 0;
  const auto come = [&] {  // leaves the other thread time to give up
    for (const auto end = Clock::now() + std::chrono::milliseconds(100);
         gave_up == 0 && Clock::now() < end;)
      std::this_thread::yield();
    const std::lock_guard lock(mutex);
    came = true;
    time.notify(changed);
  };
  time.at(at_s(5), [&] {
    if (added_late) time.at(at_s(5), come);
    time.notify(changed);
  });
  if (!added_late) time.at(at_s(5), come);
  std::vector<std::shared_ptr<const void>> held{time.thread(), time.thread()};
  std::vector<std::jthread> threads;
  for (auto& mine : held)
    threads.emplace_back([&, mine = std::exchange(mine, nullptr)] {
      std::unique_lock lock(mutex);
      if (!time.wait_until(lock, changed, at_s(5), [&] { return came; })) ++gave_up;
    });
  threads.clear();
  CHECK(gave_up == 0);
}

// Mutations: in VirtualTime::sleep, advance as soon as one thread sleeps; in wake(), leave asleep_
// as it is.
TEST_CASE("virtual time stands still while a thread does anything but wait") {
  VirtualTime time;
  std::mutex mutex;
  std::condition_variable changed;
  int turn = 0;  // a ball, which each of the threads passes on after a second of its own
  std::vector<std::jthread> threads;
  std::vector<std::shared_ptr<const void>> held;
  for (int k = 0; k < 3; ++k) held.push_back(time.thread());
  for (int k = 0; k < 3; ++k)
    threads.emplace_back([&, k, mine = std::exchange(held[k], nullptr)] {
      for (int round = 0; round < 100; ++round) {
        std::unique_lock lock(mutex);
        if (!time.wait_until(lock, changed, at_s(1000), [&] { return turn % 3 == k; })) return;
        time.wait_until(lock, changed, time.now() + std::chrono::seconds(1), [] { return false; });
        std::this_thread::yield();
        ++turn;
        lock.unlock();
        time.notify(changed);
      }
    });
  threads.clear();
  CHECK(turn == 300);
  CHECK(time.now() == at_s(300));
}

// Mutation: in VirtualTime::thread, wake nobody when a thread goes (hangs).
TEST_CASE("virtual time passes without the threads that are gone") {
  VirtualTime time;
  const auto held = time.thread();
  std::jthread other([mine = time.thread()] {});
  std::mutex mutex;
  std::condition_variable changed;
  std::unique_lock lock(mutex);
  CHECK_FALSE(time.wait_until(lock, changed, at_s(1), [] { return false; }));
}

}  // namespace outrigger::virtual_time_test
