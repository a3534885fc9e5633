#include <outrigger/framework/recipe/nearest.h>

#include <algorithm>
#include <vector>

#include <outrigger/framework/recipe/keys.h>

namespace outrigger {
namespace {

constexpr std::size_t kMaxWord = 128;  // the distance costs the product of the lengths

std::string_view last_part(std::string_view name) {
  return name.substr(name.rfind('.') + 1);
}

std::size_t tolerated(std::string_view word) {
  return std::max<std::size_t>(1, word.size() / 3);
}

std::string spelled_alike(std::string_view word) {
  std::string alike(word.substr(0, kMaxWord));
  std::replace(alike.begin(), alike.end(), '-', '_');
  return alike;
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, changed});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

std::optional<std::string> nearest(std::string_view word,
                                   std::span<const std::string_view> candidates) {
  const std::string alike = spelled_alike(word);
  std::optional<std::string> best;
  std::size_t best_distance = tolerated(alike) + 1;
  for (std::string_view candidate : candidates) {
    const std::size_t distance = edit_distance(alike, spelled_alike(candidate));
    if (distance >= best_distance) continue;
    best_distance = distance;
    best = candidate;
  }
  return best;
}

std::optional<std::string> nearest_key(std::string_view name) {
  const std::string alike = spelled_alike(name);
  const std::string_view last = last_part(alike);
  std::optional<std::string> best;
  std::size_t best_score = 2 * alike.size() + 1000;
  for (const Key& key : recipe_keys()) {
    const std::size_t whole = edit_distance(alike, key.name);
    const std::size_t end = edit_distance(last, last_part(key.name));
    if (whole > tolerated(alike) && end > tolerated(last)) continue;
    // Of sections that are all far from what was written, the first declared is as good as any.
    const std::size_t score = std::min(whole, tolerated(alike) + 1) + 3 * end;
    if (score >= best_score) continue;
    best_score = score;
    best = key.name;
  }
  return best;
}

}  // namespace outrigger
