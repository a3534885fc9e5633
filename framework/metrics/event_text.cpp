#include <fmt/format.h>

#include <outrigger/framework/metrics/event.h>
#include <outrigger/framework/metrics/human.h>

namespace outrigger {
namespace {

std::string text(const Listening& e) {
  return "listening on " + e.address;
}
std::string text(const Joined& e) {
  return "joined as island " + e.island;
}
std::string text(const StepDone& e) {
  return fmt::format("step {}: loss {}, lr {:.3g}, gradient norm {:.3g}, {} tokens/s", e.step,
                     human_number(e.loss), e.lr, e.grad_norm, human_count(e.tokens_per_s));
}
std::string text(const RoundDone& e) {
  return fmt::format(
      "step {}: round {} of fragment {}: encode {}, wait {}, exchange {}, commit {}, "
      "apply {}; {} sent, {} received",
      e.step, e.round, e.fragment, human_seconds(e.encode_s), human_seconds(e.wait_s),
      human_seconds(e.exchange_s), human_seconds(e.commit_s), human_seconds(e.apply_s),
      human_bytes(e.bytes_sent), human_bytes(e.bytes_received));
}
std::string text(const Evaluated& e) {
  return fmt::format("step {}: evaluation loss {}", e.step, human_number(e.loss));
}
std::string text(const CheckpointWritten& e) {
  return fmt::format("step {}: checkpoint written to {}", e.step, e.path);
}
std::string text(const Sampled& e) {
  return "sample: " + e.text;
}
std::string text(const Logged& e) {
  return e.level == "info" ? e.message : fmt::format("{}: {}", e.level, e.message);
}
std::string text(const Failed& e) {
  return fmt::format("failed: {} ({})", e.message, code_name(e.code));
}
std::string text(const Done& e) {
  return fmt::format("done after step {}: evaluation loss {}, {} tokens", e.step,
                     human_number(e.eval_loss), human_count(static_cast<double>(e.tokens)));
}

}  // namespace

std::string to_text(const Event& event) {
  return std::visit([](const auto& e) { return text(e); }, event);
}

}  // namespace outrigger
