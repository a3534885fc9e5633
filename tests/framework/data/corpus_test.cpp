#include <outrigger/framework/data/corpus.h>

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "support/temporary_folder.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;

namespace {

constexpr std::size_t kKjvBytes = 4'137'850;

// Sets a variable of the environment, or removes it, until the end of the scope.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* before = ::getenv(name)) before_ = before;
    value == nullptr ? ::unsetenv(name) : ::setenv(name, value, 1);
  }
  ~Variable() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

std::size_t files_in(const std::string& folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
  return count;
}

}  // namespace

// Mutation: strip_first_words(): `space + 1` -> `space` (every verse starts with a space).
TEST_CASE("corpus: the King James Bible has its known bytes, the second time from the cache") {
  const TemporaryFolder folder;
  const auto first = open_corpus("kjv", folder.path("deep/cache"));
  INFO(first.status().message());
  REQUIRE(first.ok());
  CHECK(first->bytes == kKjvBytes);
  const std::string text = read_file(first->path);
  CHECK(text.size() == kKjvBytes);
  CHECK(text.starts_with("In the beginning God created the heaven and the earth.\nAnd"));
  CHECK(hash128(std::as_bytes(std::span(text))) == first->hash);
  CHECK(files_in(folder.path("deep/cache")) == 1);
  const Variable no_programs("PATH", "/nowhere");
  const auto second = open_corpus("kjv", folder.path("deep/cache"));
  REQUIRE(second.ok());
  CHECK(second->path == first->path);
}

// Mutation: is_cached(): check_kjv() dropped (`return file.ok()`).
TEST_CASE("corpus: a damaged cache is prepared anew") {
  const TemporaryFolder folder;
  const auto first = open_corpus("kjv", folder.path());
  REQUIRE(first.ok());
  const std::string text = read_file(first->path);
  std::string flipped = text;
  flipped[1'000'000] ^= 1;
  for (const std::string& damaged : {flipped, text.substr(0, 100), std::string()}) {
    folder.write("kjv.txt", damaged);
    REQUIRE(open_corpus("kjv", folder.path()).ok());
    CHECK(read_file(first->path) == text);
  }
}

// Mutation: print_kjv(): the message for kNotFound dropped.
// Mutation: open_kjv(): check_kjv() of the printed text dropped.
TEST_CASE("corpus: a missing program names its package, a strange one is refused") {
  const TemporaryFolder folder;
  {
    const Variable no_programs("PATH", "/nowhere");
    const auto corpus = open_corpus("kjv", folder.path("cache"));
    CHECK(corpus.status().code() == Code::kNotFound);
    CHECK(corpus.status().message().find("apt-get install bible-kjv") != std::string::npos);
  }
  const std::string strange = folder.write("bible", "#!/bin/sh\necho Ge1:1 something else\n");
  std::filesystem::permissions(strange, std::filesystem::perms::owner_all);
  const Variable own_program("PATH", folder.path().c_str());
  CHECK(open_corpus("kjv", folder.path("cache")).status().code() == Code::kFailedPrecondition);
  CHECK_FALSE(std::filesystem::exists(folder.path("cache")));
}

// Mutation: write_file_atomically(): `temporary` -> `path` (the others see half a file, or EEXIST).
TEST_CASE("corpus: four processes prepare it at once") {
  const TemporaryFolder folder;
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto corpus = open_corpus("kjv", folder.path());
      ::_exit(corpus.ok() && read_file(corpus->path).size() == kKjvBytes ? 0 : 1);
    }
    children.push_back(child);
  }
  for (pid_t child : children) {
    int state = -1;
    REQUIRE(::waitpid(child, &state, 0) == child);
    CHECK(state == 0);
  }
  CHECK(files_in(folder.path()) == 1);
}

// Mutation: strip_first_words(): the last line without a newline dropped.
TEST_CASE("corpus: the first word of each line goes") {
  CHECK(strip_first_words("Ge1:1 In the\nGe1:2 And\n") == "In the\nAnd\n");
  CHECK(strip_first_words("word\n\na  b") == "word\n\n b");
  CHECK(strip_first_words("").empty());
}

// Mutation: open_corpus(): any name answers kjv.
TEST_CASE("corpus: an unknown name is refused with the known ones") {
  const auto corpus = open_corpus("bible", "unused");
  CHECK(corpus.status().code() == Code::kInvalidArgument);
  CHECK(corpus.status().message().find("kjv") != std::string::npos);
}

// Mutation: default_cache_folder(): HOME asked before XDG_CACHE_HOME.
TEST_CASE("corpus: the cache folder follows the environment") {
  const Variable home("HOME", "/home/x");
  {
    const Variable cache("XDG_CACHE_HOME", "/cache");
    CHECK(default_cache_folder() == "/cache/outrigger");
  }
  const Variable no_cache("XDG_CACHE_HOME", nullptr);
  CHECK(default_cache_folder() == "/home/x/.cache/outrigger");
  const Variable no_home("HOME", nullptr);
  CHECK(default_cache_folder() == "data");
}
