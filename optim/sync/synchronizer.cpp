#include <outrigger/optim/sync/synchronizer.h>

#include <ATen/ops/from_blob.h>
#include <fmt/format.h>

#include <outrigger/optim/sync/async_diloco.h>
#include <outrigger/optim/sync/diloco.h>
#include <outrigger/optim/sync/fragment_sync.h>

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
  if (method.options.feedback.econtrol()) state.estimate.assign(elements, 0.0F);
  if (method.options.low_rank) {
    state.ranks = AdaptiveRank(*method.options.low_rank).first_state();
    const LowRank low_rank = low_rank_of(method, fragment, state.ranks);
    state.warm.resize(low_rank.warm_elements());
    low_rank.first_warm({index, 0}, state.warm);
  }
  return state;
}

PrivateState::Fragment initial_own(const Fragment& fragment, const Method& method) {
  const std::size_t elements = fragment.local.elements();
  PrivateState::Fragment own;
  if (method.options.eager) own.lead.assign(elements, 0.0F);
  if (method.options.feedback.on()) own.residual.assign(elements, 0.0F);
  if (method.options.feedback.econtrol()) own.estimate.assign(elements, 0.0F);
  if (method.options.control_variates) {
    own.variate.assign(elements, 0.0F);
    own.gradient_sum.assign(elements, 0.0F);
  }
  return own;
}

void refuse_unless(bool fits, std::uint32_t fragment) {
  if (fits) return;
  throw Error(
      {Code::kFailedPrecondition,
       fmt::format("the given state of fragment {} is of another model or method", fragment)});
}

// A warm start of another rank may be the one that an adaptive rank has come to.
void check_warm(const SharedState::Fragment& given, const Fragment& fragment,
                const Method& method) {
  if (!method.options.low_rank) return refuse_unless(given.ranks.empty(), given.version.fragment);
  const double most = static_cast<double>(method.options.low_rank->rank);
  const bool ranked = !given.ranks.empty() && given.ranks[0] >= 1 && given.ranks[0] <= most;
  refuse_unless(
      ranked && given.warm.size() == low_rank_of(method, fragment, given.ranks).warm_elements(),
      given.version.fragment);
}

void check_shape(const SharedState::Fragment& given, const SharedState::Fragment& wanted) {
  bool fits = given.global.size() == wanted.global.size() &&
              given.slots.size() == wanted.slots.size() &&
              given.statistics.size() == wanted.statistics.size() &&
              given.variate.size() == wanted.variate.size() &&
              given.estimate.size() == wanted.estimate.size();
  for (const std::vector<float>& slot : given.slots) fits &= slot.size() == wanted.global.size();
  refuse_unless(fits, wanted.version.fragment);
}

void check_shape(const PrivateState::Fragment& given, const PrivateState::Fragment& wanted,
                 std::uint32_t fragment) {
  refuse_unless(given.open.size() <= 2 && given.lead.size() == wanted.lead.size() &&
                    given.variate.size() == wanted.variate.size() &&
                    given.residual.size() == wanted.residual.size() &&
                    given.estimate.size() == wanted.estimate.size() &&
                    given.gradient_sum.size() == wanted.gradient_sum.size(),
                fragment);
}

}  // namespace

Synchronizer::Synchronizer(Session& session, NamedTensors parameters, DiLoCoOptions options,
                           SharedState shared, PrivateState own)
    : session_(session),
      method_(make_method(std::move(options), session.peers().size()).value_or_throw()),
      parameters_(std::move(parameters)),
      fragments_(cut_fragments(parameters_, fragment_options(method_.options)).value_or_throw()),
      shared_(std::move(shared)),
      own_(std::move(own)) {
  const std::size_t islands = session_.peers().size();
  for (std::uint32_t p = static_cast<std::uint32_t>(shared_.fragments.size());
       p < fragments_.size(); ++p)
    shared_.fragments.push_back(initial_shared(p, fragments_[p], method_, islands));
  for (std::size_t p = own_.fragments.size(); p < fragments_.size(); ++p)
    own_.fragments.push_back(initial_own(fragments_[p], method_));
  for (std::uint32_t p = 0; p < fragments_.size(); ++p) {
    check_shape(shared_.fragments[p], initial_shared(p, fragments_[p], method_, islands));
    check_warm(shared_.fragments[p], fragments_[p], method_);
    check_shape(own_.fragments[p], initial_own(fragments_[p], method_), p);
  }
}

void Synchronizer::count_step(std::uint64_t tokens) {
  if (tokens == 0)
    throw Error({Code::kInvalidArgument, "step() needs the tokens of the inner step; it got 0"});
  finished_ = false;
  ++own_.step;
  for (PrivateState::Fragment& own : own_.fragments) own.tokens += tokens;
}

std::unique_ptr<Synchronizer> make_synchronizer(Session& session, NamedTensors parameters,
                                                DiLoCoOptions options, SharedState shared,
                                                PrivateState own) {
  options.outer.workers = session.peers().size();
  const auto outer = make_outer_optimizer(options.outer).value_or_throw();
  if (outer->asynchronous())
    return std::make_unique<AsyncDiLoCo>(session, std::move(parameters), std::move(options),
                                         std::move(shared), std::move(own));
  return std::make_unique<DiLoCo>(session, std::move(parameters), std::move(options),
                                  std::move(shared), std::move(own));
}

NamedTensors Synchronizer::global_parameters() const {
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

void Synchronizer::compare_states(std::string_view when, std::uint32_t fragment) {
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
