#include <outrigger/framework/trainer/island.h>

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include <outrigger/framework/launch/exit_code.h>
#include <outrigger/framework/trainer/arithmetic.h>
#include <outrigger/framework/trainer/lie.h>
#include <outrigger/framework/trainer/recipe_options.h>
#include <outrigger/framework/trainer/sample.h>
#include <outrigger/framework/trainer/snapshot.h>
#include <outrigger/framework/trainer/training_data.h>

namespace outrigger {
namespace {

std::uint64_t unsigned_of(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}

class IslandRun {
 public:
  IslandRun(const IslandOptions& options, EventSink& events, StopSignals& signals)
      : options_(options), recipe_(options.recipe), events_(events), signals_(signals) {}
  ~IslandRun() {
    signals_.set_handler({});
    events_.on_supervisor_gone({});
  }

  int run();
  bool joined() const { return session_.has_value(); }
  std::string culprit() const { return session_ ? session_->culprit().value_or("") : ""; }

 private:
  void prepare();
  void join();
  bool train();  // false: stopped on purpose
  void train_step();
  void finish();

  void report_step(const InnerStep& inner);
  void report_round(const RoundReport& report);
  double evaluate();
  void save();

  std::uint64_t step() const { return step_; }
  bool due(std::int64_t every) const { return every > 0 && step_ % unsigned_of(every) == 0; }
  bool first_island() const { return island_ == 0; }

  const IslandOptions& options_;
  const Recipe& recipe_;
  EventSink& events_;
  StopSignals& signals_;

  std::int64_t island_ = 0;
  std::unique_ptr<Replica> replica_;
  std::optional<TrainingData> data_;
  std::optional<Session> session_;
  std::unique_ptr<Synchronizer> sync_;
  Snapshot snapshot_;  // as read on resume; moved into sync_

  std::uint64_t step_ = 0, saved_at_ = 0, tokens_ = 0;
  bool trained_ = false;  // in this life
  double train_s_ = 0, exposed_s_ = 0;
  double eval_loss_ = kUnknown;
  TimePoint logged_at_;
  std::uint64_t logged_tokens_ = 0;
};

int IslandRun::run() {
  prepare();
  join();
  const bool done = train();
  if (done) finish();
  // All is saved: a signal must not make a failure of it.
  signals_.set_handler([](const std::string&) {});
  session_->leave(done ? "the training is done" : "the job stops with a checkpoint");
  return done ? 0 : kExitStopped;
}

void IslandRun::prepare() {
  const std::vector<std::string>& names = recipe_.islands.names;
  const auto name = std::find(names.begin(), names.end(), options_.island);
  if (name == names.end())
    throw Error({Code::kInvalidArgument, fmt::format("the recipe has no island '{}'; it has {}",
                                                     options_.island, fmt::join(names, ", "))});
  island_ = name - names.begin();

  at::set_num_threads(static_cast<int>(threads_each(recipe_)));

  const LlamaConfig config = model_config(recipe_).value_or_throw();
  data_ = TrainingData::open(recipe_, config.vocab, island_).value_or_throw();
  replica_ = Replica::create(recipe_, config);
  if (!options_.resume_from.empty()) {
    snapshot_ = load_snapshot(options_.resume_from, options_.island, *replica_,
                              diloco_options(recipe_), names.size())
                    .value_or_throw();
    step_ = saved_at_ = snapshot_.own.step;
  }
}

void IslandRun::join() {
  SessionOptions options;
  options.coordinator = options_.coordinator;
  options.island = options_.island;
  options.job = options_.job;
  options.recipe = options_.recipe_text;
  options.listen = options_.listen;
  options.topology = topology_of(recipe_);
  options.transport = transport_of(recipe_);
  options.channels = static_cast<std::uint32_t>(recipe_.comm.channels);
  options.sites = sites_of(recipe_);
  options.probe = recipe_.sync.enabled;
  options.insecure = options_.insecure;
  options.join_timeout = recipe_.membership.timeout.max;
  options.step = step_;
  options.log = [this](const LogLine& line) {
    if (line.level != LogLine::Level::kDetail) fmt::print("{}\n", line.text);  // the log file
    if (line.level == LogLine::Level::kWarning) events_.send(Logged{"warning", line.text});
    std::fflush(stdout);
  };
  options.applied = snapshot_.versions();
  session_ = Session::join(std::move(options));
  events_.send(Joined{options_.island});

  // From here on there is something to save; islands that train alone save nothing (see save()).
  if (recipe_.sync.enabled)
    signals_.set_handler([this](const std::string& why) { session_->request_stop(why); });
  events_.on_supervisor_gone([this] { session_->request_stop("the supervisor is gone"); },
                             recipe_.membership.timeout.max);

  sync_ = make_synchronizer(*session_, replica_->model().parameters(), diloco_options(recipe_),
                            std::move(snapshot_.shared), std::move(snapshot_.own));
  sync_->on_reset = [this] {
    replica_->inner().reset_moments();
    events_.send(Logged{
        "warning",
        fmt::format("step {}: this island's pseudo-gradient was not finite and was left out; it "
                    "starts over from the global parameters",
                    step())});
  };
  if (recipe_.experiment.liar == options_.island)
    sync_->on_delta = make_lie(recipe_.experiment.lie, unsigned_of(recipe_.seed));
}

bool IslandRun::train() {
  logged_at_ = Clock::now();
  while (step_ < unsigned_of(recipe_.train.steps)) {
    train_step();
    const bool last = step_ == unsigned_of(recipe_.train.steps);
    if (!last && due(recipe_.train.eval_every)) evaluate();
    if (!last && due(recipe_.checkpoint.every)) save();
    const std::optional<std::uint64_t> stop_after = session_->at_step(step_).value_or_throw();
    if (!last && stop_after && step_ >= *stop_after) {
      if (saved_at_ != step_) save();
      return false;
    }
  }
  return true;
}

void IslandRun::train_step() {
  const TimePoint began = Clock::now();
  const Batch batch = data_->batch(static_cast<std::int64_t>(step_)).value_or_throw();
  const InnerStep inner = replica_->train(batch, step_, [this] { sync_->correct_gradients(); });
  const std::uint64_t tokens = unsigned_of(batch.tokens.numel());
  ++step_;
  trained_ = true;
  tokens_ += tokens;
  train_s_ += seconds(Clock::now() - began);
  for (const RoundReport& report : sync_->step(tokens)) report_round(report);
  if (due(recipe_.train.log_every) || step_ == unsigned_of(recipe_.train.steps)) report_step(inner);
}

void IslandRun::finish() {
  // A run that is resumed at its end was finished then.
  if (recipe_.sync.enabled && (trained_ || step_ == 0))
    for (const RoundReport& report : sync_->finish()) report_round(report);
  evaluate();
  if (saved_at_ != step_) save();
  if (first_island() && recipe_.sample.tokens > 0 && data_->format() == "text")
    events_.send(Sampled{sample_text(replica_->model(), recipe_).value_or_throw()});
  Done done;
  done.step = step_;
  done.eval_loss = eval_loss_;
  done.tokens = tokens_;
  done.bytes_sent = session_->bytes_sent();
  done.exposed_s = exposed_s_;
  done.train_s = train_s_;
  events_.send(done);
}

void IslandRun::report_step(const InnerStep& inner) {
  StepDone event;
  event.step = step_;
  event.loss = inner.loss;
  event.lr = inner.lr;
  event.grad_norm = inner.grad_norm;
  event.tokens = tokens_;
  const TimePoint now = Clock::now();
  event.tokens_per_s = static_cast<double>(tokens_ - logged_tokens_) / seconds(now - logged_at_);
  event.bytes_sent = session_->bytes_sent();
  event.exposed_s = exposed_s_;
  event.train_s = train_s_;
  logged_at_ = now;
  logged_tokens_ = tokens_;
  events_.send(event);
  if (!std::isfinite(inner.loss))
    events_.send(Logged{"warning", fmt::format("step {}: the loss is not finite", step_)});
}

void IslandRun::report_round(const RoundReport& report) {
  const RoundOutcome& outcome = report.outcome;
  const std::vector<PeerInfo> peers = session_->peers();
  const auto name_of = [&](const MemberId& member) {
    return member.island < peers.size() ? peers[member.island].island : std::string();
  };
  RoundDone event;
  event.fragment = outcome.round.fragment;
  event.round = report.round;
  event.step = report.step;
  event.encode_s = report.encode_s;
  event.wait_s = outcome.phases.wait_s;
  event.exchange_s = outcome.phases.exchange_s;
  event.commit_s = outcome.phases.commit_s;
  event.apply_s = report.apply_s;
  event.bytes_sent = outcome.phases.bytes_sent;
  event.bytes_received = outcome.phases.bytes_received;
  if (outcome.phases.slowest) event.slowest = name_of(*outcome.phases.slowest);
  event.pseudograd_norm = report.pseudo_gradient_norm;
  for (const MemberId& member : outcome.contributors) event.contributors.push_back(name_of(member));
  exposed_s_ += report.exposed_s;
  events_.send(event);
}

double IslandRun::evaluate() {
  if (recipe_.data.eval_fraction <= 0) return eval_loss_;
  // Alone, an island has no global parameters but its own.
  NamedTensors weights;
  if (sync_->method().outer->asynchronous()) sync_->settle();  // all evaluate the same
  if (recipe_.sync.enabled) weights = sync_->global_parameters();
  const EvalSum own = replica_->evaluate(*data_, weights);
  const nlohmann::json share = {own.loss, own.tokens};
  const std::vector<std::string> shares =
      session_->gather(fmt::format("eval:{}", step_), share.dump()).value_or_throw();
  EvalSum all;
  for (const std::string& text : shares) {
    const nlohmann::json sum = nlohmann::json::parse(text);
    all.loss += sum.at(0).is_null() ? std::nan("") : sum.at(0).get<double>();
    all.tokens += sum.at(1).get<std::int64_t>();
  }
  eval_loss_ = all.tokens == 0 ? kUnknown : all.loss / static_cast<double>(all.tokens);
  if (first_island()) events_.send(Evaluated{step_, eval_loss_});
  logged_at_ = Clock::now();  // tokens/s is the training's
  logged_tokens_ = tokens_;
  return eval_loss_;
}

void IslandRun::save() {
  if (!recipe_.sync.enabled) return;  // islands that train alone have no common state
  const SnapshotPlace place{options_.run_folder, recipe_.checkpoint.keep, recipe_.train.context,
                            options_.island};
  const std::optional<Committed> committed =
      save_snapshot(place, *session_, *replica_, *sync_).value_or_throw();
  saved_at_ = step_;
  if (committed) {
    events_.send(CheckpointWritten{step_, committed->path});
    if (!committed->cleaning.ok())
      events_.send(Logged{"warning", "old checkpoints stay: " + committed->cleaning.message()});
  }
  logged_at_ = Clock::now();
  logged_tokens_ = tokens_;
}

Status status_of(const std::exception& error) {
  if (const auto* own = dynamic_cast<const Error*>(&error)) return own->status();
  return {Code::kInternal, error.what()};
}

}  // namespace

int run_island(const IslandOptions& options, EventSink& events, StopSignals& signals) {
  IslandRun run(options, events, signals);
  try {
    return run.run();
  } catch (const std::exception& error) {
    const Status status = status_of(error);
    events.send(Failed{status.code(), status.message(), run.culprit()});
    return run.joined() ? kExitFailed : exit_code_of(status.code());
  }
}

}  // namespace outrigger
