#include <array>

#include <outrigger/comm/transport/nccl/notice.h>
#include <outrigger/comm/transport/nccl/wire.h>

namespace outrigger {

void tell_broken(const std::shared_ptr<NcclCore>& core, MemberId peer, const Tag& tag) {
  // The clerk ends before the core: a plain pointer keeps it from being the core's last owner.
  core->clerk.post([core = core.get(), peer, tag] {
    const auto nothing = std::make_shared<const ByteBuffer>(kNoticeBytes);
    const Expected size = expected_of(kNoticeBytes);
    const TimePoint until = Clock::now() + core->options.patience;
    core->clerk.cancel_at(core->control->send(peer, tag, size.codec, size.elements, nothing, until),
                          until);
  });
}

Operation listen_for_broken(NcclCore& core, MemberId peer, const Tag& tag,
                            std::function<void(const Status& why)> broken) {
  const auto nothing = std::make_shared<std::array<std::byte, kNoticeBytes>>();
  const Operation notice =
      core.control->recv(peer, tag, expected_of(kNoticeBytes), *nothing, TimePoint::max());
  notice.on_end([peer, tag, nothing, broken = std::move(broken)](const Status& status) {
    broken(status.ok() ? status : reason(status, receiving(tag, peer)));
  });
  return notice;
}

Status reason_of_notice(const Status& why) {
  return why.ok() ? Status(Code::kUnavailable, "the other end has given the link up") : why;
}

Status reason(const Status& status, const std::string& what) {
  if (!status.message().starts_with(what + ": ")) return status;
  return {status.code(), status.message().substr(what.size() + 2)};
}

}  // namespace outrigger
