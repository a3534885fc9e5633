#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <outrigger/comm/transport/grpc_calls.h>
#include <outrigger/comm/transport/grpc_wire.h>
#include <outrigger/comm/transport/rendezvous.h>

namespace outrigger {

// How what got lost is sent again.
struct Resending {
  // Between a sending that the receiver's gRPC has thrown out, since it has no memory, and the
  // next.
  Duration first_pause = std::chrono::milliseconds(10);
  Duration longest_pause = std::chrono::seconds(1);
  // For so long a receiver is told that a message will not come.
  Duration give_up_patience = std::chrono::seconds(2);

  // After that sending, from 0 on (Envelope::sending): twice as long each time.
  Duration pause_after(std::uint32_t sending) const;
};

// What the calls of one GrpcTransport share; lives until the last of them is done.
struct GrpcCore {
  std::string job;
  Resending resending;  // as it is, but for tests
  std::shared_ptr<Rendezvous> rendezvous = std::make_shared<Rendezvous>();
  std::shared_ptr<GrpcCalls> calls = std::make_shared<GrpcCalls>();

  MemberId self() const;
  void set_self(MemberId self);
  Status check_envelope(const Envelope& envelope) const;

 private:
  mutable std::mutex mutex_;
  MemberId self_;
  bool admitted_ = false;
};

// The receiving side: turns each incoming stream into an Arrival.
std::unique_ptr<grpc::CallbackGenericService> make_grpc_service(std::shared_ptr<GrpcCore> core);

// The sending side. Both return at once. The call ends the state, and the state's end the call. A
// message that gets lost is sent again until then: at once if the connection broke, after a pause
// if the receiver's gRPC threw it out. So is the word that a message will not come.
void start_send(const std::shared_ptr<GrpcCore>& core,
                const std::shared_ptr<grpc::GenericStub>& stub, const Envelope& envelope,
                SharedBytes payload, const std::shared_ptr<Operation::State>& state);

// A watch (kWatchMethod): calls `ended` once, when the connection is gone or the watch cancelled.
// `reached`: whether the member had been reached. With `patience`, it only sees whether the member
// can be reached within that time, however often the connection has to be tried, and ends then.
class Watch {
 public:
  using Ended = std::function<void(bool reached, const Status& why)>;
  virtual ~Watch() = default;
  virtual void cancel() = 0;
};
std::shared_ptr<Watch> start_watch(const std::shared_ptr<GrpcCore>& core, MemberId member,
                                   grpc::GenericStub& stub, Watch::Ended ended,
                                   std::optional<Duration> patience = {});

}  // namespace outrigger
