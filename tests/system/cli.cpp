#include "system/cli.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace outrigger {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kPoll{20};

constexpr const char* kRecipe = R"(
name: small
seed: 3
islands: [{name: paris}, {name: tokyo}]
model: {layers: 1, hidden: 16, heads: 2, vocab: 256}
data: {files: [corpus.txt], eval_fraction: 0.1}
inner: {lr: 3e-3, schedule: {kind: cosine, warmup: 5}}
sync: {every: 5, codec: int8}
membership: {timeout: {min: 1s, max: 30s}}
train: {steps: 30, batch: 4, context: 16, threads: 1, eval_every: 10, eval_tokens: 256, log_every: 1}
checkpoint: {every: 10, keep: 2}
sample: {tokens: 20}
)";

std::string corpus() {
  const std::vector<std::string> words = {"in",   "the", "beginning", "was",  "a",    "boat",
                                          "with", "two", "floats",    "that", "held", "it"};
  std::mt19937 random(1);
  std::string text;
  while (text.size() < 40000)
    text += words[random() % words.size()] + (random() % 9 == 0 ? ".\n" : " ");
  return text;
}

pid_t parent_of(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(stat, line);
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return -1;
  std::istringstream rest(line.substr(name_end + 2));
  std::string state;
  pid_t parent = -1;
  rest >> state >> parent;
  return parent;
}

}  // namespace

Scratch::Scratch() {
  std::string name = (fs::temp_directory_path() / "outrigger-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  path_ = name;
  write("corpus.txt", corpus());
  write("small.yaml", kRecipe);
}

Scratch::~Scratch() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

fs::path Scratch::write(const std::string& name, const std::string& text) const {
  std::ofstream(path_ / name, std::ios::binary) << text;
  return path_ / name;
}

Program::Program(const Scratch& scratch, std::vector<std::string> words) {
  static int count = 0;
  out_ = scratch.path() / ("out-" + std::to_string(++count));
  err_ = scratch.path() / ("err-" + std::to_string(count));
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ != 0) return;
  if (chdir(scratch.path().c_str()) != 0) _exit(126);
  dup2(open("/dev/null", O_RDONLY), 0);
  dup2(open(out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644), 1);
  dup2(open(err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644), 2);
  execv(argv[0], argv.data());
  _exit(127);
}

Program::~Program() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

std::vector<pid_t> Program::children(const std::string& text) const {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (!std::all_of(name.begin(), name.end(), [](unsigned char c) { return isdigit(c) != 0; }))
      continue;
    const pid_t pid = std::stoi(name);
    if (parent_of(pid) == pid_ &&
        read_file(entry.path() / "cmdline").find(text) != std::string::npos)
      found.push_back(pid);
  }
  return found;
}

Ended Program::wait(std::chrono::seconds limit) {
  const Clock::time_point end = Clock::now() + limit;
  int status = 0;
  while (waitpid(pid_, &status, WNOHANG) == 0) {
    if (Clock::now() > end) throw std::runtime_error("the command did not end: " + read_file(err_));
    std::this_thread::sleep_for(kPoll);
  }
  pid_ = -1;
  Ended ended;
  ended.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  ended.out = read_file(out_);
  ended.err = read_file(err_);
  return ended;
}

std::string Program::printed() const {
  return read_file(out_);
}

Cli::Cli(const Scratch& scratch, std::vector<std::string> arguments)
    : Program(scratch, [&] {
        arguments.insert(arguments.begin(), OUTRIGGER_CLI);
        return std::move(arguments);
      }()) {}

Ended run_program(const Scratch& scratch, std::vector<std::string> words) {
  return Program(scratch, std::move(words)).wait();
}

Ended run_cli(const Scratch& scratch, std::vector<std::string> arguments) {
  return Cli(scratch, std::move(arguments)).wait();
}

void wait_until(const std::string& what, const std::function<bool()>& done) {
  const Clock::time_point end = Clock::now() + std::chrono::minutes(1);
  while (!done()) {
    if (Clock::now() > end) throw std::runtime_error("this never came: " + what);
    std::this_thread::sleep_for(kPoll);
  }
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<fs::path> runs(const Scratch& scratch) {
  std::vector<fs::path> found;
  if (!fs::exists(scratch.path() / "runs")) return found;
  for (const auto& entry : fs::directory_iterator(scratch.path() / "runs"))
    found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

fs::path only_run(const Scratch& scratch) {
  const std::vector<fs::path> all = runs(scratch);
  if (all.size() != 1)
    throw std::runtime_error("there are " + std::to_string(all.size()) + " runs");
  return all.front();
}

bool alive(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(stat, line)) return false;
  const std::size_t name_end = line.rfind(')');
  return name_end != std::string::npos && line.at(name_end + 2) != 'Z';
}

}  // namespace outrigger
