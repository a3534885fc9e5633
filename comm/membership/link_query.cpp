#include <outrigger/comm/membership/link_query.h>

#include <algorithm>

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>
#include <membership.grpc.pb.h>

#include <outrigger/comm/membership/channel.h>
#include <outrigger/comm/membership/wire.h>
#include <outrigger/comm/transport/grpc_wire.h>

namespace outrigger {

Result<LinkTable> ask_links(const std::string& coordinator, bool insecure, Duration patience) {
  const Status allowed = check_address(coordinator, insecure, "what is asked and answered");
  if (!allowed.ok()) return allowed;
  const auto stub = v1::Coordination::NewStub(
      coordinator_channel(coordinator, static_cast<int>(kMaxLinkTableBytes)));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::duration_cast<std::chrono::system_clock::duration>(patience));
  v1::LinkTable answer;
  const grpc::Status status = stub->Links(&context, {}, &answer);
  if (!status.ok())
    return Status(Code::kNotFound, fmt::format("no coordinator answers at {}: {}", coordinator,
                                               status.error_message()));
  LinkTable table = from_wire(answer);
  const bool sound = std::ranges::all_of(table.links, [&](const LinkFigures& link) {
    return std::max(link.from, link.to) < table.islands.size();
  });
  if (sound) return table;
  return Status(
      Code::kCorruption,
      fmt::format("the coordinator at {} tells of islands that it does not name", coordinator));
}

}  // namespace outrigger
