// A child for the supervisor's tests. Its arguments are a script, carried out in order; each word
// is one line of the table below. SIGINT, SIGTERM and SIGHUP are blocked unless the first word is
// "mortal".
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <thread>

#include <outrigger/framework/metrics/event_sink.h>

using namespace outrigger;

namespace {

std::unique_ptr<EventSink> sink;
std::string descriptors;  // as they were at the start
int raw_channel = -1;
std::atomic<bool> gone = false;

// Until the condition holds; ends the process if it never does, so that no test leaves it behind.
void await(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) std::_Exit(99);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

// The state of the process whose number is in the file, as /proc has it: T stopped, Z a zombie, X
// none such.
char state_of(const std::string& pid_file) {
  std::string pid;
  std::ifstream(pid_file) >> pid;
  if (pid.empty()) return '?';
  std::ifstream file("/proc/" + pid + "/stat");
  const std::string stat{std::istreambuf_iterator<char>(file), {}};
  const auto name_end = stat.rfind(')');
  return name_end == std::string::npos ? 'X' : stat.at(name_end + 2);
}

bool dead(const std::string& pid_file) {
  const char state = state_of(pid_file);
  return state == 'Z' || state == 'X';
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path + ".tmp") << text;
  std::filesystem::rename(path + ".tmp", path);
}

void send_raw(const std::string& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t sent = ::send(raw_channel, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
    if (sent <= 0) std::_Exit(98);
    at += static_cast<std::size_t>(sent);
  }
}

void await_signal() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  int signal = 0;
  sigwait(&signals, &signal);
  std::cout << "got signal " << signal << std::endl;
}

// What this process has open, /proc's own listing left out.
std::string open_descriptors() {
  std::set<int> open;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    const std::string target = std::filesystem::read_symlink(entry.path(), error).string();
    if (!error && target.find("/fd") == std::string::npos)
      open.insert(std::stoi(entry.path().filename().string()));
  }
  std::string text = "descriptors";
  for (int descriptor : open) (text += ' ') += std::to_string(descriptor);
  return text;
}

std::string value(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? "" : text;
}

const std::map<std::string, std::function<void(const std::string&)>> kWords = {
    {"mortal", [](const std::string&) {}},
    {"note", [](const std::string&) {}},
    {"listen", [](const std::string& address) { sink->send(Listening{address}); }},
    {"join", [](const std::string& island) { sink->send(Joined{island}); }},
    {"step",
     [](const std::string& step) {
       StepDone done;
       done.step = std::stoull(step);
       sink->send(done);
     }},
    {"blame",
     [](const std::string& who) {
       sink->send(Failed{Code::kUnavailable, who + " is lost", who});
     }},
    {"fail",
     [](const std::string& why) {
       sink->send(Failed{Code::kInternal, why, ""});
     }},
    {"print", [](const std::string& text) { std::cout << text << std::endl; }},
    {"raw", [](const std::string& text) { send_raw(text + "\n"); }},
    {"partial", [](const std::string& text) { send_raw(text); }},
    {"flood",
     [](const std::string& bytes) { send_raw(std::string(std::stoull(bytes), 'x') + "\n"); }},
    {"pid", [](const std::string& path) { write_file(path, std::to_string(::getpid())); }},
    {"variable",
     [](const std::string& name) { std::cout << name << "=" << value(name.c_str()) << std::endl; }},
    {"await",
     [](const std::string& path) { await([&] { return std::filesystem::exists(path); }); }},
    {"await-stopped",
     [](const std::string& file) { await([&] { return state_of(file) == 'T'; }); }},
    {"await-dead", [](const std::string& file) { await([&] { return dead(file); }); }},
    {"await-gone", [](const std::string&) { await([] { return gone.load(); }); }},
    {"await-signal", [](const std::string&) { await_signal(); }},
    {"kill", [](const std::string& signal) { ::raise(std::stoi(signal)); }},
    {"descriptors", [](const std::string&) { std::cout << descriptors << std::endl; }},
    {"hang", [](const std::string&) { await([] { return false; }); }},
    {"fork",
     [](const std::string&) {
       if (::fork() == 0) await([] { return false; });
     }},
    {"exit", [](const std::string& code) { std::exit(std::stoi(code)); }},
};

}  // namespace

int main(int argc, char** argv) {
  descriptors = open_descriptors();
  if (argc < 2 || std::string(argv[1]) != "mortal") {
    sigset_t signals;
    sigemptyset(&signals);
    for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
  }
  if (const char* channel = std::getenv(EventSink::kEnvironment)) raw_channel = std::atoi(channel);
  sink = EventSink::from_environment();
  sink->on_supervisor_gone([] { gone = true; });
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto equals = word.find('=');
    const auto found = kWords.find(word.substr(0, equals));
    if (found == kWords.end()) {
      std::cerr << "unknown word " << word << std::endl;
      return 97;
    }
    found->second(equals == std::string::npos ? "" : word.substr(equals + 1));
  }
  sink.reset();
  return 0;
}
