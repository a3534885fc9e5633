#include <ATen/ops/empty.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include <outrigger/framework/model/safetensors.h>
#include <outrigger/framework/model/safetensors_dtype.h>

namespace outrigger {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data are little-endian");

using SortedJson = nlohmann::json;

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the reference reader's limit
constexpr std::uint64_t kLengthBytes = 8;

Status corrupt(const std::filesystem::path& file, const std::string& what) {
  return {Code::kCorruption,
          fmt::format("{}: {}. An incomplete download or not a safetensors file?", file.string(),
                      what)};
}

std::optional<c10::ScalarType> dtype_from(const SortedJson& value) {
  if (!value.is_string()) return {};
  for (const auto& [name, dtype] : kSafetensorsDtypes)
    if (value.get_ref<const std::string&>() == name) return dtype;
  return {};
}

// Parses without exceptions, and without ever keeping a key twice: nlohmann's parser would let the
// last one win.
struct ParsedHeader {
  SortedJson json;
  std::optional<std::string> doubled_key;
};

ParsedHeader parse_header(std::string_view text) {
  ParsedHeader parsed;
  std::vector<std::map<std::string, bool>> keys;
  const auto watch = [&](int, SortedJson::parse_event_t event, SortedJson& value) {
    if (event == SortedJson::parse_event_t::object_start) keys.emplace_back();
    if (event == SortedJson::parse_event_t::object_end) keys.pop_back();
    if (event == SortedJson::parse_event_t::key &&
        !keys.back().emplace(value.get<std::string>(), true).second)
      parsed.doubled_key = value.get<std::string>();
    return true;
  };
  parsed.json = SortedJson::parse(text, watch, /*allow_exceptions=*/false);
  return parsed;
}

// The bytes that a shape needs, or nothing where a number is negative or the product overflows.
std::optional<std::uint64_t> byte_count(const std::vector<std::int64_t>& shape,
                                        std::uint64_t item_bytes) {
  std::uint64_t bytes = item_bytes;
  for (const std::int64_t size : shape) {
    if (size < 0) return {};
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes)) return {};
  }
  if (bytes > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return {};
  return bytes;
}

bool is_unsigned_list(const SortedJson& list) {
  return list.is_array() && std::all_of(list.begin(), list.end(), [](const SortedJson& item) {
           return item.is_number_unsigned() &&
                  item.get<std::uint64_t>() <= std::numeric_limits<std::int64_t>::max();
         });
}

// What is wrong with one tensor's entry, or "" and the entry.
std::string read_entry(const SortedJson& json, std::uint64_t data_bytes,
                       SafetensorsFile::Entry& entry) {
  if (!json.is_object() || !json.contains("dtype") || !json.contains("shape") ||
      !json.contains("data_offsets"))
    return "lacks dtype, shape or data_offsets";
  const auto dtype = dtype_from(json["dtype"]);
  if (!dtype)
    return fmt::format("has dtype {}, which Outrigger does not read", json["dtype"].dump());
  if (!is_unsigned_list(json["shape"]) || json["shape"].size() > 64)
    return fmt::format("has shape {}", json["shape"].dump().substr(0, 200));
  const SortedJson& offsets = json["data_offsets"];
  if (!is_unsigned_list(offsets) || offsets.size() != 2)
    return fmt::format("has data_offsets {}", offsets.dump().substr(0, 200));
  entry.dtype = *dtype;
  entry.shape = json["shape"].get<std::vector<std::int64_t>>();
  entry.begin = offsets[0].get<std::uint64_t>();
  entry.end = offsets[1].get<std::uint64_t>();
  if (entry.begin > entry.end || entry.end > data_bytes)
    return fmt::format("lies at bytes {} to {}, but the file holds {} bytes of data", entry.begin,
                       entry.end, data_bytes);
  const auto bytes = byte_count(entry.shape, c10::elementSize(*dtype));
  if (!bytes || *bytes != entry.end - entry.begin)
    return fmt::format("has shape {} of {}, which does not fit its {} bytes", json["shape"].dump(),
                       json["dtype"].get<std::string>(), entry.end - entry.begin);
  return "";
}

}  // namespace

Result<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& file) {
  auto mapped = MappedFile::open(file.string());
  if (!mapped.ok()) return mapped.status();
  const std::span<const std::byte> bytes = mapped->bytes();
  if (bytes.size() < kLengthBytes)
    return corrupt(file, fmt::format("it has {} bytes, too few for a header", bytes.size()));
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), kLengthBytes);
  if (header_bytes > kMaxHeaderBytes || header_bytes > bytes.size() - kLengthBytes)
    return corrupt(file, fmt::format("its header claims {} bytes, but the file has {}",
                                     header_bytes, bytes.size()));

  SafetensorsFile opened;
  opened.path_ = file;
  opened.data_ = bytes.subspan(kLengthBytes + header_bytes);
  opened.mapping_ = std::make_shared<const MappedFile>(std::move(*mapped));
  const std::string_view json(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes,
                              header_bytes);
  if (const Status status = opened.read_header(json, opened.data_.size()); !status.ok())
    return status;
  return opened;
}

Status SafetensorsFile::read_header(std::string_view text, std::uint64_t data_bytes) {
  if (text.empty() || text.front() != '{')
    return corrupt(path_, "its header does not begin with '{'");
  const ParsedHeader parsed = parse_header(text);
  if (!parsed.json.is_object()) return corrupt(path_, "its header is not valid JSON");
  if (parsed.doubled_key)
    return corrupt(path_, fmt::format("its header has '{}' twice", *parsed.doubled_key));

  for (const auto& [name, value] : parsed.json.items()) {
    if (name == "__metadata__") {
      if (!value.is_object()) return corrupt(path_, "its metadata are no object");
      for (const auto& [key, text_value] : value.items()) {
        if (!text_value.is_string())
          return corrupt(path_, "its metadata hold something else than strings");
        metadata_[key] = text_value.get<std::string>();
      }
      continue;
    }
    Entry entry;
    if (const std::string fault = read_entry(value, data_bytes, entry); !fault.empty())
      return corrupt(path_, fmt::format("tensor '{}' {}", name, fault));
    entries_.emplace(name, std::move(entry));
  }

  std::vector<std::pair<std::string_view, const Entry*>> order;
  for (const auto& [name, entry] : entries_) order.emplace_back(name, &entry);
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return std::pair(a.second->begin, a.second->end) < std::pair(b.second->begin, b.second->end);
  });
  std::uint64_t at = 0;
  for (const auto& [name, entry] : order) {
    if (entry->begin != at)
      return corrupt(
          path_,
          fmt::format("tensor '{}' begins at byte {} of the data, but {} at byte {}", name,
                      entry->begin,
                      entry->begin < at ? "the tensor before it ends" : "a hole begins", at));
    at = entry->end;
  }
  if (at != data_bytes)
    return corrupt(
        path_, fmt::format("its tensors end at byte {}, but the file holds {} bytes of data", at,
                           data_bytes));
  return {};
}

at::Tensor SafetensorsFile::copy_of(const Entry& entry) const {
  at::Tensor tensor = at::empty(entry.shape, entry.dtype);
  if (entry.end > entry.begin)
    std::memcpy(tensor.mutable_data_ptr(), data_.data() + entry.begin, entry.end - entry.begin);
  return tensor;
}

Result<at::Tensor> SafetensorsFile::tensor(std::string_view name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end())
    return Status(Code::kNotFound, fmt::format("{} has no tensor '{}'", path_.string(), name));
  return copy_of(found->second);
}

NamedTensors SafetensorsFile::tensors() const {
  NamedTensors all;
  for (const auto& [name, entry] : entries_) all.push_back({name, copy_of(entry)});
  return all;
}

}  // namespace outrigger
