#include <filesystem>
#include <fstream>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <membership.pb.h>

#include <outrigger/comm/membership/journal.h>

#include "support/catch.h"

using namespace outrigger;

namespace {

struct Folder {
  Folder() {
    std::string name =
        (std::filesystem::temp_directory_path() / "outrigger_journal_XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file() const { return (path / "coordinator.db").string(); }
  std::filesystem::path path;
};

v1::Record term(std::uint64_t number) {
  v1::Record record;
  record.mutable_term_started()->set_term(number);
  return record;
}

void fill(const std::string& file, std::uint64_t records) {
  auto journal = open_journal(file);
  REQUIRE(journal.ok());
  for (std::uint64_t number = 1; number <= records; ++number) {
    REQUIRE((*journal)->append({term(number)}).ok());
  }
}

Status open_and_read(const std::string& file) {
  auto journal = open_journal(file);
  if (!journal.ok()) return journal.status();
  return (*journal)->read_all().status();
}

}  // namespace

// Mutation: in SqliteJournal::read_all, ORDER BY number -> ORDER BY number DESC.
TEST_CASE("a journal that is opened again holds all records in order") {
  const Folder folder;
  fill(folder.file(), 3);
  auto journal = open_journal(folder.file());
  REQUIRE(journal.ok());
  REQUIRE((*journal)->append({term(4), term(5)}).ok());
  auto records = (*journal)->read_all();
  REQUIRE(records.ok());
  REQUIRE(records->size() == 5);
  for (std::uint64_t number = 1; number <= 5; ++number) {
    CHECK((*records)[number - 1].term_started().term() == number);
  }
}

// Mutation: in SqliteJournal::error, leave out SQLITE_CORRUPT.
TEST_CASE("a truncated journal is an error that names the file") {
  const Folder folder;
  fill(folder.file(), 400);
  const auto size = std::filesystem::file_size(folder.file());
  std::filesystem::resize_file(folder.file(), size / 2);
  const Status status = open_and_read(folder.file());
  CHECK(status.code() == Code::kCorruption);
  CHECK(status.message().find(folder.file()) != std::string::npos);
}

// Mutation: in SqliteJournal::read_all, leave out the comparison of the checksum.
TEST_CASE("a damaged record is an error that names the file and the record") {
  const Folder folder;
  {
    auto journal = open_journal(folder.file());
    REQUIRE(journal.ok());
    v1::Record record;
    record.mutable_finished()->set_why("needle-in-the-journal");
    REQUIRE((*journal)->append({term(1), record}).ok());
  }
  std::fstream file(folder.file(), std::ios::in | std::ios::out | std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const std::size_t at = bytes.find("needle");
  REQUIRE(at != std::string::npos);
  file.clear();
  file.seekp(static_cast<std::streamoff>(at));
  file.put('N');
  file.close();
  const Status status = open_and_read(folder.file());
  CHECK(status.code() == Code::kCorruption);
  CHECK(status.message().find("record 2") != std::string::npos);
  CHECK(status.message().find(folder.file()) != std::string::npos);
}

// Mutation: in SqliteJournal::error, map SQLITE_NOTADB to Internal.
TEST_CASE(
    "a file that is no journal, and a folder that is not there, are refused with their path") {
  const Folder folder;
  std::ofstream(folder.file()) << std::string(4096, 'x');
  const Status wrong = open_and_read(folder.file());
  CHECK(wrong.code() == Code::kCorruption);
  const std::string nowhere = (folder.path / "none" / "coordinator.db").string();
  const Status missing = open_and_read(nowhere);
  CHECK(missing.code() == Code::kPermissionDenied);
  CHECK(missing.message().find(nowhere) != std::string::npos);
}

// Mutation: in SqliteJournal::set_up, leave out the exclusive locking mode.
TEST_CASE("a journal in use is refused to a second coordinator") {
  const Folder folder;
  auto first = open_journal(folder.file());
  REQUIRE(first.ok());
  CHECK(open_journal(folder.file()).status().code() == Code::kUnavailable);
}

// Mutation: in open_journal's process, commit each record by itself (BEGIN before insert, COMMIT
// after).
TEST_CASE("a process killed at any moment leaves whole appends only") {
  const Folder folder;
  int ready[2];
  REQUIRE(pipe(ready) == 0);
  const pid_t child = fork();
  if (child == 0) {
    auto journal = open_journal(folder.file());
    for (std::uint64_t number = 1;; ++number) {
      const Status status = (*journal)->append({term(number), term(number), term(number)});
      if (!status.ok() || write(ready[1], "x", 1) != 1) _exit(1);
    }
  }
  char byte = 0;
  for (int i = 0; i < 20; ++i) REQUIRE(read(ready[0], &byte, 1) == 1);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(ready[0]);
  close(ready[1]);
  auto journal = open_journal(folder.file());
  REQUIRE(journal.ok());
  auto records = (*journal)->read_all();
  REQUIRE(records.ok());
  CHECK(records->size() >= 60);
  CHECK(records->size() % 3 == 0);
}
