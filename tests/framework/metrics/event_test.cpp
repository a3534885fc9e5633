#include <outrigger/framework/metrics/event.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "support/catch.h"

using namespace outrigger;

// Mutation: fields(RoundDone) leaves commit_s out.
TEST_CASE("every kind of event comes back as it was sent") {
  StepDone step;
  step.step = 120;
  step.loss = 0.1;
  step.lr = 1e-3;
  step.grad_norm = 1.5;
  step.tokens = 1ull << 60;
  step.tokens_per_s = 8912.5;
  step.bytes_sent = 42;
  step.exposed_s = 0.25;
  step.train_s = 7.5;
  const RoundDone round{
      1, 2, 100, 0.1, 0.2, 0.3, 0.4, 0.5, 1000, 2000, "oslo", 3.5, {"paris", "oslo"}};
  const std::vector<Event> events = {Listening{"127.0.0.1:1"},
                                     Joined{"paris"},
                                     step,
                                     round,
                                     Evaluated{100, 2.5},
                                     CheckpointWritten{200, "runs/x/checkpoints/step-000200"},
                                     Sampled{"To be,\n\"or\""},
                                     Logged{"warning", "hm"},
                                     Failed{Code::kUnavailable, "paris is lost", "paris"},
                                     Done{500, 1.75, 1000, 2000, 0.5, 60}};
  CHECK(events.size() == std::variant_size_v<Event>);
  for (const Event& event : events) {
    const std::string line = to_json(event);
    CHECK(line.find('\n') == std::string::npos);
    const Result<Event> back = parse_event(line);
    REQUIRE(back.ok());
    CHECK(back->index() == event.index());
    CHECK(to_json(*back) == line);
    CHECK(!to_text(event).empty());
  }
  const Result<Event> back = parse_event(to_json(round));
  CHECK(std::get<RoundDone>(*back).commit_s == 0.4);
  CHECK(std::get<RoundDone>(*back).contributors == round.contributors);
  CHECK(std::get<StepDone>(*parse_event(to_json(step))).tokens == 1ull << 60);
  CHECK(std::get<Failed>(*parse_event(to_json(events[8]))).code == Code::kUnavailable);
}

// Mutation: read(double) refuses null.
TEST_CASE("a number that is not finite travels as null and is unknown then") {
  const std::string line = to_json(Evaluated{3, INFINITY});
  CHECK(line == R"({"event":"eval","step":3,"loss":null})");
  CHECK(std::isnan(std::get<Evaluated>(*parse_event(line)).loss));
}

// Mutation: dump() uses the strict error handler (it throws).
TEST_CASE("text that is not UTF-8 is replaced") {
  CHECK(parse_event(to_json(Sampled{"a\xff"
                                    "b"}))
            .ok());
}

// Mutation: Reader passes over fields of a wrong type.
TEST_CASE("what is no event is refused with its beginning") {
  for (const char* line :
       {"", "hello", "[1]", "{}", R"({"event":1})", R"({"event":"nonsense"})",
        R"({"event":"step","step":-1})", R"({"event":"step","step":"1"})",
        R"({"event":"step","loss":"low"})", R"({"event":"failed","code":"odd"})",
        R"({"event":"round","contributors":[1]})", R"({"event":"step","step":1)"}) {
    const Result<Event> event = parse_event(line);
    CAPTURE(line);
    CHECK(!event.ok());
    CHECK(event.status().code() == Code::kInvalidArgument);
  }
  const std::string why = parse_event(std::string(1000, 'x')).status().message();
  CHECK(why.size() < 200);
  CHECK(why.find("xxx") != std::string::npos);
}

// Mutation: parse_event() refuses fields that it does not know.
TEST_CASE("fields of a newer child are passed over, missing ones keep their defaults") {
  const Result<Event> event = parse_event(R"({"event":"step","step":7,"novelty":[{}]})");
  REQUIRE(event.ok());
  CHECK(std::get<StepDone>(*event).step == 7);
  CHECK(std::isnan(std::get<StepDone>(*event).loss));
}

// Mutation: to_json() writes the time after the event's fields.
TEST_CASE("metrics.jsonl's lines begin with time and source") {
  CHECK(to_json(Joined{"paris"}, 12.5, "paris.0") ==
        R"({"time":12.5,"source":"paris.0","event":"joined","island":"paris"})");
}
