#pragma once

#include <memory>
#include <string>
#include <vector>

#include <outrigger/comm/collective/collective.h>
#include <outrigger/framework/bench/meeting.h>

namespace outrigger {

struct WireOptions {
  std::string transport = "grpc";  // or nccl
  std::string listen = "127.0.0.1:0";
  bool insecure = false;       // to listen or connect off loopback
  std::uint32_t channels = 4;  // connections to each peer
};
// NotFound or InvalidArgument, naming the option.
Status check_wire(const WireOptions& options);
// NotFound: this machine, or this build, lacks what the transport needs.
Status check_machine_for(const WireOptions& options);

// What all exchanges of one measurement have in common. Members are named by their numbers.
struct ExchangeCase {
  const Collective* collective = nullptr;
  std::size_t elements = 0;
  const Codec* codec = nullptr;
  const Codec* result_codec = nullptr;
  std::vector<std::size_t> owners;  // of the shards
  BufferPool buffers, staging;
};

// One member's end of the wire: all that the bench asks of transports and collectives.
class BenchWire {
 public:
  // All members of the meeting call it, and know each other's addresses then.
  static Result<std::unique_ptr<BenchWire>> open(Meeting& meeting, const WireOptions& options);

  // Encoded fragment in, result out. `own` is not written to before it has returned.
  Result<Exchanged> exchange(const ExchangeCase& what, const std::shared_ptr<ByteBuffer>& own);

  // The bytes one way, in messages of 4 MiB of which some are under way at a time; a multiple of 4
  // bytes.
  Status send(std::size_t to, const SharedBytes& bytes);
  Status receive(std::size_t from, std::span<std::byte> bytes);

  std::uint64_t bytes_sent() const { return transport_->bytes_sent(); }
  std::uint64_t bytes_received() const { return transport_->bytes_received(); }

 private:
  BenchWire(std::unique_ptr<Transport> transport, std::size_t members)
      : transport_(std::move(transport)), members_(members) {}

  std::unique_ptr<Transport> transport_;
  std::size_t members_;
  std::uint64_t round_ = 0;  // every exchange and stream has its own
};

}  // namespace outrigger
