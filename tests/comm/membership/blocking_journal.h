#pragma once

#include <condition_variable>
#include <mutex>
#include <vector>

#include <membership.pb.h>

#include <outrigger/comm/membership/journal.h>

namespace outrigger::test {

// How many appends of a BlockingJournal may end; the next one blocks.
class JournalGate {
 public:
  void allow(int appends) {
    const std::lock_guard lock(mutex_);
    allowed_ = appends;
    changed_.notify_all();
  }
  // Returns when that append has begun; the first is 1.
  void wait_for_begin(int append) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return begun_ >= append; });
  }
  void pass() {
    std::unique_lock lock(mutex_);
    const int append = ++begun_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return allowed_ >= append; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int begun_ = 0, allowed_ = 0;
};

// A slow disk. The gate must outlive it.
class BlockingJournal : public Journal {
 public:
  explicit BlockingJournal(JournalGate& gate) : gate_(gate) {}
  Status append(const std::vector<v1::Record>&) override {
    gate_.pass();
    return {};
  }
  Result<std::vector<v1::Record>> read_all() override { return std::vector<v1::Record>{}; }

 private:
  JournalGate& gate_;
};

}  // namespace outrigger::test
