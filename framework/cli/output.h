#pragma once

#include <string>

#include <outrigger/comm/status.h>

namespace outrigger {

// What a command prints goes out through these. A reader that has seen enough (`| head -1`) ends
// the program quietly with 0; any other failure to write, a full disk say, ends it with 1 and says
// so.
void print_out(const std::string& text);
void print_error(const std::string& text);  // to stderr, with a newline

// What a command exits with when this is why it did not do its work.
int exit_code_of(Code code);

}  // namespace outrigger
