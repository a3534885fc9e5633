#include <outrigger/comm/transport/timeline.h>

namespace outrigger {
namespace {

class SteadyTime : public Timeline {
 public:
  TimePoint now() const override { return Clock::now(); }
  bool wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& changed,
                  TimePoint deadline, const std::function<bool()>& done) override {
    return changed.wait_until(lock, deadline, done);
  }
  void notify(std::condition_variable& changed) override { changed.notify_all(); }
};

}  // namespace

Timeline& steady_time() {
  static SteadyTime time;
  return time;
}

}  // namespace outrigger
