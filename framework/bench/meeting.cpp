#include <outrigger/framework/bench/meeting.h>

#include <poll.h>

#include <charconv>

#include <fmt/format.h>

namespace outrigger {
namespace {

constexpr std::size_t kStep = 65536;

Status say(const Socket& socket, const std::string& lines) {
  return socket.send(std::as_bytes(std::span(lines)), kStep);
}

bool parse(std::string_view text, std::size_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

// The line up to its end, which is taken out of `ahead`.
std::string take_line(std::string& ahead) {
  const std::size_t end = ahead.find('\n');
  std::string line = ahead.substr(0, end);
  ahead.erase(0, end + 1);
  return line;
}

}  // namespace

Result<Meeting> Meeting::host(const std::string& address, std::size_t members) {
  Result<Socket> listener = Socket::listen(address);
  if (!listener.ok()) return listener.status().with_context("--meet");
  Meeting meeting(0, members);
  meeting.listener_ = std::make_unique<Socket>(std::move(*listener));
  return meeting;
}

Result<Meeting> Meeting::join(const std::string& address, std::size_t member, std::size_t members,
                              Duration patience) {
  Result<Socket> socket = Socket::connect(address, Clock::now() + patience);
  if (!socket.ok()) return socket.status().with_context("--meet");
  Meeting meeting(member, members);
  meeting.links_.push_back({std::make_unique<Socket>(std::move(*socket)), {}});
  const Status said = say(*meeting.links_[0].socket, fmt::format("{} {}\n", member, members));
  if (!said.ok()) return said;
  return meeting;
}

std::string Meeting::peer(std::size_t link) const {
  return fmt::format("member {}", member_ == 0 ? link + 1 : 0);
}

Status Meeting::let_in(Socket socket) {
  Link link{std::make_unique<Socket>(std::move(socket)), {}};
  std::byte byte{};
  while (!link.ahead.ends_with('\n')) {  // byte by byte: what follows is of the first gather
    const Status status = link.socket->receive({&byte, 1});
    if (!status.ok()) return status;
    link.ahead += static_cast<char>(byte);
    if (link.ahead.size() > 64) break;
  }
  const std::string hello = take_line(link.ahead);
  const std::size_t space = hello.find(' ');
  std::size_t member = 0, members = 0;
  if (space == std::string::npos || !parse(hello.substr(0, space), member) ||
      !parse(hello.substr(space + 1), members))
    return {Code::kInvalidArgument, "--meet: somebody came who is no member of a bench"};
  if (members != members_)
    return {Code::kInvalidArgument,
            fmt::format("--of: member {} was told of {} members, member 0 of {}", member, members,
                        members_)};
  if (member < 1 || member >= members_ || links_[member - 1].socket)
    return {Code::kInvalidArgument,
            fmt::format("--member: there is a second member {}; give each its own number, 0 to {}",
                        member, members_ - 1)};
  links_[member - 1] = std::move(link);
  return {};
}

Status Meeting::let_all_in() {
  links_.resize(members_ - 1);
  for (std::size_t k = 1; k < members_; ++k) {
    Result<Socket> socket = listener_->accept();
    if (!socket.ok()) return socket.status().with_context("--meet");
    if (Status status = let_in(std::move(*socket)); !status.ok()) return status;
  }
  return {};
}

Status Meeting::fill(std::size_t link) {
  std::string buffer(kStep, '\0');
  const Result<std::size_t> got =
      links_[link].socket->receive_some(std::as_writable_bytes(std::span(buffer)));
  if (!got.ok()) return got.status().with_context(peer(link));
  links_[link].ahead.append(buffer, 0, *got);
  if (links_[link].ahead.size() <= members_ * kMostBytes) return {};
  return {Code::kCorruption, peer(link) + " says more than a line"};
}

Result<std::vector<std::string>> Meeting::read_lines() {
  std::vector<std::string> lines(links_.size());
  std::vector<pollfd> waiting(links_.size());
  for (std::size_t k = 0; k < links_.size(); ++k) waiting[k] = {links_[k].socket->fd(), POLLIN, 0};
  const auto missing = [&](std::size_t k) {
    return links_[k].ahead.find('\n') == std::string::npos;
  };
  for (;;) {
    bool all = true;
    for (std::size_t k = 0; k < links_.size(); ++k) all = all && !missing(k);
    if (all) break;
    const int patience = static_cast<int>(std::chrono::milliseconds(Socket::kPatience).count());
    const int ready = ::poll(waiting.data(), waiting.size(), patience);
    if (ready < 0) continue;  // a signal
    if (ready == 0)
      return Status(Code::kDeadlineExceeded, "a member has said nothing for ten minutes");
    for (std::size_t k = 0; k < links_.size(); ++k)
      if (waiting[k].revents != 0)
        if (const Status status = fill(k); !status.ok()) return status;
  }
  for (std::size_t k = 0; k < links_.size(); ++k) lines[k] = take_line(links_[k].ahead);
  return lines;
}

Result<std::vector<std::string>> Meeting::gather(const std::string& text) {
  if (member_ == 0) {
    if (links_.empty() && members_ > 1)
      if (Status status = let_all_in(); !status.ok()) return status;
    Result<std::vector<std::string>> texts = read_lines();
    if (!texts.ok()) return texts;
    texts->insert(texts->begin(), text);
    std::string all;
    for (const std::string& line : *texts) all += line + "\n";
    for (std::size_t k = 0; k < links_.size(); ++k)
      if (Status status = say(*links_[k].socket, all); !status.ok())
        return status.with_context(peer(k));
    return texts;
  }
  if (Status status = say(*links_[0].socket, text + "\n"); !status.ok())
    return status.with_context(peer(0));
  std::vector<std::string> texts;
  while (texts.size() < members_) {
    Result<std::vector<std::string>> line = read_lines();
    if (!line.ok()) return line;
    texts.push_back(std::move(line->front()));
  }
  return texts;
}

}  // namespace outrigger
