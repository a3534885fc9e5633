#include <outrigger/framework/bench/start_line.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include <outrigger/framework/bench/usage.h>

namespace outrigger {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kTrials = 5;
constexpr std::chrono::milliseconds kScheduling{3};

std::int64_t ticks(TimePoint when) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(when.time_since_epoch()).count();
}

double seconds_between(std::int64_t begin, std::int64_t end) {
  return 1e-9 * static_cast<double>(end - begin);
}

// Names the running kernel, whose monotonic clock all its processes share.
std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

std::int64_t latest(const std::vector<Json>& all, const char* key) {
  std::int64_t last = all.front().at(key).get<std::int64_t>();
  for (const Json& one : all) last = std::max(last, one.at(key).get<std::int64_t>());
  return last;
}

}  // namespace

Result<std::vector<Json>> StartLine::gather(const Json& own) {
  const Result<std::vector<std::string>> texts = meeting_->gather(own.dump());
  if (!texts.ok()) return texts.status();
  std::vector<Json> all;
  for (std::size_t k = 0; k < texts->size(); ++k) {
    all.push_back(Json::parse((*texts)[k], nullptr, false));
    if (!all.back().is_object())
      return Status(Code::kCorruption,
                    "member " + std::to_string(k) + " runs another version of this program");
  }
  return all;
}

Result<StartLine> StartLine::draw(Meeting& meeting) {
  StartLine line(meeting);
  Duration fastest = Duration::max();
  for (int i = 0; i < kTrials; ++i) {
    const TimePoint begin = Clock::now();
    if (const auto heard = line.gather(Json::object()); !heard.ok()) return heard.status();
    fastest = std::min(fastest, Clock::now() - begin);
  }
  const std::string id = boot_id();
  const auto all = line.gather({{"boot", id}, {"ns", ticks(TimePoint(fastest))}});
  if (!all.ok()) return all.status();
  line.one_clock_ = !id.empty() && std::ranges::all_of(*all, [&](const Json& one) {
    return one.value("boot", "") == id;
  });
  line.margin_ = std::chrono::nanoseconds(latest(*all, "ns") * 3 / 2) + kScheduling;
  return line;
}

Result<Lap> StartLine::run(const Work& work) {
  const auto ready = gather({{"now", ticks(Clock::now())}});
  if (!ready.ok()) return ready.status();
  const std::int64_t start = one_clock_
                                 ? latest(*ready, "now") + std::chrono::nanoseconds(margin_).count()
                                 : ticks(Clock::now());
  std::this_thread::sleep_until(TimePoint(std::chrono::nanoseconds(start)));
  const double cpu = cpu_seconds();
  Result<Json> said = work();
  if (!said.ok()) return said.status();
  const std::int64_t end = ticks(Clock::now());
  auto all = gather(
      {{"begin", start}, {"end", end}, {"cpu", cpu_seconds() - cpu}, {"said", std::move(*said)}});
  if (!all.ok()) return all.status();
  Lap lap;
  for (Json& one : *all) {
    const std::int64_t begin = one.at("begin").get<std::int64_t>();
    lap.seconds = std::max(lap.seconds, seconds_between(begin, one.at("end").get<std::int64_t>()));
    lap.cpu_seconds += one.at("cpu").get<double>();
    lap.said.push_back(std::move(one.at("said")));
  }
  return lap;
}

}  // namespace outrigger
