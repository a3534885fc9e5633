#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace outrigger {

// A folder of the test's own with a small corpus and a recipe that trains in seconds; deleted in
// the end.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::string& name, const std::string& text) const;

 private:
  std::filesystem::path path_;
};

struct Ended {
  int exit_code = -1;    // 128 + n for a death by signal n
  std::string out, err;  // what it printed
};

// A program started as a user starts it, in the folder.
class Program {
 public:
  Program(const Scratch& scratch, std::vector<std::string> words);
  ~Program();  // kills what is still there
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t pid() const { return pid_; }
  // The child processes whose command line holds the text.
  std::vector<pid_t> children(const std::string& text) const;
  std::string printed() const;  // so far
  // Waits for its end; the test fails if it takes more than `limit`.
  Ended wait(std::chrono::seconds limit = std::chrono::seconds(90));

 private:
  std::filesystem::path out_, err_;
  pid_t pid_ = -1;
};

// The built CLI with these arguments.
class Cli : public Program {
 public:
  Cli(const Scratch& scratch, std::vector<std::string> arguments);
};

Ended run_program(const Scratch& scratch, std::vector<std::string> words);
Ended run_cli(const Scratch& scratch, std::vector<std::string> arguments);

// Waits until `done` holds; the test fails if it takes more than a minute.
void wait_until(const std::string& what, const std::function<bool()>& done);

std::string read_file(const std::filesystem::path& path);
std::vector<std::filesystem::path> runs(const Scratch& scratch);  // run folders, oldest first
std::filesystem::path only_run(const Scratch& scratch);
bool alive(pid_t pid);  // a zombie is not

}  // namespace outrigger
