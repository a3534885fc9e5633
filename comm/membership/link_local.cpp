#include <mutex>

#include <outrigger/comm/membership/host.h>
#include <outrigger/comm/membership/link.h>

namespace outrigger {
namespace {

// What the host's port still reaches after the link is gone.
struct Receiver {
  std::mutex mutex;
  Link::Events events;  // empty once the link is destroyed

  void received(std::uint64_t connection, const v1::CoordinatorMessage& message) {
    const std::lock_guard lock(mutex);
    if (events.received) events.received(connection, message);
  }
  void broken(std::uint64_t connection, const std::string& why) {
    const std::lock_guard lock(mutex);
    if (events.broken) events.broken(connection, why);
  }
};

class LocalLink : public Link {
 public:
  LocalLink(CoordinatorHost& host, Events events)
      : host_(host), receiver_(std::make_shared<Receiver>()) {
    receiver_->events = std::move(events);
  }
  ~LocalLink() override {
    close();
    const std::lock_guard lock(receiver_->mutex);
    receiver_->events = {};
  }

  void open(std::uint64_t connection) override {
    close();
    const auto receiver = receiver_;
    id_ = host_.attach(
        {[receiver, connection](const v1::CoordinatorMessage& message) {
           receiver->received(connection, message);
         },
         [receiver, connection] { receiver->broken(connection, "the coordinator has hung up"); }});
  }
  void send(const v1::MemberMessage& message) override {
    if (id_ != 0) host_.receive(id_, message);
  }
  void close() override {
    if (id_ != 0) host_.detach(id_, "the member's thread has hung up");
    id_ = 0;
  }

 private:
  CoordinatorHost& host_;
  ConnectionId id_ = 0;
  std::shared_ptr<Receiver> receiver_;
};

}  // namespace

std::unique_ptr<Link> make_local_link(CoordinatorHost& host, Link::Events events) {
  return std::make_unique<LocalLink>(host, std::move(events));
}

}  // namespace outrigger
