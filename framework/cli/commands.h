#pragma once

namespace CLI {
class App;
}

namespace outrigger {

// One function a subcommand, in a file of its name. Each adds the command with its options to the
// app; its callback does the work and sets the exit code (launch/exit_code.h). main.cpp has the
// table of them.
void add_train(CLI::App& app, int& exit_code);
void add_coordinator(CLI::App& app, int& exit_code);
void add_island(CLI::App& app, int& exit_code);
void add_eval(CLI::App& app, int& exit_code);
void add_generate(CLI::App& app, int& exit_code);
void add_inspect(CLI::App& app, int& exit_code);
void add_recipe(CLI::App& app, int& exit_code);
void add_doctor(CLI::App& app, int& exit_code);
void add_bench(CLI::App& app, int& exit_code);
void add_bench_collective(CLI::App& bench, int& exit_code);  // of add_bench

// The headings of `outrigger --help`, for App::group().
inline constexpr const char* kRunGroup = "Run";
inline constexpr const char* kLookGroup = "Look";

}  // namespace outrigger
