#include <outrigger/framework/data/corpus.h>

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <span>

#include <outrigger/framework/checkpoint/durable_file.h>
#include <outrigger/framework/data/mapped_file.h>
#include <outrigger/framework/data/program.h>

namespace outrigger {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxProgramBytes = std::size_t{64} << 20;
constexpr Duration kProgramTimeout = std::chrono::seconds(60);

constexpr std::int64_t kKjvBytes = 4'137'850;
constexpr Hash128 kKjvHash = {0x05B98751A428DFA4, 0xD2AFC68C1F859494};

Corpus describe(const std::string& path, std::span<const std::byte> bytes) {
  return {path, static_cast<std::int64_t>(bytes.size()), hash128(bytes)};
}

Status check_kjv(const Corpus& corpus) {
  if (corpus.bytes == kKjvBytes && corpus.hash == kKjvHash) return {};
  return {Code::kFailedPrecondition,
          fmt::format(
              "the text that `bible` prints ({} bytes, xxh3 {}) is not that of bible-kjv "
              "4.38 and 4.39 ({} bytes, xxh3 {}), so losses would not compare: is another `bible` "
              "first in PATH? A text of your own can be named as a file",
              corpus.bytes, corpus.hash.hex(), kKjvBytes, kKjvHash.hex())};
}

Result<std::string> print_kjv() {
  auto printed = run_program({"bible", "-f", "gen1:1-rev22:21"}, kMaxProgramBytes, kProgramTimeout);
  if (printed.ok()) return strip_first_words(*printed);
  if (printed.status().code() != Code::kNotFound) return printed.status();
  return Status(Code::kNotFound,
                "the corpus kjv is printed by the program `bible`, which this machine lacks: "
                "apt-get install bible-kjv");
}

// Missing or damaged: nothing, and it is prepared again.
bool is_cached(const std::string& path) {
  const auto file = MappedFile::open(path);
  return file.ok() && check_kjv(describe(path, file->bytes())).ok();
}

Status make_folder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  return error ? system_error("create the folder", folder, error.value()) : Status();
}

Result<Corpus> open_kjv(const std::string& folder) {
  const std::string path = (fs::path(folder) / "kjv.txt").string();
  const Corpus corpus{path, kKjvBytes, kKjvHash};
  if (is_cached(path)) return corpus;
  auto text = print_kjv();
  if (!text.ok()) return text.status();
  Status status = check_kjv(describe(path, std::as_bytes(std::span(*text))));
  if (status.ok()) status = make_folder(folder);
  if (status.ok()) status = write_file_atomically(path, *text);
  if (!status.ok()) return status;
  return corpus;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? "" : value;
}

}  // namespace

std::string default_cache_folder() {
  if (const std::string cache = variable("XDG_CACHE_HOME"); !cache.empty())
    return cache + "/outrigger";
  if (const std::string home = variable("HOME"); !home.empty()) return home + "/.cache/outrigger";
  return "data";
}

std::string strip_first_words(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end == text.npos ? end : end + 1);
    text.remove_prefix(line.size());
    if (const std::size_t space = line.find(' '); space != line.npos) line.remove_prefix(space + 1);
    out += line;
  }
  return out;
}

Result<Corpus> open_corpus(std::string_view name, const std::string& cache_folder) {
  if (name == "kjv") return open_kjv(cache_folder);
  return Status(
      Code::kInvalidArgument,
      fmt::format("'{}' is no known corpus; there is kjv (the King James Bible). A text of "
                  "your own can be named as a file",
                  name));
}

}  // namespace outrigger
