#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include <outrigger/framework/checkpoint/durable_file.h>
#include <outrigger/framework/model/safetensors.h>
#include <outrigger/framework/model/safetensors_dtype.h>

namespace outrigger {
namespace {

std::string_view dtype_name(c10::ScalarType dtype) {
  for (const auto& [name, known] : kSafetensorsDtypes)
    if (known == dtype) return name;
  return {};
}

// By falling element size, then name: the reference writer's order, which keeps every tensor
// aligned.
std::vector<const NamedTensor*> file_order(const NamedTensors& tensors) {
  std::vector<const NamedTensor*> order;
  for (const NamedTensor& entry : tensors) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const NamedTensor* a, const NamedTensor* b) {
    const auto size_a = a->tensor.element_size(), size_b = b->tensor.element_size();
    return size_a != size_b ? size_a > size_b : a->name < b->name;
  });
  return order;
}

Result<std::string> header_of(const std::vector<const NamedTensor*>& order,
                              const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json json;
  std::map<std::string, std::string> all_metadata = metadata;
  all_metadata["format"] = "pt";
  json["__metadata__"] = all_metadata;
  std::uint64_t at = 0;
  for (const NamedTensor* entry : order) {
    const std::string_view dtype = dtype_name(entry->tensor.scalar_type());
    if (dtype.empty() || json.contains(entry->name))
      return Status(
          Code::kInvalidArgument,
          fmt::format("tensor '{}' {}", entry->name,
                      dtype.empty() ? "has a dtype that safetensors files cannot hold here"
                                    : "is given twice"));
    const std::uint64_t end = at + entry->tensor.nbytes();
    json[entry->name] = {
        {"dtype", dtype}, {"shape", entry->tensor.sizes().vec()}, {"data_offsets", {at, end}}};
    at = end;
  }
  std::string text = json.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

// A file being written; the first error stays.
class Output {
 public:
  explicit Output(const std::filesystem::path& file)
      : file_(file), fd_(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
    if (fd_ < 0) fail("create");
  }
  ~Output() {
    if (fd_ >= 0) ::close(fd_);
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void write(const void* data, std::size_t bytes) {
    const char* at = static_cast<const char*>(data);
    while (status_.ok() && bytes > 0) {
      const ssize_t written = ::write(fd_, at, bytes);
      if (written < 0 && errno != EINTR) return fail("write");
      if (written > 0) at += written, bytes -= static_cast<std::size_t>(written);
    }
  }
  Status finish() {
    if (status_.ok() && ::fsync(fd_) != 0) fail("fsync");
    return status_;
  }

 private:
  void fail(const char* verb) { status_ = system_error(verb, file_.string(), errno); }

  const std::filesystem::path& file_;
  int fd_;
  Status status_;
};

}  // namespace

Status write_safetensors(const std::filesystem::path& file, const NamedTensors& tensors,
                         const std::map<std::string, std::string>& metadata) {
  const auto order = file_order(tensors);
  const auto header = header_of(order, metadata);
  if (!header.ok()) return header.status().with_context(file.string());
  Output output(file);
  const std::uint64_t header_bytes = header->size();
  output.write(&header_bytes, sizeof(header_bytes));
  output.write(header->data(), header->size());
  for (const NamedTensor* entry : order) {
    const at::Tensor whole = entry->tensor.detach().cpu().contiguous();
    output.write(whole.const_data_ptr(), whole.nbytes());
  }
  return output.finish();
}

}  // namespace outrigger
