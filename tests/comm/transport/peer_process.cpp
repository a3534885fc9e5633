#include "peer_process.h"

#include <csignal>
#include <stdexcept>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace outrigger::test {

PeerProcess::PeerProcess(const std::string& mode, const std::string& island_1_address) {
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  std::string program = OUTRIGGER_TEST_PEER, arguments[] = {mode, island_1_address};
  char* argv[] = {program.data(), arguments[0].data(), arguments[1].data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  const int error = posix_spawn(&pid_, argv[0], &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  to_child_ = in[1];
  from_child_ = out[0];
  if (error != 0) throw std::runtime_error("posix_spawn of " + program);
  for (char c = 0; read(from_child_, &c, 1) == 1 && c != '\n';) address_ += c;
}

PeerProcess::~PeerProcess() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  close(to_child_);
  close(from_child_);
}

void PeerProcess::go() {
  if (write(to_child_, "\n", 1) != 1) throw std::runtime_error("the peer process has ended");
}

void PeerProcess::signal(int number) const {
  kill(pid_, number);
}

}  // namespace outrigger::test
