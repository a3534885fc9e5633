#include <outrigger/framework/checkpoint/fail_point.h>

#include <utility>

namespace outrigger {
namespace {

std::function<void(std::string_view)>& hook() {
  static std::function<void(std::string_view)> instance;
  return instance;
}

}  // namespace

void pass_fail_point(std::string_view name) {
  if (hook()) hook()(name);
}

void set_fail_point_hook(std::function<void(std::string_view)> new_hook) {
  hook() = std::move(new_hook);
}

}  // namespace outrigger
