#include <outrigger/optim/sync/options.h>

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>

#include <outrigger/comm/codec/driver.h>

namespace outrigger {
namespace {

std::string feedback_complaint(const DiLoCoOptions& options, const OuterOptimizer& outer,
                               const Aggregation& aggregation) {
  const FeedbackOptions& feedback = options.feedback;
  if (!(feedback.decay >= 0 && feedback.decay <= 1))
    return fmt::format("feedback.decay is {}; it must be from 0 to 1", feedback.decay);
  if (feedback.rule != "residual" && feedback.rule != "econtrol")
    return fmt::format("there is no feedback rule '{}'; there are residual, econtrol",
                       feedback.rule);
  if (options.rounding != "nearest" && options.rounding != "stochastic")
    return fmt::format("there is no rounding '{}'; there are nearest, stochastic",
                       options.rounding);
  if (feedback.on() && outer.gossips())
    return fmt::format("{} sends parameters, of which nothing may be fed back", outer.name());
  if (!feedback.econtrol()) return "";
  if (aggregation.name() != "uniform" || options.eager || outer.asynchronous())
    return fmt::format(
        "econtrol needs the aggregation rule uniform and rounds that all islands "
        "share, without eager; not {}, {}",
        aggregation.name(), options.eager ? "eager" : outer.name());
  if (options.result_codec != "auto" && options.result_codec != "fp32")
    return fmt::format(
        "econtrol needs result codec fp32, not {}: the islands' estimates would "
        "drift from their mean",
        options.result_codec);
  return "";
}

std::string complaint(const DiLoCoOptions& options, const OuterOptimizer& outer,
                      const Aggregation& aggregation) {
  const std::uint32_t count = fragment_count(options);
  if (options.every == 0) return "every is 0; it must be at least 1";
  if (count > options.every)
    return fmt::format("{} fragments need {} inner steps a round, but every is {}", count, count,
                       options.every);
  if (options.delay > options.every)
    return fmt::format("delay is {}, but a round is applied at most every = {} steps late",
                       options.delay, options.every);
  if (options.merge != "mix" && options.merge != "carry")
    return fmt::format("there is no merge '{}'; there are mix, carry", options.merge);
  if (!(options.alpha >= 0 && options.alpha <= 1))
    return fmt::format("alpha is {}; it must be from 0 to 1", options.alpha);
  if (options.proximal < 0) return "proximal is below 0";
  if (options.eager && (options.delay != options.every || options.merge != "mix"))
    return "eager needs delay = every and merge mix: it is the one-step-delayed update, made early";
  if (options.eager && !outer.linear())
    return fmt::format(
        "eager needs an outer rule that is linear, such as nesterov or sgd; {} is not",
        outer.name());
  if ((options.eager || outer.gossips() || outer.asynchronous()) && !aggregation.linear())
    return fmt::format("{} needs the aggregation rule mean or uniform, not {}",
                       options.eager ? "eager" : outer.name(), aggregation.name());
  if (options.eager && options.outer_schedule.kind != ScheduleKind::kConstant)
    return "eager needs a constant outer learning rate";
  if (outer.asynchronous() &&
      (options.delay != 0 || count != 1 || options.control_variates || options.proximal != 0))
    return fmt::format(
        "{} takes whole models one by one: one fragment, delay 0, no corrections of "
        "gradients",
        outer.name());
  if (outer.gossips() && (options.delay != 0 || options.control_variates))
    return fmt::format("{} exchanges at once and needs delay 0, without control variates",
                       outer.name());
  if (options.low_rank &&
      (!aggregation.linear() || outer.gossips() || outer.asynchronous() || options.eager ||
       options.control_variates || options.feedback.econtrol()))
    return fmt::format(
        "low_rank sends factors, whose mean is all that can be taken: it needs the aggregation "
        "rule mean or uniform and rounds that all islands share, without eager, control variates "
        "and econtrol; not {}, {}",
        aggregation.name(), outer.name());
  if (options.low_rank)
    if (const Status status = check(*options.low_rank); !status.ok()) return status.message();
  return feedback_complaint(options, outer, aggregation);
}

Result<const Codec*> find_result_codec(const DiLoCoOptions& options, const Codec& codec) {
  if (options.result_codec != "auto") return find_codec(options.result_codec);
  if (options.feedback.econtrol()) return find_codec("fp32");
  for (const char* name : {"fp32", "bf16"})
    if (const Codec& finer = **find_codec(name); bits_per_value(finer) <= bits_per_value(codec))
      return &finer;
  return find_codec("int8");
}

}  // namespace

EncodeOptions encode_options(const Method& method, RoundId round, std::uint32_t island,
                             std::span<float> lost) {
  const bool stochastic = method.options.rounding == "stochastic";
  return {.rounding = {stochastic, contribution_seed(method.options.seed, round, island), 0},
          .lost = lost,
          .threads = method.threads};
}

Rounding result_rounding(const Method& method, RoundId round) {
  return {method.options.rounding == "stochastic", result_seed(method.options.seed, round), 0};
}

std::uint32_t fragment_count(const DiLoCoOptions& options) {
  return options.fragment_names.empty() ? options.fragments
                                        : static_cast<std::uint32_t>(options.fragment_names.size());
}

FragmentOptions fragment_options(const DiLoCoOptions& options) {
  return {options.fragments, options.pattern, options.fragment_names};
}

Timetable timetable_of(const DiLoCoOptions& options) {
  return {options.every, fragment_count(options), options.delay};
}

bool closes(const DiLoCoOptions& options, std::uint32_t fragment, std::uint64_t steps) {
  if (options.delay > 0 || options.alpha > 0 || options.merge != "mix") return true;
  const Timetable timetable = timetable_of(options);
  return timetable.launched(fragment, steps) == timetable.launched(fragment, steps - 1);
}

Result<Method> make_method(DiLoCoOptions options, std::size_t islands) {
  Method method;
  options.outer.workers = islands;
  const Result<const Codec*> codec = find_codec(options.codec);
  if (!codec.ok()) return codec.status();
  const Result<const Codec*> result = find_result_codec(options, **codec);
  if (!result.ok()) return result.status();
  Result<std::unique_ptr<OuterOptimizer>> outer = make_outer_optimizer(options.outer);
  if (!outer.ok()) return outer.status();
  Result<std::unique_ptr<Aggregation>> aggregation = make_aggregation(options.aggregation);
  if (!aggregation.ok()) return aggregation.status();
  method.codec = *codec;
  method.result_codec = *result;
  method.outer = std::move(*outer);
  method.aggregation = std::move(*aggregation);
  if (!method.outer || !method.aggregation)
    return Status(Code::kInvalidArgument, "a registered rule was made as a null pointer");
  if (const std::string wrong = complaint(options, *method.outer, *method.aggregation);
      !wrong.empty())
    return Status(Code::kInvalidArgument, wrong);
  if (method.result_codec->composed())
    return Status(Code::kInvalidArgument,
                  fmt::format("result codec {} leaves most of the mean out, and nothing feeds that "
                              "back; take auto or a codec that sends every value",
                              method.result_codec->name()));
  if (options.rounding == "stochastic" && !method.codec->rounds_stochastically())
    return Status(Code::kInvalidArgument,
                  fmt::format("{} cannot round stochastically; leave rounding at nearest",
                              method.codec->name()));
  method.threads =
      options.threads > 0 ? options.threads : static_cast<std::size_t>(at::get_num_threads());
  method.options = std::move(options);
  return method;
}

void configure(const Method& method, std::size_t islands, CoordinatorConfig& config) {
  config.asynchronous = method.outer->asynchronous();
  config.fragments =
      config.asynchronous ? static_cast<std::uint32_t>(islands) : fragment_count(method.options);
  config.weights = method.aggregation->weights();
  config.replicas_differ = method.gossips();
  if (!config.asynchronous && !method.gossips())
    config.planned = {static_cast<double>(method.codec->encoded_bytes(kDriverBlock)),
                      static_cast<double>(method.result_codec->encoded_bytes(kDriverBlock))};
}

}  // namespace outrigger
