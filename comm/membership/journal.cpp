#include <outrigger/comm/membership/journal.h>

#include <sqlite3.h>

#include <cstdint>
#include <span>

#include <fmt/format.h>
#include <membership.pb.h>

#include <outrigger/comm/hash.h>

namespace outrigger {
namespace {

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
};
struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

std::int64_t checksum(const std::string& bytes) {
  return static_cast<std::int64_t>(hash64(std::as_bytes(std::span(bytes))));
}

class SqliteJournal : public Journal {
 public:
  SqliteJournal(Database database, std::string path)
      : database_(std::move(database)), path_(std::move(path)) {}

  Status set_up() {
    // The exclusive lock is taken by the first transaction and held: a second coordinator is
    // refused.
    for (const char* command :
         {"PRAGMA locking_mode = EXCLUSIVE", "PRAGMA journal_mode = WAL",
          "PRAGMA synchronous = FULL", "BEGIN IMMEDIATE",
          "CREATE TABLE IF NOT EXISTS records "
          "(number INTEGER PRIMARY KEY, body BLOB NOT NULL, checksum INTEGER NOT NULL)",
          "COMMIT"}) {
      if (const Status status = execute(command); !status.ok()) return status;
    }
    return check_integrity();
  }

  Status append(const std::vector<v1::Record>& records) override {
    if (records.empty()) return {};
    Status status = execute("BEGIN IMMEDIATE");
    for (const v1::Record& record : records) {
      if (status.ok()) status = insert(record);
    }
    if (status.ok()) status = execute("COMMIT");
    if (!status.ok()) sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    return status;
  }

  Result<std::vector<v1::Record>> read_all() override {
    auto prepared = prepare("SELECT number, body, checksum FROM records ORDER BY number");
    if (!prepared.ok()) return prepared.status();
    std::vector<v1::Record> records;
    int code = 0;
    while ((code = sqlite3_step(prepared->get())) == SQLITE_ROW) {
      const std::int64_t number = sqlite3_column_int64(prepared->get(), 0);
      const auto* bytes = static_cast<const char*>(sqlite3_column_blob(prepared->get(), 1));
      const std::string body(bytes == nullptr ? "" : bytes,
                             static_cast<std::size_t>(sqlite3_column_bytes(prepared->get(), 1)));
      v1::Record& record = records.emplace_back();
      if (number != static_cast<std::int64_t>(records.size()) ||
          checksum(body) != sqlite3_column_int64(prepared->get(), 2) ||
          !record.ParseFromString(body)) {
        return Status(
            Code::kCorruption,
            fmt::format("{}: record {} of the coordinator's journal is damaged; resume from a "
                        "checkpoint with a new journal",
                        path_, number));
      }
    }
    if (code != SQLITE_DONE) return error("reading");
    return records;
  }

 private:
  Status check_integrity() {
    auto prepared = prepare("PRAGMA quick_check(1)");
    if (!prepared.ok()) return prepared.status();
    if (sqlite3_step(prepared->get()) != SQLITE_ROW) return error("checking");
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(prepared->get(), 0));
    if (text != nullptr && std::string(text) == "ok") return {};
    return {Code::kCorruption,
            fmt::format("{}: the coordinator's journal is damaged ({}); resume from a "
                        "checkpoint with a new journal",
                        path_, text == nullptr ? "no text" : text)};
  }

  Status insert(const v1::Record& record) {
    auto prepared = prepare("INSERT INTO records (body, checksum) VALUES (?, ?)");
    if (!prepared.ok()) return prepared.status();
    const std::string body = record.SerializeAsString();
    sqlite3_bind_blob64(prepared->get(), 1, body.data(), body.size(), SQLITE_STATIC);
    sqlite3_bind_int64(prepared->get(), 2, checksum(body));
    return sqlite3_step(prepared->get()) == SQLITE_DONE ? Status() : error("writing");
  }

  Status execute(const char* command) {
    const int code = sqlite3_exec(database_.get(), command, nullptr, nullptr, nullptr);
    return code == SQLITE_OK ? Status() : error("writing");
  }

  Result<Statement> prepare(const char* command) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database_.get(), command, -1, &statement, nullptr) != SQLITE_OK) {
      return error("reading");
    }
    return Statement(statement);
  }

  Status error(const char* doing) const {
    const std::string text = fmt::format("{}: {} the coordinator's journal failed: {}", path_,
                                         doing, sqlite3_errmsg(database_.get()));
    switch (sqlite3_errcode(database_.get()) & 0xff) {
      case SQLITE_FULL:
        return {Code::kResourceExhausted, text + "; free some space and resume"};
      case SQLITE_BUSY:
      case SQLITE_LOCKED:
        return {Code::kUnavailable, text + "; another coordinator of this run is still there"};
      case SQLITE_PERM:
      case SQLITE_READONLY:
      case SQLITE_CANTOPEN:
        return {Code::kPermissionDenied, text + "; the run folder must be writable"};
      case SQLITE_CORRUPT:
      case SQLITE_NOTADB:
        return {Code::kCorruption, text + "; resume from a checkpoint with a new journal"};
      default:
        return {Code::kInternal, text};
    }
  }

  Database database_;
  std::string path_;

  friend Result<std::unique_ptr<Journal>> outrigger::open_journal(const std::string& path);
};

class MemoryJournal : public Journal {
 public:
  Status append(const std::vector<v1::Record>& records) override {
    records_.insert(records_.end(), records.begin(), records.end());
    return {};
  }
  Result<std::vector<v1::Record>> read_all() override { return records_; }

 private:
  std::vector<v1::Record> records_;
};

}  // namespace

Result<std::unique_ptr<Journal>> open_journal(const std::string& path) {
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  auto journal = std::make_unique<SqliteJournal>(Database(raw), path);
  if (code != SQLITE_OK) return journal->error("opening");
  if (const Status status = journal->set_up(); !status.ok()) return status;
  return std::unique_ptr<Journal>(std::move(journal));
}

std::unique_ptr<Journal> memory_journal() {
  return std::make_unique<MemoryJournal>();
}

}  // namespace outrigger
