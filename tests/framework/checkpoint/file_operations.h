#pragma once

#include <functional>
#include <string>

namespace outrigger::test {

// This program's own write, fsync, rename, renameat2, unlink and remove calls pass through here,
// since an executable's functions come before the C library's. fsync does nothing more: a killed
// process loses nothing that it wrote, so the disk would only make the tests slow.
struct FileOperation {
  std::string name;  // "fsync"
  std::string path;  // of the file; of a rename, the new name
};

// Called before each operation until `observe_file_operations({})`. It answers 0, or the errno with
// which the operation is to fail without being done.
void observe_file_operations(std::function<int(const FileOperation&)> observer);

// From the next write on each writes only half of its bytes.
void halve_writes(bool on);

}  // namespace outrigger::test
