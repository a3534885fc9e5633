#pragma once

#include <functional>
#include <string>

namespace outrigger {

// What the control plane has to say, for whoever keeps a log.
struct LogLine {
  enum class Level { kDetail, kNote, kWarning };
  Level level = Level::kNote;
  std::string text;
};

// Called from the control plane's threads, one call at a time per coordinator or session.
using LogSink = std::function<void(const LogLine&)>;

}  // namespace outrigger
