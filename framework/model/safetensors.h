#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <outrigger/comm/status.h>
#include <outrigger/framework/data/mapped_file.h>
#include <outrigger/optim/named_tensor.h>

namespace outrigger {

// The safetensors format, as Hugging Face's library reads and writes it:
//   u64 little-endian N | N bytes of JSON, padded with spaces | the tensors' bytes, without holes
// with {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, "__metadata__":
// {string: string}}, offsets counted from the end of the JSON. Here: F64, F32, F16, BF16, I64, I32,
// I16, I8, U8, BOOL.

// One opened file, mapped read-only; copies share the mapping. The file must not shrink meanwhile.
class SafetensorsFile {
 public:
  struct Entry {
    at::ScalarType dtype = at::kFloat;
    std::vector<std::int64_t> shape;
    std::uint64_t begin = 0, end = 0;  // in the data part
  };

  // Checks the whole header before any tensor is touched: lengths against the file's size, dtypes,
  // shapes against byte counts, overlaps, holes. NotFound, or Corruption with the file, the tensor
  // and the numbers.
  static Result<SafetensorsFile> open(const std::filesystem::path& file);

  const std::filesystem::path& path() const { return path_; }
  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  // A tensor of its own memory, in the file's dtype. NotFound names the file.
  Result<at::Tensor> tensor(std::string_view name) const;
  // All of them, sorted by name.
  NamedTensors tensors() const;

 private:
  Status read_header(std::string_view json, std::uint64_t data_bytes);
  at::Tensor copy_of(const Entry& entry) const;

  std::filesystem::path path_;
  std::shared_ptr<const MappedFile> mapping_;
  std::span<const std::byte> data_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::map<std::string, std::string> metadata_;
};

// Writes a file whose bytes depend on nothing but its arguments: tensors sorted by falling element
// size, then name; the header padded to 8 bytes; metadata {"format": "pt"} and `metadata`. Synced
// to the disk, not renamed: whole folders are put in place by their writer. Tensors on another
// device or not contiguous are copied first. InvalidArgument (names twice, a dtype that the format
// lacks), ResourceExhausted (disk full) or Internal.
Status write_safetensors(const std::filesystem::path& file, const NamedTensors& tensors,
                         const std::map<std::string, std::string>& metadata = {});

}  // namespace outrigger
