#include <algorithm>
#include <cstring>

#include <cuda_runtime_api.h>
#include <fmt/format.h>
#include <nccl.h>

#include <outrigger/comm/transport/nccl/nccl_communicator.h>
#include <outrigger/comm/transport/nccl/nccl_links.h>

namespace outrigger {
namespace {

using Window = Communicator::Window;

class NcclLink : public PairLink {
 public:
  NcclLink(std::shared_ptr<StagingPool> pool, int rank, Communicator::Warn warn)
      : peer_(1 - rank), nccl_(std::move(pool), std::move(warn)) {}

  Status connect(const LinkId& id, TimePoint deadline, const std::stop_token& stop) {
    return nccl_.connect(id, static_cast<std::size_t>(1 - peer_), 2, deadline, stop);
  }
  Status send(std::span<const std::byte> message, TimePoint deadline,
              const std::stop_token& stop) override;
  Status receive(std::size_t bytes, const Take& take, TimePoint deadline,
                 const std::stop_token& stop) override;

 private:
  Status queue_send(const Window& window, std::size_t bytes, TimePoint deadline,
                    const std::stop_token& stop);
  Status queue_receive(const Window& window, std::size_t bytes, TimePoint deadline,
                       const std::stop_token& stop);

  const int peer_;
  Communicator nccl_;
};

Status NcclLink::queue_send(const Window& window, std::size_t bytes, TimePoint deadline,
                            const std::stop_token& stop) {
  Status status = nccl_.queue_to_device(window, bytes);
  if (status.ok())
    status =
        nccl_.begun(ncclSend(window.device, bytes, ncclUint8, peer_, nccl_.comm(), nccl_.stream()),
                    "ncclSend", deadline, stop);
  return status.ok() ? nccl_.mark(window) : status;
}

Status NcclLink::queue_receive(const Window& window, std::size_t bytes, TimePoint deadline,
                               const std::stop_token& stop) {
  Status status =
      nccl_.begun(ncclRecv(window.device, bytes, ncclUint8, peer_, nccl_.comm(), nccl_.stream()),
                  "ncclRecv", deadline, stop);
  if (status.ok()) status = nccl_.queue_to_host(window, bytes);
  return status.ok() ? nccl_.mark(window) : status;
}

Status NcclLink::send(std::span<const std::byte> message, TimePoint deadline,
                      const std::stop_token& stop) {
  Status status = nccl_.use_device();
  std::size_t at = 0;
  for (std::size_t k = 0; status.ok() && at < message.size(); ++k) {
    const auto piece = message.subspan(at, std::min(Staging::kWindowBytes, message.size() - at));
    const Window& window = nccl_.window(k);
    status = nccl_.wait(window, deadline, stop);
    if (!status.ok()) break;
    std::ranges::copy(piece, window.host);
    status = queue_send(window, piece.size(), deadline, stop);
    at += piece.size();
  }
  return status.ok() ? nccl_.wait_all(deadline, stop) : status;
}

Status NcclLink::receive(std::size_t bytes, const Take& take, TimePoint deadline,
                         const std::stop_token& stop) {
  Status status = nccl_.use_device();
  const auto size = [bytes](std::size_t k) {
    return std::min(Staging::kWindowBytes, bytes - k * Staging::kWindowBytes);
  };
  const std::size_t count = (bytes + Staging::kWindowBytes - 1) / Staging::kWindowBytes;
  // The next piece is on its way while one is taken.
  for (std::size_t k = 0; status.ok() && k <= count; ++k) {
    if (k < count) status = queue_receive(nccl_.window(k), size(k), deadline, stop);
    if (!status.ok() || k == 0) continue;
    const Window& here = nccl_.window(k - 1);
    status = nccl_.wait(here, deadline, stop);
    if (status.ok()) take((k - 1) * Staging::kWindowBytes, {here.host, size(k - 1)});
  }
  return status;
}

constexpr std::size_t kPiece = Staging::kWindowBytes / sizeof(float);  // of values, in a window

class NcclGroup : public GroupLink {
 public:
  NcclGroup(std::shared_ptr<StagingPool> pool, Communicator::Warn warn)
      : nccl_(std::move(pool), std::move(warn)) {}

  Status connect(const LinkId& id, std::size_t place, std::size_t members, TimePoint deadline,
                 const std::stop_token& stop) {
    return nccl_.connect(id, place, members, deadline, stop);
  }
  Status all_reduce(std::span<float> values, TimePoint deadline,
                    const std::stop_token& stop) override;

 private:
  Status queue(const Window& window, std::span<const float> piece, TimePoint deadline,
               const std::stop_token& stop);

  Communicator nccl_;
};

Status NcclGroup::queue(const Window& window, std::span<const float> piece, TimePoint deadline,
                        const std::stop_token& stop) {
  std::memcpy(window.host, piece.data(), piece.size_bytes());
  Status status = nccl_.queue_to_device(window, piece.size_bytes());
  if (status.ok())
    status = nccl_.begun(ncclAllReduce(window.device, window.device, piece.size(), ncclFloat32,
                                       ncclSum, nccl_.comm(), nccl_.stream()),
                         "ncclAllReduce", deadline, stop);
  if (status.ok()) status = nccl_.queue_to_host(window, piece.size_bytes());
  return status.ok() ? nccl_.mark(window) : status;
}

Status NcclGroup::all_reduce(std::span<float> values, TimePoint deadline,
                             const std::stop_token& stop) {
  const auto piece = [values](std::size_t k) {
    return values.subspan(k * kPiece, std::min(kPiece, values.size() - k * kPiece));
  };
  Status status = nccl_.use_device();
  const std::size_t count = (values.size() + kPiece - 1) / kPiece;
  // The next piece is on its way while one is taken, and has its window from the one before.
  for (std::size_t k = 0; status.ok() && k <= count; ++k) {
    if (k < count) status = queue(nccl_.window(k), piece(k), deadline, stop);
    if (!status.ok() || k == 0) continue;
    const Window& here = nccl_.window(k - 1);
    status = nccl_.wait(here, deadline, stop);
    if (status.ok()) std::memcpy(piece(k - 1).data(), here.host, piece(k - 1).size_bytes());
  }
  return status;
}

class NcclLinks : public LinkMaker {
 public:
  NcclLinks(int device, Communicator::Warn warn)
      : pool_(std::make_shared<StagingPool>(device)), warn_(std::move(warn)) {}

  Result<LinkId> make_id() override {
    ncclUniqueId unique;
    const Status status = nccl_status(ncclGetUniqueId(&unique), nullptr, "ncclGetUniqueId");
    if (!status.ok()) return status;
    LinkId id;
    std::memcpy(id.data(), unique.internal, id.size());
    return id;
  }

  Result<std::unique_ptr<PairLink>> connect(const LinkId& id, LinkEnd end, TimePoint deadline,
                                            const std::stop_token& stop) override {
    auto link = std::make_unique<NcclLink>(pool_, end == LinkEnd::kReceiver ? 0 : 1, warn_);
    if (const Status status = link->connect(id, deadline, stop); !status.ok()) return status;
    return std::unique_ptr<PairLink>(std::move(link));
  }

  Result<std::unique_ptr<GroupLink>> connect_group(const LinkId& id, std::size_t place,
                                                   std::size_t members, TimePoint deadline,
                                                   const std::stop_token& stop) override {
    auto group = std::make_unique<NcclGroup>(pool_, warn_);
    if (const Status status = group->connect(id, place, members, deadline, stop); !status.ok())
      return status;
    return std::unique_ptr<GroupLink>(std::move(group));
  }

 private:
  const std::shared_ptr<StagingPool> pool_;
  const Communicator::Warn warn_;
};

}  // namespace

Status check_nccl() {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess && count > 0) return {};
  return {Code::kNotFound,
          fmt::format("comm.transport: nccl needs a CUDA device, and this machine shows none ({}): "
                      "nvidia-smi tells what it has; or take comm.transport: grpc",
                      error == cudaSuccess ? "none found" : cudaGetErrorString(error))};
}

Result<std::shared_ptr<LinkMaker>> make_nccl_links(std::function<void(const std::string&)> warn) {
  if (const Status status = check_nccl(); !status.ok()) return status;
  int device = 0;
  const Status status = cuda_status(cudaGetDevice(&device), "cudaGetDevice");
  if (!status.ok()) return status;
  return std::shared_ptr<LinkMaker>(std::make_shared<NcclLinks>(device, std::move(warn)));
}

}  // namespace outrigger
