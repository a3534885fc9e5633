#pragma once

#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include <outrigger/comm/transport/nccl/core.h>
#include <outrigger/comm/transport/nccl/wire.h>
#include <outrigger/comm/transport/rendezvous.h>

namespace outrigger {

// The link from one peer. Grants the messages that it offers and that have their recv, a few ahead,
// each with its place in the link's order, and receives them on a thread of its own. A link that
// breaks is replaced when the next message comes. Thread-safe.
class Incoming : public std::enable_shared_from_this<Incoming> {
 public:
  Incoming(MemberId from, std::shared_ptr<NcclCore> core) : from_(from), core_(std::move(core)) {}
  ~Incoming() { join(); }

  // REQUIRES: the header has been checked against the recv.
  void offered(const PostedRecv& posted, const FrameHeader& header);
  void break_link(const Status& why);
  // Fails everything, now and later. join() then waits for the thread, and is to be called last.
  void close(const Status& why);
  void join();

 private:
  struct Message {
    PostedRecv posted;
    FrameHeader header;
    Operation answer{};  // on its way
  };

  bool wait_for_message();             // false: closed
  std::optional<Message> take_next();  // that is still wanted; nothing: none, or the link is broken
  void run();
  void take_turn(const Slots::Hold& slot);
  Status begin_generation();
  Status grant(Message& message);
  Status connect(const Message& message);
  Status receive(const Message& message);
  void fail(std::uint64_t generation, const Status& why);
  void drop();

  const MemberId from_;
  const std::shared_ptr<NcclCore> core_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Status closed_, broken_;  // broken_: of this generation
  std::uint64_t generation_ = 0;
  std::stop_source stop_;          // of this generation
  std::stop_source closing_;       // for good
  std::deque<Operation> answers_;  // to what is granted and not yet here
  std::deque<Message> queue_;
  std::thread thread_;
  // Of the thread alone.
  std::optional<LinkId> id_;  // of this generation, as long as it is of use
  std::unique_ptr<PairLink> link_;
  Operation notice_;
  std::uint64_t next_place_ = 0;
};

// Tells the message's sender that there is nothing to send. Returns at once.
void refuse(const std::shared_ptr<NcclCore>& core, MemberId sender, const Tag& tag, Status why);

}  // namespace outrigger
