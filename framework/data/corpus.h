#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <outrigger/comm/hash.h>
#include <outrigger/comm/status.h>

namespace outrigger {

// Corpora that distribution packages ship, prepared once into a cache folder and the same bytes on
// every machine.
struct Corpus {
  std::string path;  // a text file
  std::int64_t bytes = 0;
  Hash128 hash;  // xxh3-128 of the file
};

// $XDG_CACHE_HOME/outrigger, else $HOME/.cache/outrigger, else ./data.
std::string default_cache_folder();

// The corpus of that name: the cached file if its size and hash are right (both are checked every
// time), else prepared anew. Several processes may call this at once; none sees an unfinished file.
//   kjv: the King James Bible, one verse a line, from the program `bible` of the package bible-kjv.
// InvalidArgument: no such corpus (the message lists them). NotFound: the package is missing (the
// message says which). FailedPrecondition: the package's text is another one. ResourceExhausted,
// PermissionDenied: the folder.
Result<Corpus> open_corpus(std::string_view name, const std::string& cache_folder);

// What `bible -f` prints, without the first word of each line (the verse's number).
std::string strip_first_words(std::string_view text);

}  // namespace outrigger
