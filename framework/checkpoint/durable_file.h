#pragma once

#include <string>
#include <string_view>

#include <outrigger/comm/status.h>

namespace outrigger {

// Files that survive a crash. Every failure names the path and the system's text. A failed write,
// fsync, mkdir or rename is ResourceExhausted when the disk, a quota or a limit is full or the disk
// fails, PermissionDenied when the folder is not writable, Internal otherwise; a missing file or
// folder is NotFound.

Status system_error(std::string_view doing, const std::string& path, int error_number);

// Writes `bytes` beside `path` under a name of its own, fsyncs, renames over `path`, fsyncs the
// folder: a reader, and a reader after a crash, finds the old bytes or the new ones, whole. Two
// processes may write the same path at once; the last one wins. A failure leaves no file behind.
Status write_file_atomically(const std::string& path, std::string_view bytes);

// Writes and fsyncs a new file (mode 0644, less the umask). It must not exist.
Status write_new_file(const std::string& path, std::string_view bytes);

// The names in a folder are durable only after its own fsync.
Status sync_file(const std::string& path);
Status sync_folder(const std::string& path);

}  // namespace outrigger
