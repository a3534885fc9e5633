#include <outrigger/framework/checkpoint/store.h>

#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "framework/checkpoint/child_process.h"
#include "framework/checkpoint/file_operations.h"
#include "framework/checkpoint/sample_checkpoint.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace outrigger;
using namespace outrigger::test;

namespace {

constexpr std::size_t kPage = 4096;

// A disk of its own, where the user may mount one.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& path) : path_(path) {
    mounted_ = ::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=256k") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }

 private:
  std::string path_;
  bool mounted_;
};

// Writes one file until the disk is full, then gives back that many pages.
void fill_disk(const TemporaryFolder& folder, std::size_t free_pages) {
  folder.write("filler", std::string(1 << 20, 'x'));
  const auto filled = std::filesystem::file_size(folder.path("filler")) / kPage * kPage;
  std::filesystem::resize_file(folder.path("filler"), filled - free_pages * kPage);
}

bool is_full(const Status& status, const std::string& reason) {
  return status.code() == Code::kResourceExhausted &&
         status.message().find(reason) != std::string::npos;
}

void check_last_is(const std::string& run, std::int64_t step) {
  const auto last = CheckpointStore(run).find_last_whole();
  REQUIRE(last.ok());
  CHECK(is_sample(last->checkpoint, step));
}

}  // namespace

// Mutation: write_all(): a negative result of write() taken for success.
// Mutation: commit(): a failed write_manifest() ignored.
TEST_CASE("disk_full: wherever the disk fills up, the previous checkpoint stays whole") {
  const TemporaryFolder run;
  const SmallDisk disk(run.path());
  if (!disk.mounted()) {
    WARN("no right to mount a tmpfs: the limit on file sizes below is what fills up");
    return;
  }
  REQUIRE(write_checkpoint(run.path(), 100, 1).ok());
  const CheckpointStore store(run.path());
  std::size_t failures = 0;
  for (std::size_t pages = 0;; ++pages) {
    INFO(pages << " pages are free");
    fill_disk(run, pages);
    const auto committed = write_checkpoint(run.path(), 200, 1, 0, pages);
    if (committed.ok()) break;
    ++failures;
    INFO(committed.status().message());
    CHECK(is_full(committed.status(), "No space left on device"));
    CHECK(committed.status().message().find(run.path()) != std::string::npos);
    check_last_is(run.path(), 100);
    REQUIRE(store.discard(200, pages).ok());
    CHECK(listing(run.path()) == "step-000100");
    REQUIRE(pages < 60);
  }
  CHECK(failures >= 4);
  check_last_is(run.path(), 200);
}

// Mutation: code_of(): EFBIG left out.
TEST_CASE("disk_full: a limit on the size of files is reported like a full disk") {
  const TemporaryFolder run;
  REQUIRE(write_checkpoint(run.path(), 100, 1).ok());
  const ChildEnd end = run_in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto committed = write_checkpoint(run.path(), 200, 1);
    return is_full(committed.status(), "File too large") ? 0 : 1;
  });
  CHECK(end.status == 0);
  check_last_is(run.path(), 100);
}

// Mutation: sync_and_close(): the result of fsync() ignored; write_part(): the failed file not
// removed.
TEST_CASE("disk_full: each operation that fails is reported with its file, and nothing is lost") {
  for (const std::string operation : {"write", "fsync"}) {
    std::size_t count = 0;
    for (bool failed = true; failed; ++count) {
      INFO(operation << " " << count << " fails");
      const TemporaryFolder run;
      REQUIRE(write_checkpoint(run.path(), 100, 2).ok());
      std::size_t seen = 0;
      std::string path;
      observe_file_operations([&](const FileOperation& next) {
        if (next.name != operation || !next.path.starts_with(run.path())) return 0;
        if (seen++ != count) return 0;
        path = next.path;
        return ENOSPC;
      });
      const auto committed = write_checkpoint(run.path(), 200, 2);
      observe_file_operations({});
      failed = !path.empty();
      CHECK(committed.ok() == !failed);
      if (!failed) break;
      INFO(committed.status().message());
      CHECK(is_full(committed.status(), path));
      const auto last = CheckpointStore(run.path()).find_last_whole();
      REQUIRE(last.ok());
      const bool was_last_sync = path == run.path("checkpoints");
      CHECK(is_sample(last->checkpoint, was_last_sync ? 200 : 100));
      if (!was_last_sync && path != run.path() && path.find("safetensors") != std::string::npos)
        CHECK_FALSE(std::filesystem::exists(path));
    }
    CHECK(count >= (operation == "write" ? 3u : 10u));
  }
}
