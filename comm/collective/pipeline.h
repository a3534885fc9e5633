#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include <outrigger/comm/buffer_pool.h>
#include <outrigger/comm/clock.h>
#include <outrigger/comm/collective/chunks.h>
#include <outrigger/comm/collective/collective.h>
#include <outrigger/comm/transport/transport.h>

namespace outrigger {

// One chunk's message: its place in the collective (Tag::hop), and what it is encoded in.
struct ChunkMessage {
  std::uint32_t hop = 0;
  Chunk chunk;
  const Codec* codec = nullptr;
};

// One message's bytes, one span a peer in the stream's order. `staged` has the buffers where they
// are the pool's; who keeps one keeps its bytes.
struct Arrived {
  std::span<const std::span<const std::byte>> bytes;
  std::span<const std::shared_ptr<ByteBuffer>> staged;
};

// Messages of one kind that this member expects, the same ones of each of `peers`. A peer has to
// send them in this order: the windows at both ends would wait for each other otherwise.
struct Stream {
  std::vector<MemberId> peers;         // empty: every message counts as here
  std::vector<ChunkMessage> messages;  // in the order they are posted and taken in
  // The fragment's encoding that they belong into; nullptr: into buffers of the pool, until taken.
  std::shared_ptr<ByteBuffer> whole{};
  // Called on the thread in run(), in the order of messages, when all peers' bytes are here. May be
  // empty. What it returns, unless Ok, ends the run.
  std::function<Status(const ChunkMessage&, const Arrived&)> take{};
  // Whether message `index` may be taken now; asked again whenever something has happened. Empty:
  // always.
  std::function<bool(std::size_t index)> ready{};
  // Whether what comes depends on the peers alone: then their speed is measured, and they are the
  // first to be blamed for a deadline.
  bool at_hand = false;
  std::size_t window_messages = 16;  // that are posted ahead at most, if their bytes allow
};

// Moves the chunks of one exchange. Memory is bounded by windows, whatever the fragment's size: of
// each stream so many bytes are posted ahead, or held until they are taken, and to each peer so
// many are on their way; sends go out in the order they were asked for. The operations' hooks only
// push to a queue; all the rest, the aggregation too, is done by the thread in run(). For one
// thread.
class Pipeline {
 public:
  // Bytes of a stream from each peer that are posted or held, and bytes and messages on their way
  // to one peer; one message at least. A transport parks 256 messages of a peer: 16 exchanges at
  // once stay below.
  static constexpr std::size_t kWindowBytes = std::size_t{32} << 20;
  static constexpr std::size_t kWindowMessages = 16;

  // The transport must outlive it; of the exchange it takes the names and the staging.
  Pipeline(Transport& transport, const Exchange& exchange, TimePoint deadline,
           std::stop_token stop);
  ~Pipeline();  // nothing is pending after it
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // Both may be called before run() and from a stream's take().
  void receive(Stream stream);
  void send(MemberId to, const ChunkMessage& message, SharedBytes bytes);

  // Until every stream is taken and every send has ended: Ok. Or until the first failure, the
  // deadline or a stop, which cancels all else. Nothing is pending when it returns.
  Status run();

  // Of a run that has failed: whose operation failed first; nobody's if it was stopped from here.
  std::optional<MemberId> failed_peer() const { return failed_peer_; }
  // The peer whose messages this member waited longest for: of streams at hand, as long as any of
  // those keeps it waiting, since the others may wait for the same peer.
  std::optional<MemberId> slowest() const;
  std::uint64_t bytes_sent() const { return bytes_sent_; }
  std::uint64_t bytes_received() const { return bytes_received_; }
  // Of the streams at hand.
  std::vector<LinkUse> links() const;

 private:
  struct Ended {
    std::uint64_t id = 0;
    Status status;
    TimePoint at;
  };
  struct Queue {  // what the hooks push to
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Ended> ended;
    bool stopped = false;
  };
  struct Slot {  // one message of a stream, from posted to taken
    std::vector<std::shared_ptr<ByteBuffer>> staged;
    std::vector<std::span<const std::byte>> bytes;
    std::vector<bool> here;  // one a peer, as the two above
    std::size_t missing = 0;
    std::size_t size = 0;
  };
  struct Inbound {
    Stream stream;
    std::size_t taken = 0;
    std::size_t bytes_ahead = 0;
    std::deque<Slot> slots;  // of the messages from `taken` on
  };
  struct Outgoing {
    ChunkMessage message;
    SharedBytes bytes;
  };
  struct Outbox {
    std::deque<Outgoing> waiting;
    std::size_t messages = 0, bytes = 0;  // on their way
  };
  struct Pending {
    Operation operation;
    MemberId peer;
    bool sends = false;
    std::size_t bytes = 0;
    std::size_t stream = 0, message = 0, peer_index = 0;  // of a receive
  };
  struct Use {  // of the link from one peer
    std::size_t outstanding = 0;
    std::optional<TimePoint> since;  // somebody waits for it, and its first message has come
    bool begun = false;
    LinkUse sum;
  };

  Tag tag_of(const ChunkMessage& message) const;
  void post(std::size_t stream);
  void start_sends(MemberId to);
  void watch(Pending pending);
  bool take_one();
  void collect();
  void handle(const Ended& ended);
  void received(const Pending& pending, TimePoint at);
  void charge(Duration idle);
  void deadline_passed();
  void fail(const Status& why, std::optional<MemberId> peer);
  void finish();
  bool finished() const;

  Transport& transport_;
  Timeline& time_;
  const RoundId round_;
  const AttemptId attempt_;
  const BufferPool staging_;
  const TimePoint deadline_;
  const std::stop_token stop_;
  const std::shared_ptr<Queue> queue_ = std::make_shared<Queue>();
  std::deque<Inbound> inbound_;  // in the order of receive()
  std::size_t turn_ = 0;         // the stream that is asked first
  std::map<MemberId, Outbox> outboxes_;
  std::map<std::uint64_t, Pending> pending_;
  std::uint64_t next_id_ = 0;
  Status failure_;
  std::optional<MemberId> failed_peer_;
  std::map<MemberId, Duration> waited_;
  std::optional<MemberId> last_;
  std::map<MemberId, Use> uses_;
  std::uint64_t bytes_sent_ = 0, bytes_received_ = 0;
};

}  // namespace outrigger
