#pragma once

#include <atomic>
#include <functional>

#include <outrigger/comm/transport/transport.h>

namespace outrigger::test {

// Passes all on to another transport, and knows what is under way.
class WatchedTransport : public Transport {
 public:
  // `look` is called at every send and recv, from the thread that asks for them.
  explicit WatchedTransport(Transport& inner, std::function<void()> look = {})
      : inner_(inner), look_(std::move(look)) {}

  MemberId self() const override { return inner_.self(); }
  std::string address() const override { return inner_.address(); }
  Status add_peer(MemberId peer, const std::string& address) override {
    return inner_.add_peer(peer, address);
  }
  void peer_lost(MemberId peer, Status why) override { inner_.peer_lost(peer, std::move(why)); }
  void abort_before(RoundId round, AttemptId attempt) override {
    inner_.abort_before(round, attempt);
  }
  Operation send(MemberId to, const Tag& tag, std::uint32_t codec, std::uint64_t elements,
                 SharedBytes payload, TimePoint deadline) override {
    const std::size_t bytes = payload.bytes.size();
    return follow(*sends_, bytes,
                  inner_.send(to, tag, codec, elements, std::move(payload), deadline));
  }
  Operation recv(MemberId from, const Tag& tag, Expected expected, std::span<std::byte> dest,
                 TimePoint deadline) override {
    return follow(*recvs_, dest.size(), inner_.recv(from, tag, expected, dest, deadline));
  }
  std::uint64_t bytes_sent() const override { return inner_.bytes_sent(); }
  std::uint64_t bytes_received() const override { return inner_.bytes_received(); }
  Timeline& timeline() const override { return inner_.timeline(); }

  struct UnderWay {
    std::atomic<std::size_t> messages = 0, bytes = 0, most_bytes = 0;
  };
  const UnderWay& sends() const { return *sends_; }
  const UnderWay& recvs() const { return *recvs_; }

 private:
  Operation follow(UnderWay& ways, std::size_t bytes, const Operation& operation) {
    ++ways.messages;
    ways.bytes += bytes;
    ways.most_bytes = std::max<std::size_t>(ways.most_bytes, ways.bytes);
    if (look_) look_();
    const auto shared = &ways == sends_.get() ? sends_ : recvs_;
    operation.on_end([shared, bytes](const Status&) {
      --shared->messages;
      shared->bytes -= bytes;
    });
    return operation;
  }

  Transport& inner_;
  const std::function<void()> look_;
  const std::shared_ptr<UnderWay> sends_ = std::make_shared<UnderWay>(),
                                  recvs_ = std::make_shared<UnderWay>();
};

}  // namespace outrigger::test
