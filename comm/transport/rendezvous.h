#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include <outrigger/comm/transport/gate.h>
#include <outrigger/comm/transport/operation_state.h>

namespace outrigger {

// A recv() that waits for its message, or is being filled.
struct PostedRecv {
  MemberId from;
  Tag tag;
  Expected expected;
  std::span<std::byte> dest;
  std::shared_ptr<Operation::State> state;
};

// How an operation's messages begin.
std::string sending(const Tag& tag, MemberId to);
std::string receiving(const Tag& tag, MemberId from);

// The frame header of a message for this recv, checked before any of its payload is taken. Whatever
// is wrong is Corruption that names the peer.
Result<FrameHeader> check_header(const PostedRecv& posted, std::span<const std::byte> frame);
// The same for the payload, once it is in dest.
Status check_dest(const PostedRecv& posted, const FrameHeader& header);

// A message that has reached this member. Exactly one of the two is called, and never under a lock.
class Arrival {
 public:
  virtual ~Arrival() = default;
  virtual void accept(PostedRecv posted) = 0;
  // Ok: the message is not needed, for it has been received whole before.
  virtual void refuse(const Status& why) = 0;
};

// The half of a transport that does not depend on how bytes move: brings messages and recvs
// together by peer and tag, and ends the operations whose peer or attempt is gone. Thread-safe.
class Rendezvous : public std::enable_shared_from_this<Rendezvous> {
 public:
  Status add_peer(MemberId peer);
  void peer_lost(MemberId peer, const Status& why);
  // Fails what is pending with the peer (or only from it), not what comes later: it cannot be
  // reached now.
  void fail_pending(MemberId peer, const Status& why);
  void fail_recvs(MemberId peer, const Status& why);
  void abort_before(RoundId round, AttemptId attempt);
  // Fails everything, now and later.
  void close(const Status& why);

  // Follows the operation from here to its end. Not Ok: it has been ended with that status.
  Status begin_send(MemberId to, const Tag& tag, const std::shared_ptr<Operation::State>& state);
  Operation recv(PostedRecv posted);
  // The message for this recv broke off on its way: the recv waits for it to come again.
  void wait_again(PostedRecv posted);

  // At most kMaxParked messages of one peer may wait for their recv; one more is refused. `again`:
  // its sender has lost the connection it sent it over before.
  void arrive(MemberId from, const Tag& tag, std::shared_ptr<Arrival> arrival, bool again = false);
  // The sender will not send this message, or not all of it.
  void sender_gave_up(MemberId from, const Tag& tag);
  // The sender has given up a message that may still be waiting.
  void withdraw(MemberId from, const Tag& tag, const Arrival* arrival);

  static constexpr std::size_t kMaxParked = 128;
  // Of so many received messages a second copy is known as such. More than can be under way at
  // once.
  static constexpr std::size_t kRemembered = 1024;

  // Payload and frame headers of rounds.
  std::atomic<std::uint64_t> bytes_sent = 0, bytes_received = 0;
  void count_sent(const Tag& tag, std::size_t bytes);
  void count_received(const Tag& tag, std::size_t bytes);

 private:
  enum class Way { kSend, kRecv };
  struct Key {
    MemberId peer;
    Tag tag;
    Way way = Way::kRecv;
    friend auto operator<=>(const Key&, const Key&) = default;
  };

  Status begin(const Key& key, const std::shared_ptr<Operation::State>& state);
  void match(const Key& key, PostedRecv posted);
  // The message that waits under this key, now out of the map; or nothing. REQUIRES: mutex_ is
  // held.
  std::shared_ptr<Arrival> take_parked(const Key& key);
  void remember(const Key& key);
  void forget_at_end(const Key& key, const std::shared_ptr<Operation::State>& state);
  void fail_if(const std::function<bool(const Key&)>& concerned, const Status& why);
  Status check_arrival(MemberId from, const Tag& tag) const;

  std::mutex mutex_;
  Gate gate_;
  Status closed_;
  std::map<Key, std::shared_ptr<Operation::State>> operations_;  // until they end
  std::map<Key, PostedRecv> posted_;                             // of those: no message yet
  std::map<Key, std::shared_ptr<Arrival>> parked_;
  std::set<Key> received_;
  std::deque<Key> received_order_;
};

}  // namespace outrigger
