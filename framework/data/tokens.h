#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <outrigger/comm/status.h>
#include <outrigger/framework/data/token_file.h>

namespace outrigger {

// A read-only sequence of token ids: one or several memory-mapped files, one after the other in the
// order given, with nothing between them. Movable; reads from several threads at once are fine.
class TokenSource {
 public:
  // All files must store ids of the same width. `vocab` is the model's number of ids. Whether each
  // id is below it is checked when the id is read, not here: a large corpus opens at once.
  // NotFound, PermissionDenied, InvalidArgument (no file, an empty one, a wrong format, mixed
  // widths).
  static Result<TokenSource> open(const std::vector<std::string>& paths, TokenFormat format,
                                  std::int64_t vocab);

  std::int64_t size() const { return starts_.back(); }  // tokens
  TokenWidth width() const { return files_.front().width(); }
  std::int64_t vocab() const { return vocab_; }

  // Fills `out` with the ids from `position` on. InvalidArgument when they reach beyond the end, or
  // when an id is not below vocab(); the message names its file and its offset there in tokens.
  Status read(std::int64_t position, std::span<std::int64_t> out) const;

 private:
  TokenSource(std::vector<TokenFile> files, std::int64_t vocab);
  Status read_from(std::size_t index, std::int64_t first, std::span<std::int64_t> out) const;

  std::vector<TokenFile> files_;
  std::vector<std::int64_t> starts_;  // of each file in the sequence; then the end
  std::int64_t vocab_;
};

}  // namespace outrigger
