#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <tuple>

#include <outrigger/framework/model/safetensors.h>

#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace outrigger;
using outrigger::test::read_file;
using outrigger::test::TemporaryFolder;

namespace {

std::string length_bytes(std::uint64_t length) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes;
}

std::string write_raw(const TemporaryFolder& folder, const std::string& bytes) {
  return folder.write("raw.safetensors", bytes);
}

// The status of opening a file with this header and `data_bytes` of data.
Status open_header(const std::string& json, std::size_t data_bytes) {
  const TemporaryFolder folder;
  const auto file =
      write_raw(folder, length_bytes(json.size()) + json + std::string(data_bytes, 'x'));
  return SafetensorsFile::open(file).status();
}

std::string object_of(const std::string& a, const std::string& b) {
  return fmt::format("{{{},{}}}", a, b);
}

void check_refused(const Status& status, const std::string& words) {
  INFO(status.message());
  CHECK(status.code() == Code::kCorruption);
  CHECK(status.message().find(words) != std::string::npos);
  CHECK(status.message().find("raw.safetensors") != std::string::npos);
}

NamedTensors mixed() {
  return {{"b.half", at::arange(5, at::kHalf)},
          {"a.byte", at::arange(3, at::kByte)},
          {"z", at::arange(6, at::kFloat).view({2, 3})},
          {"a", at::arange(4, at::kFloat)},
          {"long", at::arange(2, at::kLong)},
          {"scalar", at::arange(1, at::kFloat).squeeze()},
          {"empty", at::empty({0, 4}, at::kFloat)},
          {"brain", at::arange(3, at::kBFloat16)}};
}

}  // namespace

// Mutation: in copy_of(), copy from the start of the data.
TEST_CASE("safetensors give back every dtype and shape") {
  const TemporaryFolder folder;
  const auto file = folder.path("mixed.safetensors");
  REQUIRE(write_safetensors(file, mixed(), {{"step", "7"}}).ok());
  const auto opened = SafetensorsFile::open(file).value_or_throw();
  CHECK(opened.entries().size() == 8);
  CHECK(opened.metadata() == std::map<std::string, std::string>{{"format", "pt"}, {"step", "7"}});
  for (const NamedTensor& entry : mixed()) {
    const at::Tensor read = opened.tensor(entry.name).value_or_throw();
    INFO(entry.name);
    CHECK(read.scalar_type() == entry.tensor.scalar_type());
    CHECK(at::equal(read, entry.tensor));
  }
  CHECK(opened.tensor("none").status().code() == Code::kNotFound);
}

// Mutation: in file_order(), sort by name alone.
TEST_CASE("safetensors bytes depend on the tensors alone and are those of the reference writer") {
  const TemporaryFolder folder;
  NamedTensors turned = mixed();
  std::reverse(turned.begin(), turned.end());
  REQUIRE(write_safetensors(folder.path("a"), mixed()).ok());
  REQUIRE(write_safetensors(folder.path("b"), turned).ok());
  CHECK(read_file(folder.path("a")) == read_file(folder.path("b")));

  const NamedTensors two{{"a", at::arange(2, at::kByte)}, {"v", at::zeros({1}, at::kFloat)}};
  REQUIRE(write_safetensors(folder.path("two"), two).ok());
  const std::string json =
      R"({"__metadata__":{"format":"pt"},"v":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
      R"("a":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}})";
  const std::string padding((8 - json.size() % 8) % 8, ' ');
  CHECK(read_file(folder.path("two")) == length_bytes(json.size() + padding.size()) + json +
                                             padding + std::string(4, '\0') +
                                             std::string("\0\1", 2));
}

// Mutation: in write_safetensors(), leave .contiguous() out.
TEST_CASE("a transposed tensor is written in its own order") {
  const TemporaryFolder folder;
  const at::Tensor turned = at::arange(6, at::kFloat).view({2, 3}).t();
  REQUIRE(write_safetensors(folder.path("t"), {{"t", turned}}).ok());
  CHECK(at::equal(
      SafetensorsFile::open(folder.path("t")).value_or_throw().tensor("t").value_or_throw(),
      turned));
}

// Mutation: in header_of(), drop the test for a name that is there already.
TEST_CASE("a file that cannot be written is an error with its reason") {
  const TemporaryFolder folder;
  const at::Tensor one = at::zeros({1});
  CHECK(write_safetensors(folder.path("f"), {{"x", one}, {"x", one}}).code() ==
        Code::kInvalidArgument);
  CHECK(write_safetensors(folder.path("f"), {{"x", one.to(at::kComplexFloat)}}).code() ==
        Code::kInvalidArgument);
  CHECK(write_safetensors(folder.path("none/f"), {{"x", one}}).code() == Code::kNotFound);
  CHECK(write_safetensors("/dev/full", {{"x", one}}).code() == Code::kResourceExhausted);
}

// Mutation: in open(), compare header_bytes with kMaxHeaderBytes only.
TEST_CASE("a file whose lengths do not fit is refused") {
  const TemporaryFolder folder;
  const auto open = [&](const std::string& bytes) {
    return SafetensorsFile::open(write_raw(folder, bytes)).status();
  };
  check_refused(open(""), "0 bytes");
  check_refused(open("1234567"), "7 bytes");
  check_refused(open(length_bytes(3) + "{}"), "claims 3 bytes");
  check_refused(open(length_bytes(UINT64_MAX) + "{}"), "claims 18446744073709551615 bytes");
  check_refused(open(length_bytes(0)), "does not begin with '{'");
  CHECK(SafetensorsFile::open(folder.path("none")).status().code() == Code::kNotFound);
  CHECK(SafetensorsFile::open(folder.path()).status().code() == Code::kInvalidArgument);
}

// Mutation: in byte_count(), multiply without the overflow check.
TEST_CASE("a header that lies about its tensors is refused") {
  const auto entry = [](const std::string& shape, const std::string& offsets) {
    return fmt::format(R"({{"w":{{"dtype":"F32","shape":{},"data_offsets":{}}}}})", shape, offsets);
  };
  CHECK(open_header(entry("[2]", "[0,8]"), 8).ok());
  check_refused(open_header(entry("[2]", "[0,8]"), 7), "bytes 0 to 8, but the file holds 7 bytes");
  check_refused(open_header(entry("[2]", "[0,8]"), 9), "end at byte 8, but the file holds 9 bytes");
  check_refused(open_header(entry("[3]", "[0,8]"), 8),
                "shape [3] of F32, which does not fit its 8 bytes");
  check_refused(open_header(entry("[4611686018427387904,4]", "[0,0]"), 0),
                "does not fit its 0 bytes");
  check_refused(open_header(entry("[2]", "[8,0]"), 8), "bytes 8 to 0");
  check_refused(open_header(entry("[-2]", "[0,8]"), 8), "shape [-2]");
  check_refused(open_header(entry("[2.0]", "[0,8]"), 8), "shape [2.0]");
  check_refused(open_header(entry("[18446744073709551615]", "[0,8]"), 8),
                "shape [18446744073709551615]");
  check_refused(open_header(entry("[2]", "[0,4,8]"), 8), "data_offsets [0,4,8]");
  check_refused(open_header(entry("[2]", "[4,12]"), 12), "a hole begins at byte 0");
}

// Mutation: in read_header(), leave the test of doubled_key out.
TEST_CASE("a header that is not the format's is refused") {
  check_refused(open_header("{", 0), "not valid JSON");
  check_refused(open_header("[1]", 0), "does not begin with '{'");
  check_refused(open_header(std::string(100000, '{'), 0), "not valid JSON");
  check_refused(open_header(R"({"w":3})", 0), "lacks dtype");
  check_refused(open_header(R"({"w":{"dtype":"F4","shape":[],"data_offsets":[0,0]}})", 0),
                "dtype \"F4\"");
  check_refused(open_header(R"({"w":{"dtype":7,"shape":[],"data_offsets":[0,0]}})", 0), "dtype 7");
  check_refused(open_header(R"({"__metadata__":{"a":1}})", 0), "metadata");
  check_refused(open_header(R"({"__metadata__":"a"})", 0), "metadata");
  const std::string one = R"("w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  check_refused(open_header(object_of(one, one), 1), "'w' twice");
}

// Mutation: in read_header(), compare entry->begin with `at` by < only.
TEST_CASE("overlapping tensors are refused") {
  const std::string first = R"("a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]})";
  const auto second = [](const std::string& offsets, int size) {
    return R"("b":{"dtype":"U8","shape":[)" + std::to_string(size) + R"(],"data_offsets":)" +
           offsets + "}";
  };
  CHECK(open_header(object_of(second("[4,6]", 2), first), 6).ok());
  check_refused(open_header(object_of(first, second("[2,6]", 4)), 6), "the tensor before it ends");
  check_refused(open_header(object_of(first, second("[5,6]", 1)), 6), "a hole begins at byte 4");
}

namespace {

// What a file's header says of every tensor but its name, in the order of the data.
auto layout_of(const SafetensorsFile& file) {
  std::vector<std::tuple<std::uint64_t, std::uint64_t, at::ScalarType, std::vector<std::int64_t>>>
      layout;
  for (const auto& [name, entry] : file.entries())
    layout.emplace_back(entry.begin, entry.end, entry.dtype, entry.shape);
  std::sort(layout.begin(), layout.end());
  return layout;
}

}  // namespace

// Mutation: in read_entry(), leave out the comparison of *bytes.
TEST_CASE("no cut file is read, and a flipped bit of the header changes no tensor but its name") {
  const TemporaryFolder folder;
  NamedTensors tensors = mixed();
  std::erase_if(tensors, [](const NamedTensor& entry) { return entry.tensor.numel() == 0; });
  const auto file = folder.path("whole");
  REQUIRE(write_safetensors(file, tensors).ok());
  const std::string whole = read_file(file);
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_FALSE(SafetensorsFile::open(write_raw(folder, whole.substr(0, size))).ok());

  const auto layout = layout_of(SafetensorsFile::open(file).value_or_throw());
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, whole.data(), 8);
  int opened_count = 0;
  for (std::size_t bit = 0; bit < 8 * (8 + header_bytes); ++bit) {
    std::string changed = whole;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    const auto opened = SafetensorsFile::open(write_raw(folder, changed));
    if (!opened.ok()) continue;
    ++opened_count;
    CAPTURE(bit);
    CHECK((layout_of(*opened) == layout));  // c10 would print it, and cannot
    CHECK(opened->tensors().size() == tensors.size());
  }
  CHECK(opened_count > 0);
}
