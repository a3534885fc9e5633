#pragma once

#include <string>

#include <outrigger/comm/status.h>

namespace outrigger {

// What a command prints goes out through these. A reader that has seen enough (`| head -1`) ends
// the program quietly with 0; any other failure to write, a full disk say, ends it with 1 and says
// so.
void print_out(const std::string& text);
void print_error(const std::string& text);  // to stderr, with a newline

// exit_code_of (launch/exit_code.h) for what the command line names: if that is not found, the
// command is wrong.
int exit_code_of_command(Code code);

}  // namespace outrigger
