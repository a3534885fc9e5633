// Inner-step speed: forward, backward, clipping and AdamW on random tokens. Prints one line of JSON
// with the median, smallest and largest tokens/s over timed blocks. Compare with an eager PyTorch
// script of the same sizes and threads, run alternately on the same machine.
#include <ATen/Parallel.h>
#include <ATen/ops/randint.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <ctime>
#include <iostream>
#include <nlohmann/json.hpp>

#include <outrigger/framework/model/accumulate.h>
#include <outrigger/framework/model/allocator.h>
#include <outrigger/optim/inner/clip.h>
#include <outrigger/optim/inner/inner_optimizer.h>

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
  outrigger::LlamaConfig config;
  std::int64_t batch = 16, micro_batch = 0, context = 128;
  int threads = 1, blocks = 5, warmup = 5;
  double block_seconds = 2;
  bool bf16 = false;
  CLI::App app("Measures inner steps of the built-in model.");
  app.add_option("--layers", config.layers)->capture_default_str();
  app.add_option("--hidden", config.hidden)->capture_default_str();
  app.add_option("--heads", config.heads)->capture_default_str();
  auto* kv_heads = app.add_option("--kv-heads", config.kv_heads, "default: as --heads");
  app.add_option("--ffn", config.ffn)->capture_default_str();
  app.add_option("--vocab", config.vocab)->capture_default_str();
  app.add_option("--context", context)->capture_default_str();
  app.add_option("--batch", batch, "sequences a step")->capture_default_str();
  app.add_option("--micro-batch", micro_batch, "sequences a forward pass (0: all)")
      ->capture_default_str();
  app.add_option("--threads", threads)->capture_default_str();
  app.add_option("--warmup", warmup, "steps before the first block")->capture_default_str();
  app.add_option("--blocks", blocks, "timed blocks")->capture_default_str();
  app.add_option("--block-seconds", block_seconds)->capture_default_str();
  app.add_flag("--bf16", bf16, "autocast to bf16");
  CLI11_PARSE(app, argc, argv);
  if (kv_heads->empty()) config.kv_heads = config.heads;
  config.head_dim = config.hidden / config.heads;

  outrigger::keep_freed_memory();
  at::set_num_threads(threads);
  try {
    outrigger::Llama model(config);
    model.init(1);
    auto optimizer = outrigger::make_inner_optimizer({}, model.parameters()).value_or_throw();
    const auto step = [&] {
      const at::Tensor text = at::randint(config.vocab, {batch, context + 1}, at::kLong);
      optimizer->zero_grad();
      const double loss = outrigger::accumulate_gradients(
          model, text.narrow(1, 0, context), text.narrow(1, 1, context),
          micro_batch > 0 ? micro_batch : batch, bf16);
      outrigger::clip_grad_norm(model.parameters(), 1.0);
      optimizer->step(1e-3);
      return loss;
    };
    double loss = 0;
    for (int i = 0; i < warmup; ++i) loss = step();
    std::vector<double> rates;
    int timed_steps = 0;
    const std::clock_t cpu_start = std::clock();
    for (int block = 0; block < blocks; ++block) {
      const auto start = Clock::now();
      int steps = 0;
      for (; steps < 3 || seconds_since(start) < block_seconds; ++steps) loss = step();
      timed_steps += steps;
      rates.push_back(static_cast<double>(steps * batch * context) / seconds_since(start));
    }
    const double cpu_ms = 1000.0 * static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC;
    std::sort(rates.begin(), rates.end());
    const double median = rates[rates.size() / 2];
    nlohmann::ordered_json line{
        {"parameters", outrigger::parameter_count(config)},
        {"threads", threads},
        {"bf16", bf16},
        {"tokens_per_s", median},
        {"min", rates.front()},
        {"max", rates.back()},
        {"ms_per_step", 1000.0 * static_cast<double>(batch * context) / median},
        {"cpu_ms_per_step", cpu_ms / timed_steps},
        {"loss", loss}};
    std::cout << line.dump() << std::endl;
  } catch (const std::exception& error) {
    std::cerr << "bench_step: " << error.what() << "\n";
    return 1;
  }
}
