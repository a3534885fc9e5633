#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace outrigger {

// One line for a command line that could not be parsed: which command or option there is none of
// and which one is nearest, or else what CLI11 says; and which --help to read.
std::string explain_usage_error(const CLI::App& app, const std::vector<std::string>& arguments,
                                const CLI::ParseError& error);

}  // namespace outrigger
