#include <outrigger/framework/bench/plain_tcp.h>

#include <functional>
#include <optional>
#include <thread>

namespace outrigger {
namespace {

constexpr std::size_t kWriteBytes = 1 << 20;
constexpr std::chrono::seconds kConnectPatience{30};

// Calls move(k, begin, end) for each of `count` equal parts of `bytes`, all at the same time.
Status each_part(std::size_t count, std::size_t bytes,
                 const std::function<Status(std::size_t, std::size_t, std::size_t)>& move) {
  std::vector<Status> ended(count);
  {
    std::vector<std::jthread> threads;
    for (std::size_t k = 0; k < count; ++k)
      threads.emplace_back(
          [&, k] { ended[k] = move(k, bytes * k / count, bytes * (k + 1) / count); });
  }
  for (Status& status : ended)
    if (!status.ok()) return status;
  return {};
}

}  // namespace

Result<PlainTcp> PlainTcp::open(Meeting& meeting, const std::string& host,
                                std::size_t connections) {
  PlainTcp tcp;
  std::optional<Socket> listener;
  if (meeting.member() == 1) {
    Result<Socket> socket = Socket::listen(host + ":0");
    if (!socket.ok()) return socket.status();
    listener = std::move(*socket);
  }
  const auto addresses = meeting.gather(listener ? listener->address() : "");
  if (!addresses.ok()) return addresses.status();
  for (std::size_t k = 0; k < connections && meeting.member() < 2; ++k) {
    Result<Socket> socket =
        listener ? listener->accept()
                 : Socket::connect(addresses->at(1), Clock::now() + kConnectPatience);
    if (!socket.ok()) return socket.status();
    tcp.connections_.push_back(std::move(*socket));
  }
  return tcp;
}

Status PlainTcp::send(std::span<const std::byte> bytes) const {
  return each_part(connections_.size(), bytes.size(), [&](auto k, auto begin, auto end) {
    return connections_[k].send(bytes.subspan(begin, end - begin), kWriteBytes);
  });
}

Status PlainTcp::receive(std::span<std::byte> bytes) const {
  return each_part(connections_.size(), bytes.size(), [&](auto k, auto begin, auto end) {
    return connections_[k].receive(bytes.subspan(begin, end - begin));
  });
}

}  // namespace outrigger
