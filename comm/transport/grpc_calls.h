#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <stop_token>

namespace outrigger {

// Waits for a client's gRPC calls to go. Thread-safe.
class GrpcCalls {
 public:
  // Returns when no Counted is left.
  void wait();
  // Requested by wait(): for calls that are not worth waiting for.
  std::stop_token closing() const { return closing_.get_token(); }

  // A call's first member, so that it goes after the call's context, stub and channel: the last
  // channel of a process that goes on one of gRPC's threads waits for that very thread.
  class Counted {
   public:
    explicit Counted(std::shared_ptr<GrpcCalls> calls);
    ~Counted();
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;

   private:
    const std::shared_ptr<GrpcCalls> calls_;
  };

 private:
  std::stop_source closing_;
  std::mutex mutex_;
  std::condition_variable none_left_;
  std::size_t count_ = 0;
};

}  // namespace outrigger
