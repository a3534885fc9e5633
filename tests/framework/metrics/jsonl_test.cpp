#include <outrigger/framework/metrics/jsonl.h>

#include <signal.h>
#include <sys/resource.h>

#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace outrigger;
using test::TemporaryFolder;

namespace {

// While it lives, files cannot grow beyond the limit: as on a full disk, a write is cut short, then
// fails.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    before_action_ = ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit = {bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, before_action_);
  }

 private:
  rlimit before_ = {};
  void (*before_action_)(int) = nullptr;
};

std::string line(const char* island) {
  return to_json(Joined{island}, 1, "x") + "\n";
}

}  // namespace

// Mutation: open() truncates the file.
TEST_CASE("events are appended in order, across openings") {
  const TemporaryFolder folder;
  const std::string path = folder.path("metrics.jsonl");
  for (const char* island : {"a", "b"}) {
    Result<JsonlWriter> writer = JsonlWriter::open(path);
    REQUIRE(writer.ok());
    CHECK(!writer->append(1, "x", Joined{island}));
    CHECK(!writer->append(1, "x", Joined{"again"}));
  }
  CHECK(test::read_file(path) == line("a") + line("again") + line("b") + line("again"));
}

// Mutation: open() leaves the unfinished line.
TEST_CASE("an unfinished last line is cut off when a run goes on") {
  const TemporaryFolder folder;
  const std::string path = folder.write("metrics.jsonl", line("a") + std::string(9000, '{'));
  REQUIRE(JsonlWriter::open(path).ok());
  CHECK(test::read_file(path) == line("a"));
  folder.write("metrics.jsonl", "{\"half");
  REQUIRE(JsonlWriter::open(path).ok());
  CHECK(test::read_file(path).empty());
}

// Mutation: append() does not truncate after a failure.
TEST_CASE("a full disk gives one warning and whole lines only") {
  const TemporaryFolder folder;
  const std::string path = folder.path("metrics.jsonl");
  Result<JsonlWriter> writer = JsonlWriter::open(path);
  REQUIRE(writer.ok());
  CHECK(!writer->append(1, "x", Joined{"a"}));
  {
    const FileSizeLimit limit(line("a").size() + 5);
    const auto warning = writer->append(1, "x", Joined{"b"});
    REQUIRE(warning);
    CHECK(warning->find(path) != std::string::npos);
    CHECK(!writer->append(1, "x", Joined{"c"}));
  }
  CHECK(writer->lost() == 2);
  CHECK(!writer->append(1, "x", Joined{"d"}));
  CHECK(test::read_file(path) == line("a") + line("d"));
}

// Mutation: file_error() leaves the path out.
TEST_CASE("a metrics file that cannot be opened is an error that names it") {
  const TemporaryFolder folder;
  const Result<JsonlWriter> writer = JsonlWriter::open(folder.path("missing/metrics.jsonl"));
  REQUIRE(!writer.ok());
  CHECK(writer.status().message().find("missing/metrics.jsonl") != std::string::npos);
}
