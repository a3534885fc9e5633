#include <outrigger/framework/metrics/event.h>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <type_traits>

#include <outrigger/framework/metrics/human.h>

namespace outrigger {
namespace {

using Json = nlohmann::ordered_json;

// ---- The fields of each kind, in the order in which they are written
// ------------------------------------

template <class F>
void fields(Listening& e, F& f) {
  f("address", e.address);
}
template <class F>
void fields(Joined& e, F& f) {
  f("island", e.island);
}
template <class F>
void fields(StepDone& e, F& f) {
  f("step", e.step), f("loss", e.loss), f("lr", e.lr), f("grad_norm", e.grad_norm);
  f("tokens", e.tokens), f("tokens_per_s", e.tokens_per_s), f("bytes_sent", e.bytes_sent);
  f("exposed_s", e.exposed_s), f("train_s", e.train_s);
}
template <class F>
void fields(RoundDone& e, F& f) {
  f("fragment", e.fragment), f("round", e.round), f("step", e.step), f("encode_s", e.encode_s);
  f("wait_s", e.wait_s), f("exchange_s", e.exchange_s), f("commit_s", e.commit_s);
  f("apply_s", e.apply_s), f("bytes_sent", e.bytes_sent), f("bytes_received", e.bytes_received);
  f("slowest", e.slowest), f("pseudograd_norm", e.pseudograd_norm);
  f("contributors", e.contributors);
}
template <class F>
void fields(Evaluated& e, F& f) {
  f("step", e.step), f("loss", e.loss);
}
template <class F>
void fields(CheckpointWritten& e, F& f) {
  f("step", e.step), f("path", e.path);
}
template <class F>
void fields(Sampled& e, F& f) {
  f("text", e.text);
}
template <class F>
void fields(Logged& e, F& f) {
  f("level", e.level), f("message", e.message);
}
template <class F>
void fields(Failed& e, F& f) {
  f("code", e.code), f("message", e.message), f("culprit", e.culprit);
}
template <class F>
void fields(Done& e, F& f) {
  f("step", e.step), f("eval_loss", e.eval_loss), f("tokens", e.tokens);
  f("bytes_sent", e.bytes_sent), f("exposed_s", e.exposed_s), f("train_s", e.train_s);
}

// ---- Writing
// --------------------------------------------------------------------------------------------

struct Writer {
  Json& json;
  void operator()(const char* name, Code value) { json[name] = code_name(value); }
  template <class T>
  void operator()(const char* name, const T& value) {
    json[name] = value;
  }
};

std::string dump(Event event, Json json) {
  std::visit(
      [&](auto& e) {
        json["event"] = e.kKind;
        Writer writer{json};
        fields(e, writer);
      },
      event);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// ---- Reading
// --------------------------------------------------------------------------------------------

bool read(const Json& json, std::string& value) {
  if (!json.is_string()) return false;
  value = json.get<std::string>();
  return true;
}

bool read(const Json& json, double& value) {
  if (!json.is_number() && !json.is_null()) return false;
  value = json.is_null() ? kUnknown : json.get<double>();
  return true;
}

bool read(const Json& json, std::uint64_t& value) {
  if (!json.is_number_unsigned()) return false;
  value = json.get<std::uint64_t>();
  return true;
}

bool read(const Json& json, std::vector<std::string>& value) {
  if (!json.is_array()) return false;
  for (const Json& item : json)
    if (!read(item, value.emplace_back())) return false;
  return true;
}

bool read(const Json& json, Code& value) {
  for (int code = 0; code <= static_cast<int>(Code::kInternal); ++code) {
    value = static_cast<Code>(code);
    if (json == code_name(value)) return true;
  }
  return false;
}

struct Reader {
  const Json& json;
  std::string wrong = {};  // the first field of a wrong type
  template <class T>
  void operator()(const char* name, T& value) {
    const auto found = json.find(name);
    if (found != json.end() && !read(*found, value) && wrong.empty()) wrong = name;
  }
};

template <class Kind>
bool make(std::string_view kind, Event& out) {
  if (kind != Kind::kKind) return false;
  out = Kind();
  return true;
}

template <class... Kinds>
bool make_any(std::string_view kind, std::variant<Kinds...>& out) {
  return (make<Kinds>(kind, out) || ...);
}

}  // namespace

std::string to_json(const Event& event) {
  return dump(event, Json::object());
}

std::string to_json(const Event& event, double unix_time, std::string_view source) {
  return dump(event, Json{{"time", unix_time}, {"source", source}});
}

Result<Event> parse_event(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return Status(Code::kInvalidArgument,
                  fmt::format("not an event ({}): {}", why, printable(text.substr(0, 80))));
  };
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return refuse("no JSON object");
  std::string kind;
  const auto found = json.find("event");
  if (found == json.end() || !read(*found, kind)) return refuse("no field 'event'");
  Event event;
  if (!make_any(kind, event)) return refuse("unknown kind");
  Reader reader{json};
  std::visit([&](auto& e) { fields(e, reader); }, event);
  if (!reader.wrong.empty()) return refuse("wrong type of field '" + reader.wrong + "'");
  return event;
}

}  // namespace outrigger
