#include <outrigger/framework/cli/output.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <outrigger/framework/launch/exit_code.h>

namespace outrigger {

void print_out(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return;
  if (errno == EPIPE) std::_Exit(kExitDone);
  std::fprintf(stderr, "outrigger: cannot write to standard output: %s\n", std::strerror(errno));
  std::_Exit(kExitFailed);
}

void print_error(const std::string& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
}

int exit_code_of_command(Code code) {
  return code == Code::kNotFound ? kExitWrongInput : exit_code_of(code);
}

}  // namespace outrigger
