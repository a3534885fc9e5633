#include <outrigger/comm/membership/channel.h>

#include <grpcpp/grpcpp.h>

namespace outrigger {

std::shared_ptr<grpc::Channel> coordinator_channel(const std::string& address, int most_bytes) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(most_bytes);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace outrigger
