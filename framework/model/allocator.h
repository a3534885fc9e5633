#pragma once

namespace outrigger {

// Makes the process keep the memory that large tensors free, instead of handing it back to the
// kernel and faulting every page in again at the next step. Call once at the start of a process
// that trains, before the first tensor. Costs: the process's peak memory stays resident.
void keep_freed_memory();

}  // namespace outrigger
