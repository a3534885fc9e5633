#include <outrigger/framework/checkpoint/manifest.h>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <span>

namespace outrigger {
namespace {

using SortedJson = nlohmann::json;

constexpr std::string_view kFormat = "outrigger-checkpoint";

std::string checksum(const SortedJson& body) {
  const std::string text = body.dump();
  return hash128(std::as_bytes(std::span(text))).hex();
}

Status check(const Manifest& manifest) {
  if (manifest.step < 0) return {Code::kInvalidArgument, fmt::format("step {}", manifest.step)};
  for (std::size_t i = 0; i < manifest.parts.size(); ++i) {
    const PartReport& part = manifest.parts[i];
    Status status = check_part_name(part.name);
    if (!status.ok()) return status;
    if (part.bytes < 0)
      return {Code::kInvalidArgument, fmt::format("part {} of {} bytes", part.name, part.bytes)};
    if (i > 0 && manifest.parts[i - 1].name >= part.name)
      return {Code::kInvalidArgument, fmt::format("part {} appears twice", part.name)};
  }
  return {};
}

// Throws SortedJson::exception when the text is not as it should be.
std::uint64_t parse_hex(std::string_view digits) {
  std::uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc() || end != digits.data() + digits.size())
    throw SortedJson::other_error::create(501, "not a hash", nullptr);
  return value;
}

Hash128 parse_hash(std::string_view hex) {
  if (hex.size() != 32)
    throw SortedJson::other_error::create(501, "not a hash of 32 digits", nullptr);
  return {parse_hex(hex.substr(0, 16)), parse_hex(hex.substr(16))};
}

std::int64_t integer(const SortedJson& object, const char* key) {
  const SortedJson& value = object.at(key);
  if (!value.is_number_integer())
    throw SortedJson::other_error::create(501, std::string(key) + " is no integer", nullptr);
  return value.get<std::int64_t>();
}

Manifest read_body(const SortedJson& body) {
  Manifest manifest;
  manifest.step = integer(body, "step");
  manifest.commit = body.at("commit").get<std::string>();
  for (const SortedJson& part : body.at("parts"))
    manifest.parts.push_back({part.at("name").get<std::string>(), integer(part, "bytes"),
                              parse_hash(part.at("xxh3").get<std::string>())});
  manifest.state = body.at("state");
  return manifest;
}

Status corrupt(std::string_view what) {
  return {Code::kCorruption, fmt::format("{} is no whole manifest: {}", kManifestName, what)};
}

Result<Manifest> read(SortedJson body) {
  if (body.at("format") != kFormat) return corrupt("its format is another");
  const std::int64_t version = integer(body, "version");
  if (version != kManifestVersion)
    return Status(version > kManifestVersion ? Code::kFailedPrecondition : Code::kCorruption,
                  fmt::format("the checkpoint has format version {}; this Outrigger reads {}",
                              version, kManifestVersion));
  const std::string stated = body.at("checksum").get<std::string>();
  body.erase("checksum");
  if (checksum(body) != stated) return corrupt("its checksum does not match");
  Manifest manifest = read_body(body);
  const Status status = check(manifest);
  if (!status.ok()) return corrupt(status.message());
  return manifest;
}

}  // namespace

Result<std::string> print_manifest(const Manifest& manifest) {
  Manifest sorted = manifest;
  std::sort(sorted.parts.begin(), sorted.parts.end(),
            [](const PartReport& a, const PartReport& b) { return a.name < b.name; });
  const Status status = check(sorted);
  if (!status.ok()) return status;
  SortedJson body = {
      {"format", kFormat},       {"version", kManifestVersion},  {"step", sorted.step},
      {"commit", sorted.commit}, {"parts", SortedJson::array()}, {"state", sorted.state}};
  for (const PartReport& part : sorted.parts)
    body["parts"].push_back(
        {{"name", part.name}, {"bytes", part.bytes}, {"xxh3", part.hash.hex()}});
  try {
    body["checksum"] = checksum(body);
    return body.dump(2) + "\n";
  } catch (const SortedJson::exception& error) {
    return Status(Code::kInvalidArgument,
                  fmt::format("the checkpoint's state cannot be printed: {}", error.what()));
  }
}

Result<Manifest> parse_manifest(std::string_view text) {
  try {
    return read(SortedJson::parse(text));
  } catch (const SortedJson::exception& error) {
    return corrupt(error.what());
  }
}

}  // namespace outrigger
