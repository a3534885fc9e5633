#pragma once

#include <memory>
#include <string>
#include <vector>

#include <outrigger/comm/status.h>

namespace outrigger {

namespace v1 {
class Record;
}

// Where the coordinator writes down what it must not forget, in order. Not thread-safe.
class Journal {
 public:
  virtual ~Journal() = default;

  // All or none of the records are kept, and durable, when it returns Ok. After an error the
  // journal is unusable: the coordinator must not go on.
  virtual Status append(const std::vector<v1::Record>& records) = 0;
  // Everything appended so far, in order.
  virtual Result<std::vector<v1::Record>> read_all() = 0;
};

// An SQLite file (`coordinator.db`): one row a record with its checksum, one synced transaction an
// append. One process at a time: a file in use is Unavailable. Corruption, ResourceExhausted (disk
// full) and PermissionDenied name the file.
Result<std::unique_ptr<Journal>> open_journal(const std::string& path);

// Lives as long as the object: for jobs whose coordinator is in the members' own process.
std::unique_ptr<Journal> memory_journal();

}  // namespace outrigger
