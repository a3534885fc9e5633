#include <outrigger/framework/checkpoint/manifest.h>

#include <string>

#include "support/catch.h"

using namespace outrigger;

namespace {

Manifest sample() {
  return {200,
          "1a2b3c",
          {{"outer.safetensors", 0, {1, 2}}, {"model.safetensors", 1'234'567'890'123, {3, 4}}},
          {{"rounds", 4}, {"loss", 0.1}, {"text", "h\xC3\xA9 \n"}, {"big", 18446744073709551615u}}};
}

std::string with(const std::string& from, const std::string& to) {
  std::string text = *print_manifest(sample());
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

// Mutation: parse_hash(): `substr(16)` -> `substr(0, 16)`; print_manifest(): the sort dropped.
TEST_CASE("manifest: what is printed is read back, parts in the order of their names") {
  const auto text = print_manifest(sample());
  REQUIRE(text.ok());
  const auto manifest = parse_manifest(*text);
  INFO(manifest.status().message());
  REQUIRE(manifest.ok());
  CHECK(manifest->step == 200);
  CHECK(manifest->commit == "1a2b3c");
  CHECK(manifest->parts == std::vector{sample().parts[1], sample().parts[0]});
  CHECK(manifest->state == sample().state);
  CHECK(*print_manifest(*manifest) == *text);
}

// Mutation: read(): the comparison of checksums dropped.
TEST_CASE("manifest: an altered or cut text is refused") {
  const std::string text = *print_manifest(sample());
  CHECK(parse_manifest(with("\"rounds\": 4", "\"rounds\": 5")).status().code() ==
        Code::kCorruption);
  for (std::size_t size = 0; size < text.size() - 2; ++size)
    REQUIRE(parse_manifest(text.substr(0, size)).status().code() == Code::kCorruption);
  for (std::size_t at = 0; at < text.size(); ++at)
    for (int bit : {0, 3, 6}) {
      std::string flipped = text;
      flipped[at] = static_cast<char>(flipped[at] ^ 1 << bit);
      const auto manifest = parse_manifest(flipped);
      if (manifest.ok()) REQUIRE(*print_manifest(*manifest) == text);  // white space
    }
}

// Mutation: read(): `version > kManifestVersion` -> false.
TEST_CASE("manifest: a newer format is not called corrupt") {
  const auto newer = parse_manifest(with("\"version\": 1", "\"version\": 2"));
  CHECK(newer.status().code() == Code::kFailedPrecondition);
  CHECK(newer.status().message().find("version 2") != std::string::npos);
  CHECK(parse_manifest(with("outrigger-checkpoint", "something")).status().code() ==
        Code::kCorruption);
  for (const char* other : {"", "null", "[]", "3", "{}", "{\"format\": 3}"})
    CHECK(parse_manifest(other).status().code() == Code::kCorruption);
}

// Mutation: check(): each of its tests dropped; print_manifest(): the catch dropped.
TEST_CASE("manifest: what cannot be a checkpoint is not printed") {
  const auto code = [](auto change) {
    Manifest manifest = sample();
    change(manifest);
    return print_manifest(manifest).status().code();
  };
  CHECK(code([](Manifest&) {}) == Code::kOk);
  CHECK(code([](Manifest& m) { m.step = -1; }) == Code::kInvalidArgument);
  CHECK(code([](Manifest& m) { m.parts[0].bytes = -1; }) == Code::kInvalidArgument);
  CHECK(code([](Manifest& m) { m.parts[0].name = "../x"; }) == Code::kInvalidArgument);
  CHECK(code([](Manifest& m) { m.parts[0].name = m.parts[1].name; }) == Code::kInvalidArgument);
  CHECK(code([](Manifest& m) { m.state["text"] = "\xFF"; }) == Code::kInvalidArgument);
}
