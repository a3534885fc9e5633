#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <outrigger/comm/status.h>

namespace outrigger {

// Scripts that measure the same work done by others: tools/peers/*.py of the source tree, run by a
// Python interpreter that the user names, with what is installed for it.

// The path of tools/peers/`name` in a folder above this program. NotFound outside a source tree.
Result<std::string> find_peer_script(const std::string& name);

// InvalidArgument unless `python` (a path, or a name to look up in PATH) runs and has torch.
Status check_peer_python(const std::string& python);

// Runs the script and returns the JSON object that it prints to stdout as its last line; stderr is
// this program's. Internal says how it failed.
Result<nlohmann::ordered_json> run_peer_script(const std::string& python, const std::string& script,
                                               const std::vector<std::string>& arguments);

}  // namespace outrigger
