#include <outrigger/optim/sync/diloco.h>

#include <ATen/ops/from_blob.h>
#include <fmt/format.h>

#include <algorithm>

namespace outrigger {
namespace {

SharedState::Fragment initial_shared(std::uint32_t index, const Fragment& fragment,
                                     const Method& method, std::size_t islands) {
  const std::size_t elements = fragment.local.elements();
  SharedState::Fragment state;
  state.version.fragment = index;
  state.global.resize(elements);
  read_block(fragment.local, 0, state.global);
  state.slots.assign(method.outer->slots().size(), std::vector<float>(elements, 0.0F));
  state.statistics.assign(method.aggregation->statistics(islands), 0.0);
  if (method.options.control_variates) state.variate.assign(elements, 0.0F);
  return state;
}

PrivateState::Fragment initial_own(const Fragment& fragment, const Method& method) {
  const std::size_t elements = fragment.local.elements();
  PrivateState::Fragment own;
  if (method.options.eager) own.lead.assign(elements, 0.0F);
  if (method.options.control_variates) {
    own.variate.assign(elements, 0.0F);
    own.gradient_sum.assign(elements, 0.0F);
  }
  return own;
}

bool has(const std::vector<std::uint32_t>& list, std::uint32_t value) {
  return std::ranges::find(list, value) != list.end();
}

}  // namespace

DiLoCo::DiLoCo(Session& session, NamedTensors parameters, DiLoCoOptions options)
    : DiLoCo(session, std::move(parameters), std::move(options), {}, {}) {}

DiLoCo::DiLoCo(Session& session, NamedTensors parameters, DiLoCoOptions options, SharedState shared,
               PrivateState own)
    : session_(session),
      method_(make_method(std::move(options)).value_or_throw()),
      timetable_(timetable_of(method_.options)),
      parameters_(std::move(parameters)),
      fragments_(cut_fragments(parameters_, fragment_options(method_.options)).value_or_throw()),
      shared_(std::move(shared)),
      own_(std::move(own)),
      timings_(fragments_.size()) {
  const std::size_t islands = session_.peers().size();
  for (std::uint32_t p = static_cast<std::uint32_t>(shared_.fragments.size());
       p < fragments_.size(); ++p)
    shared_.fragments.push_back(initial_shared(p, fragments_[p], method_, islands));
  for (std::size_t p = own_.fragments.size(); p < fragments_.size(); ++p)
    own_.fragments.push_back(initial_own(fragments_[p], method_));
  for (std::uint32_t p = 0; p < fragments_.size(); ++p) {
    if (shared_.fragments[p].global.size() != fragments_[p].local.elements())
      throw Error(
          {Code::kFailedPrecondition,
           fmt::format("the shared state has {} elements for fragment {}, the model {}",
                       shared_.fragments[p].global.size(), p, fragments_[p].local.elements())});
    syncs_.emplace_back(session_, method_, fragments_[p], shared_.fragments[p],
                        own_.fragments[p]);
    timings_[p].resize(own_.fragments[p].open.size());
    if (!method_.gossips() || shared_.fragments[p].version.number == 0) compare_states("start", p);
  }
}

void DiLoCo::correct_gradients() {}

std::vector<RoundReport> DiLoCo::step(std::uint64_t tokens) {
  if (tokens == 0)
    throw Error(
        {Code::kInvalidArgument, "DiLoCo::step needs the tokens of the inner step; it got 0"});
  ++own_.step;
  for (PrivateState::Fragment& own : own_.fragments) own.tokens += tokens;
  const Boundary boundary = timetable_.at(own_.step);
  // Settle, launch, apply: the rounds due now that were launched earlier are settled first.
  for (const std::uint32_t p : boundary.applies) settle(p);
  for (const std::uint32_t p : boundary.launches) launch(p);
  std::vector<RoundReport> reports;
  for (const std::uint32_t p : boundary.applies) {
    // At tau = H the steps since the last launch are in no round unless one was launched here.
    const bool alone = method_.options.delay == method_.options.every &&
                       !has(boundary.launches, p);
    reports.push_back(
        apply(p, alone ? FragmentSync::Merging::kCarry : FragmentSync::Merging::kAsOptions));
  }
  if (method_.options.eager)
    for (const std::uint32_t p : boundary.launches) syncs_[p].place_eagerly();
  return reports;
}

std::vector<RoundReport> DiLoCo::finish() {
  std::vector<RoundReport> reports;
  const bool late = method_.options.delay == method_.options.every;
  for (std::uint32_t p = 0; p < fragments_.size(); ++p)
    while (!own_.fragments[p].open.empty())
      reports.push_back(
          apply(p, late ? FragmentSync::Merging::kCarry : FragmentSync::Merging::kAsOptions));
  std::vector<std::uint32_t> closing;
  for (std::uint32_t p = 0; p < fragments_.size(); ++p)
    if (method_.gossips())
      reports.push_back(average(p));
    else if (closes(method_.options, p, own_.step))
      closing.push_back(p);
  for (const std::uint32_t p : closing) launch(p);
  for (const std::uint32_t p : closing)
    reports.push_back(apply(p, FragmentSync::Merging::kOverwrite));
  for (std::uint32_t p = 0; p < fragments_.size(); ++p) compare_states("end", p);
  return reports;
}

void DiLoCo::settle() {
  for (std::uint32_t p = 0; p < fragments_.size(); ++p)
    for (OpenRound& open : own_.fragments[p].open) syncs_[p].settle(open);
}

void DiLoCo::launch(std::uint32_t fragment) {
  const TimePoint began = Clock::now();
  const FragmentSync::Launched launched = syncs_[fragment].launch(on_delta);
  if (!launched.finite) start_over();
  const double spent = seconds(Clock::now() - began);
  timings_[fragment].push_back({spent, launched.norm, spent});
}

void DiLoCo::settle(std::uint32_t fragment) {
  std::deque<OpenRound>& open = own_.fragments[fragment].open;
  if (open.empty()) return;
  const TimePoint began = Clock::now();
  syncs_[fragment].settle(open.front());
  timings_[fragment].front().exposed_s += seconds(Clock::now() - began);
}

RoundReport DiLoCo::apply(std::uint32_t fragment, FragmentSync::Merging merging) {
  settle(fragment);
  RoundReport report;
  const TimePoint began = Clock::now();
  report.reset = !own_.fragments[fragment].open.front().finite;
  report.outcome = syncs_[fragment].apply(merging);
  const std::uint64_t check = method_.options.check_every;
  if (check != 0 && report.outcome.version.number % check == 0 && !method_.gossips())
    compare_states("check", fragment);
  const Timing timing = timings_[fragment].front();
  timings_[fragment].pop_front();
  report.step = own_.step;
  report.encode_s = timing.encode_s;
  report.pseudo_gradient_norm = timing.norm;
  report.apply_s = seconds(Clock::now() - began);
  report.exposed_s = timing.exposed_s + report.apply_s;
  return report;
}

RoundReport DiLoCo::average(std::uint32_t fragment) {
  const TimePoint began = Clock::now();
  RoundReport report;
  report.step = own_.step;
  report.outcome = syncs_[fragment].average();
  report.exposed_s = report.apply_s = seconds(Clock::now() - began);
  return report;
}

// One fragment that is not finite spoils the others with the next forward pass.
void DiLoCo::start_over() {
  for (FragmentSync& sync : syncs_) sync.start_over();
  if (on_reset) on_reset();
}

NamedTensors DiLoCo::global_parameters() const {
  NamedTensors tensors = parameters_;
  const std::vector<std::uint32_t> assigned =
      assign_fragments(named_sizes(parameters_), fragment_options(method_.options))
          .value_or_throw();
  std::vector<std::size_t> next(fragments_.size(), 0);
  for (std::size_t k = 0; k < tensors.size(); ++k) {
    const std::uint32_t p = assigned[k];
    const std::size_t offset = fragments_[p].borders[next[p]++];
    float* data = const_cast<float*>(shared_.fragments[p].global.data()) +
                  offset;  // NOLINT: from_blob takes no const
    tensors[k].tensor = at::from_blob(data, parameters_[k].tensor.sizes());
  }
  return tensors;
}

void DiLoCo::compare_states(std::string_view when, std::uint32_t fragment) {
  const SharedState::Fragment& state = shared_.fragments[fragment];
  const std::string own = hash_state(state).bytes();
  const std::string key = fmt::format("state:{}:{}:{}", when, fragment, state.version.number);
  const std::vector<std::string> hashes = session_.gather(key, own).value_or_throw();
  const std::vector<PeerInfo> peers = session_.peers();
  for (std::size_t k = 0; k < hashes.size(); ++k) {
    if (hashes[k] == own) continue;
    throw Error(
        {Code::kCorruption,
         fmt::format("island '{}' holds other global parameters or outer state than this island at "
                     "version {} of fragment {} ({}); {}",
                     peers[k].island, state.version.number, fragment, when,
                     state.version.number == 0
                         ? "every island must start from the same parameters"
                         : "stop the job and resume it from its last checkpoint")});
  }
}

}  // namespace outrigger
