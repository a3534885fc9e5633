#include <array>

#include <outrigger/comm/transport/nccl/notice.h>
#include <outrigger/comm/transport/nccl/wire.h>

namespace outrigger {

void tell_broken(const std::shared_ptr<NcclCore>& core, MemberId peer, LinkEnd own,
                 std::uint64_t generation) {
  // The clerk ends before the core: a plain pointer keeps it from being the core's last owner.
  core->clerk.post([core = core.get(), peer, own, generation] {
    const auto nothing = std::make_shared<const ByteBuffer>(kNoticeBytes);
    const Expected size = expected_of(kNoticeBytes);
    const TimePoint until = Clock::now() + core->options.patience;
    core->clerk.cancel_at(core->control->send(peer, notice_tag(own, generation), size.codec,
                                              size.elements, nothing, until),
                          until);
  });
}

Operation listen_for_broken(NcclCore& core, MemberId peer, LinkEnd peers, std::uint64_t generation,
                            std::function<void(const Status& why)> broken) {
  const auto nothing = std::make_shared<std::array<std::byte, kNoticeBytes>>();
  const Tag tag = notice_tag(peers, generation);
  const Operation notice =
      core.control->recv(peer, tag, expected_of(kNoticeBytes), *nothing, TimePoint::max());
  notice.on_end([peer, tag, nothing, broken = std::move(broken)](const Status& status) {
    broken(status.ok() ? Status(Code::kUnavailable, "the other end has given the link up")
                       : reason(status, receiving(tag, peer)));
  });
  return notice;
}

Status reason(const Status& status, const std::string& what) {
  if (!status.message().starts_with(what + ": ")) return status;
  return {status.code(), status.message().substr(what.size() + 2)};
}

}  // namespace outrigger
