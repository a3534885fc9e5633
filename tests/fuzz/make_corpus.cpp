#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>

#include "comm/codec/samples.h"
#include "fuzz/input.h"

#include <outrigger/comm/codec/frame.h>

// Writes the first inputs of the fuzz targets into FOLDER/TARGET/, the same ones every time.
namespace outrigger::fuzz {
namespace {

using samples::Bytes;

struct Choice {
  std::uint8_t codec;  // as Input::take_codec reads it
  std::uint16_t kept;
  std::uint16_t count;
  const Codec* found;
  std::string name;
};

// Each codec alone and as the values of top-k, and two short blocks.
std::vector<Choice> choices() {
  std::vector<Choice> all;
  const auto add = [&](std::size_t fixed, std::uint16_t kept, std::size_t count) {
    const Codec& values = *fixed_codecs()[fixed];
    const Codec& codec = kept == 0 ? values : **find_codec(top_k_wire_id(values, kept));
    all.push_back({static_cast<std::uint8_t>(fixed), kept, static_cast<std::uint16_t>(count),
                   &codec, fmt::format("{}-of-{}", codec.name(), count)});
  };
  for (std::size_t i = 0; i < fixed_codecs().size(); ++i) {
    add(i, 0, std::min<std::size_t>(fixed_codecs()[i]->block_elements(), 256));
    add(i, 40, 4096);
  }
  add(0, 0, 5);
  add(0, 300, 1000);
  return all;
}

template <typename Number>
void append(Bytes& bytes, Number number) {
  std::array<std::byte, sizeof number> raw;
  std::memcpy(raw.data(), &number, sizeof number);
  for (const std::byte byte : raw) bytes.push_back(byte);
}

Bytes head(const Choice& choice) {
  Bytes bytes;
  append(bytes, choice.codec);
  append(bytes, choice.kept);
  append(bytes, choice.count);
  return bytes;
}

void save(const std::filesystem::path& folder, const std::string& name, const Bytes& bytes) {
  std::filesystem::create_directories(folder);
  std::ofstream file(folder / name, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) throw std::runtime_error((folder / name).string() + " cannot be written");
}

Bytes payload(const Choice& choice) {
  return samples::encode_flat(*choice.found, samples::deltas(choice.count, choice.count));
}

void save_decode(const std::filesystem::path& folder, const Choice& choice) {
  Bytes bytes = head(choice);
  const Bytes encoded = payload(choice);
  bytes.insert(bytes.end(), encoded.begin(), encoded.end());
  save(folder, choice.name, bytes);
}

void save_encode(const std::filesystem::path& folder, const Choice& choice) {
  std::vector<float> values;
  if (choice.count == 5 || choice.count == 1000)
    values = {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()};
  for (const float value : samples::deltas(48, choice.count)) values.push_back(value);
  for (const float value : samples::any_finite(8, choice.count)) values.push_back(value);
  Bytes bytes = head(choice);
  append(bytes, static_cast<std::uint8_t>(choice.kept == 40));
  for (const float value : values) append(bytes, value);
  save(folder, choice.name, bytes);
}

// A message as it travels. What is read from it as an altered frame is some other one: that is as
// good an input.
void save_frame(const std::filesystem::path& folder, const Choice& choice) {
  const Bytes encoded = payload(choice);
  const FrameBytes header = write_frame(choice.found->wire_id(), choice.count, encoded);
  Bytes message(header.begin(), header.end());
  message.insert(message.end(), encoded.begin(), encoded.end());
  save(folder, choice.name + "-message", message);
  Bytes consistent = head(choice);
  append(consistent, std::uint16_t{17});
  append(consistent, std::uint8_t{1});
  save(folder, choice.name, consistent);
}

}  // namespace
}  // namespace outrigger::fuzz

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: " << arguments[0] << " FOLDER\n";
    return 2;
  }
  const std::filesystem::path folder = arguments[1];
  for (const outrigger::fuzz::Choice& choice : outrigger::fuzz::choices()) {
    outrigger::fuzz::save_decode(folder / "fuzz_decode", choice);
    outrigger::fuzz::save_encode(folder / "fuzz_encode", choice);
    if (choice.count == 5 || choice.kept == 40)
      outrigger::fuzz::save_frame(folder / "fuzz_frame", choice);
  }
  return 0;
}
