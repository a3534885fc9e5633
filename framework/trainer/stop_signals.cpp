#include <outrigger/framework/trainer/stop_signals.h>

#include <fmt/format.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

namespace outrigger {
namespace {

constexpr int kEndThread = SIGUSR2;  // sent to the waiting thread alone, by the destructor

}  // namespace

StopSignals::StopSignals() {
  sigemptyset(&signals_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, kEndThread}) sigaddset(&signals_, signal);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  thread_ = std::thread([this] { wait_for_signals(); });
}

StopSignals::~StopSignals() {
  pthread_kill(thread_.native_handle(), kEndThread);
  thread_.join();
}

void StopSignals::set_handler(Handler handler) {
  const std::lock_guard lock(mutex_);
  handler_ = std::move(handler);
}

void StopSignals::wait_for_signals() {
  for (;;) {
    int signal = 0;
    if (sigwait(&signals_, &signal) != 0) continue;
    if (signal == kEndThread) return;
    const std::lock_guard lock(mutex_);
    if (!handler_ || asked_) _exit(128 + signal);
    asked_ = true;
    handler_(fmt::format("SIG{} was received", sigabbrev_np(signal)));
  }
}

}  // namespace outrigger
