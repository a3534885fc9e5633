#include <outrigger/framework/data/tokens.h>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace outrigger {

Result<TokenSource> TokenSource::open(const std::vector<std::string>& paths, TokenFormat format,
                                      std::int64_t vocab) {
  if (paths.empty())
    return Status(Code::kInvalidArgument, "no token file is given: name at least one");
  if (vocab < 1)
    return Status(Code::kInvalidArgument, fmt::format("a vocabulary of {} ids holds none", vocab));
  std::vector<TokenFile> files;
  for (const std::string& path : paths) {
    auto file = TokenFile::open(path, format);
    if (!file.ok()) return file.status();
    if (!files.empty() && files.front().width() != file->width())
      return Status(Code::kInvalidArgument,
                    fmt::format("{} stores ids of {} bytes, but {} of {}: files of different "
                                "tokenizers do not make one corpus",
                                path, static_cast<int>(file->width()), files.front().path(),
                                static_cast<int>(files.front().width())));
    files.push_back(std::move(*file));
  }
  return TokenSource(std::move(files), vocab);
}

TokenSource::TokenSource(std::vector<TokenFile> files, std::int64_t vocab)
    : files_(std::move(files)), starts_{0}, vocab_(vocab) {
  for (const TokenFile& file : files_) starts_.push_back(starts_.back() + file.size());
}

Status TokenSource::read(std::int64_t position, std::span<std::int64_t> out) const {
  const auto wanted = static_cast<std::int64_t>(out.size());
  if (position < 0 || position > size() || wanted > size() - position)
    return {Code::kInvalidArgument, fmt::format("tokens {} to {} are not in a corpus of {} tokens",
                                                position, position + wanted, size())};
  auto index = static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), position) -
                                        starts_.begin() - 1);
  while (!out.empty()) {
    const auto count = std::min<std::int64_t>(std::ssize(out), starts_[index + 1] - position);
    Status status =
        read_from(index, position - starts_[index], out.first(static_cast<std::size_t>(count)));
    if (!status.ok()) return status;
    out = out.subspan(static_cast<std::size_t>(count));
    position += count;
    ++index;
  }
  return {};
}

Status TokenSource::read_from(std::size_t index, std::int64_t first,
                              std::span<std::int64_t> out) const {
  files_[index].read(first, out);
  const auto bad =
      std::find_if(out.begin(), out.end(), [this](std::int64_t id) { return id >= vocab_; });
  if (bad == out.end()) return {};
  return {Code::kInvalidArgument,
          fmt::format("{}: token {} has id {}, but the model's vocabulary is {}: the file was made "
                      "with another tokenizer, or the model's vocab is too small",
                      files_[index].path(), first + (bad - out.begin()), *bad, vocab_)};
}

}  // namespace outrigger
