#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <outrigger/optim/named_tensor.h>

namespace outrigger {

// Which rule a parameter falls under, by its name and shape alone, so that every island and every
// resumed run decides alike.

// Whether weight decay applies. rule `all`: to every parameter; `matrices`: to those of two or more
// dimensions, so that norms and biases keep their values (nanoGPT's and llm.c's practice).
bool decays(const NamedTensor& parameter, std::string_view rule);

// Whether Muon takes it: a matrix whose name holds none of `outside`'s texts. Muon's step is for
// maps between hidden layers; an embedding is a table of rows and a head's outputs are classes.
bool is_hidden_matrix(const NamedTensor& parameter, const std::vector<std::string>& outside);

}  // namespace outrigger
