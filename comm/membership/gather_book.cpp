#include <outrigger/comm/membership/gather_book.h>

#include <algorithm>

#include <fmt/format.h>

#include <outrigger/comm/membership/wire.h>

namespace outrigger {
namespace {

const std::string kStopKey = std::string(kStopPrefix) + "1";  // a job stops once

}  // namespace

void GatherBook::replay(const v1::Record& record) {
  if (record.has_term_started() && record.term_started().new_life()) *this = GatherBook();
  if (!record.has_gathered()) return;
  if (record.gathered().key() == kStopKey) stop_why_ = "agreed before the coordinator's restart";
  results_.push_back(record.gathered());
  if (results_.size() > kMaxOpenGathers) results_.pop_front();
}

void GatherBook::add(const MemberId& from, const v1::Gather& gather, const Live& live,
                     TimePoint now, Effects& effects) {
  const std::string& key = gather.key();
  const auto known =
      std::find_if(results_.begin(), results_.end(),
                   [&](const v1::GatherResult& result) { return result.key() == key; });
  if (known != results_.end()) {
    *effects.send(from.island).mutable_gather_result() = *known;
    return;
  }
  const auto pending = std::count_if(open_.begin(), open_.end(), [&](const auto& entry) {
    return entry.second.contains(from.island);
  });
  if (gather.value().size() > kMaxGatherBytes || key.empty() || key.size() > kMaxGatherKeyBytes ||
      pending >= static_cast<std::ptrdiff_t>(kMaxOpenGathers)) {
    effects.refuse(
        from.island,
        fmt::format("the gather of '{}' with {} bytes, beside {} open ones: at most {} bytes, {} "
                    "in the key, {} open at once",
                    key.substr(0, kMaxGatherKeyBytes), gather.value().size(), pending,
                    kMaxGatherBytes, kMaxGatherKeyBytes, kMaxOpenGathers));
    return;
  }
  v1::GatherResult::Entry entry;
  *entry.mutable_member() = to_wire(from);
  entry.set_value(gather.value());
  open_[key].emplace(from.island, std::move(entry));
  open_since_.emplace(key, now);
  // A restarted coordinator learns from an answer that a stop was asked for.
  if (key == kStopKey)
    stop("a member was asked by the coordinator before its restart", live, effects);
  try_finish(key, live, effects);
}

void GatherBook::try_finish(const std::string& key, const Live& live, Effects& effects) {
  const auto found = open_.find(key);
  if (found == open_.end()) return;
  for (const MemberId& member : live) {
    if (!found->second.contains(member.island)) return;
  }
  v1::GatherResult result;
  result.set_key(key);
  for (auto& [island, entry] : found->second) *result.add_entries() = std::move(entry);
  open_.erase(found);
  open_since_.erase(key);
  *effects.record().mutable_gathered() = result;
  for (const MemberId& member : live) *effects.send(member.island).mutable_gather_result() = result;
  results_.push_back(std::move(result));
  if (results_.size() > kMaxOpenGathers) results_.pop_front();
}

std::optional<TimePoint> GatherBook::next_tick(Duration limit) const {
  std::optional<TimePoint> next;
  for (const auto& [key, since] : open_since_)
    next = next ? std::min(*next, since + limit) : since + limit;
  return next;
}

void GatherBook::tick(TimePoint now, Duration limit, const Live& live, Effects& effects) const {
  for (const auto& [key, since] : open_since_) {
    if (now < since + limit) continue;
    const auto missing = std::find_if(
        live.begin(), live.end(),
        [&, &name = key](const MemberId& m) { return !open_.at(name).contains(m.island); });
    if (missing == live.end()) continue;
    effects.end_job(
        {Code::kDeadlineExceeded,
         fmt::format("the gather of '{}' has waited {:.3g} s (membership.timeout.max) for {}: its "
                     "heartbeats come, so its training hangs (a disk that does not answer?)",
                     key, seconds(limit), to_string(*missing))},
        *missing);
    return;
  }
}

void GatherBook::stop(const std::string& why, const Live& live, Effects& effects) {
  if (stop_why_) return;
  stop_why_ = why;
  effects.note("asking all islands for the step to stop after: " + why);
  for (const MemberId& member : live) ask(member.island, effects);
}

void GatherBook::ask(std::uint32_t island, Effects& effects) const {
  auto* query = effects.send(island).mutable_stop_query();
  query->set_key(kStopKey);
  query->set_why(*stop_why_);
}

void GatherBook::rejoined(const MemberId& from, Effects& effects) const {
  if (stop_why_) ask(from.island, effects);
}

void GatherBook::left(const Live& live, Effects& effects) {
  try_finish(kStopKey, live, effects);
}

std::optional<std::string> GatherBook::needs(const MemberId& member) const {
  for (const auto& [key, entries] : open_) {
    if (key != kStopKey && !entries.contains(member.island)) return key;
  }
  return std::nullopt;
}

}  // namespace outrigger
