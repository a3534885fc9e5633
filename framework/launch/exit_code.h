#pragma once

#include <outrigger/comm/status.h>

namespace outrigger {

// What every command, and every child of a job, exits with.
inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;        // the job failed; the root cause is printed first
inline constexpr int kExitWrongInput = 2;    // the command or the recipe is wrong
inline constexpr int kExitMachineLacks = 3;  // a device, data, a port, room on the disk
inline constexpr int kExitStopped =
    75;  // stopped on purpose with a checkpoint written (EX_TEMPFAIL)
inline constexpr int kExitSignal = 128;  // plus n: signal n before any checkpoint was possible

// Of a Status that kept a command or a child from starting its work.
int exit_code_of(Code code);

}  // namespace outrigger
