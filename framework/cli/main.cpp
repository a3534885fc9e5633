#include <malloc.h>

#include <csignal>
#include <sstream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <outrigger/framework/cli/commands.h>
#include <outrigger/framework/cli/output.h>
#include <outrigger/framework/cli/usage.h>
#include <outrigger/framework/launch/exit_code.h>
#include <outrigger/framework/version.h>

namespace outrigger {
namespace {

// Every subcommand, in the order of --help.
constexpr void (*kCommands[])(CLI::App&, int&) = {add_train,  add_coordinator, add_island,
                                                  add_eval,   add_generate,    add_inspect,
                                                  add_recipe, add_doctor,      add_bench};

constexpr const char* kFooter =
    "A first run, two islands on this machine:\n"
    "  outrigger train recipes/quickstart.yaml\n"
    "The same with another setting, and what would then be trained:\n"
    "  outrigger recipe show recipes/quickstart.yaml sync.every=20\n"
    "\n"
    "Exit codes: 0 done; 1 the job failed; 2 the command or the recipe is wrong; 3 this machine "
    "lacks\n"
    "something; 75 stopped on purpose with a checkpoint written.";

// What comes off the wire lies for a moment in buffers of gRPC's own, a step's tensors in
// PyTorch's. glibc would hand a few MiB back to the kernel each time they are freed, and the next
// ones would fault every page in anew: a third of the time of a message on a fast link.
void keep_freed_memory() {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the most there is
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

int run(const std::vector<std::string>& arguments) {
  CLI::App app("Trains one model on islands of computers with slow links between them.",
               "outrigger");
  app.set_version_flag("--version", version_text())
      ->description("Print the version and how this was built");
  app.require_subcommand(1);
  int exit_code = kExitDone;
  for (const auto add : kCommands) add(app, exit_code);
  app.footer(kFooter);  // last: the commands would inherit it
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(),
                                       arguments.rend()));  // CLI11 takes them last first
  } catch (const CLI::Success& help) {
    std::ostringstream text;
    app.exit(help, text, text);
    print_out(text.str());
  } catch (const CLI::ParseError& error) {
    print_error(explain_usage_error(app, arguments, error));
    return kExitWrongInput;
  } catch (const Error& error) {
    print_error(error.status().message());
    return exit_code_of(error.status().code());
  } catch (const std::exception& error) {
    print_error(fmt::format("outrigger: {}", error.what()));
    return kExitFailed;
  }
  return exit_code;
}

}  // namespace
}  // namespace outrigger

int main(int argc, char** argv) {
  std::signal(SIGPIPE,
              SIG_IGN);  // a peer or a pager that goes away is an error to handle, not a death
  outrigger::keep_freed_memory();
  return outrigger::run({argv + 1, argv + argc});
}
