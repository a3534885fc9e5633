#pragma once

#include <fmt/format.h>

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include <outrigger/comm/status.h>

namespace outrigger {

// What users have registered under names of their own, of one kind.
template <class Make>
class Registrations {
 public:
  // Throws InvalidArgument for a name that is taken.
  void add(const char* kind, const std::string& name, Make make) {
    const std::lock_guard lock(mutex_);
    if (!all_.emplace(name, std::move(make)).second)
      throw Error(
          {Code::kInvalidArgument, fmt::format("{} '{}' is registered already", kind, name)});
  }
  std::optional<Make> find(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto found = all_.find(name);
    return found == all_.end() ? std::nullopt : std::optional<Make>(found->second);
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Make> all_;
};

}  // namespace outrigger
