#include <outrigger/framework/recipe/checker.h>

#include <algorithm>

#include <fmt/format.h>

#include <outrigger/framework/recipe/value.h>

namespace outrigger {

void Checker::run() {
  if (r_.model.load.empty()) {
    derive_sizes();
    check_model();
  } else {
    explain_loaded_model();
  }
  derive_warmup();
  check_data();
  check_evaluation();
  check_inner();
  check_outer();
  check_aggregate();
  check_sync();
  check_topology();
  check_codecs();
  check_schedule();
  check_experiment();
  check_train();
  check_sample();
}

bool Checker::is_set(const char* key) const {
  return loaded_.sources.contains(key);
}

bool Checker::is_changed(const char* key) const {
  return write_value(*find_key(key), r_) != write_value(*find_key(key), Recipe{});
}

std::pair<std::string, std::string> Checker::place(Keys keys) const {
  for (const auto kind : {Source::Kind::kCommandLine, Source::Kind::kFile}) {
    for (const char* key : keys) {
      const auto found = loaded_.sources.find(key);
      if (found == loaded_.sources.end() || found->second.kind != kind) continue;
      return {to_string(found->second), key};
    }
  }
  return {loaded_.path, *keys.begin()};
}

void Checker::refuse_if(bool wrong, Keys keys, const std::string& what) {
  const bool known = std::none_of(
      keys.begin(), keys.end(), [&](const char* key) { return problems_.bad_keys.contains(key); });
  if (!wrong || !known) return;
  const auto [where, key] = place(keys);
  problems_.error(where, key, what);
}

void Checker::warn_if(bool strange, Keys keys, const std::string& what) {
  if (!strange) return;
  const auto [where, key] = place(keys);
  problems_.warnings.push_back(fmt::format("{}: {}: {}", where, key, what));
}

void Checker::derive(const char* key, std::int64_t& size, std::int64_t value, const char* from) {
  if (size != 0) return;
  size = value;
  loaded_.sources[key] = {Source::Kind::kDerived, from, 0};
}

bool Checker::may_be_text() const {
  return r_.data.format == "text" || r_.data.format == "auto";
}

void check_recipe(LoadedRecipe& loaded, Problems& problems) {
  Checker(loaded, problems).run();
}

}  // namespace outrigger
