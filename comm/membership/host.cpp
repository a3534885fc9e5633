#include <outrigger/comm/membership/host.h>

#include <utility>

namespace outrigger {

Result<std::unique_ptr<CoordinatorHost>> CoordinatorHost::start(CoordinatorConfig config,
                                                                std::unique_ptr<Journal> journal,
                                                                LogSink log) {
  auto records = journal->read_all();
  if (!records.ok()) return records.status();
  auto* host = new CoordinatorHost(std::move(config), std::move(journal), *records, std::move(log));
  return std::unique_ptr<CoordinatorHost>(host);
}

CoordinatorHost::CoordinatorHost(CoordinatorConfig config, std::unique_ptr<Journal> journal,
                                 const std::vector<v1::Record>& records, LogSink log)
    : job_(config.job),
      islands_(config.islands),
      journal_(std::move(journal)),
      log_(std::move(log)),
      coordinator_(std::move(config), records) {
  events_.push_back(CoordinatorStarted{});
  thread_ = std::thread([this] { run(); });
}

CoordinatorHost::~CoordinatorHost() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
  for (const auto& [connection, port] : ports_) port->close();
}

ConnectionId CoordinatorHost::attach(Port port) {
  const std::lock_guard lock(mutex_);
  ports_.emplace(++last_connection_, std::make_shared<Port>(std::move(port)));
  return last_connection_;
}

void CoordinatorHost::receive(ConnectionId connection, v1::MemberMessage message) {
  post(MessageReceived{connection, std::move(message)});
}

void CoordinatorHost::detach(ConnectionId connection, const std::string& why) {
  {
    const std::lock_guard lock(mutex_);
    ports_.erase(connection);
  }
  post(ConnectionLost{connection, why});
}

void CoordinatorHost::post(CoordinatorEvent event) {
  {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
  }
  changed_.notify_all();
}

Status CoordinatorHost::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return finished_.has_value(); });
  return *finished_;
}

std::optional<std::string> CoordinatorHost::culprit() const {
  const std::lock_guard lock(mutex_);
  if (!culprit_ || culprit_->island >= islands_.size()) return std::nullopt;
  return islands_[culprit_->island];
}

void CoordinatorHost::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto due = [this] { return stopping_ || !events_.empty(); };
    if (next_tick_) {
      changed_.wait_until(lock, *next_tick_, due);
    } else {
      changed_.wait(lock, due);
    }
    if (stopping_) return;
    // A tick only when nothing waits, at a time when nothing waited: after an append that blocked,
    // the members' heartbeats are in the queue, and who has sent one is not silent.
    CoordinatorEvent event = CoordinatorTick{};
    if (!events_.empty()) {
      event = std::move(events_.front());
      events_.pop_front();
    }
    const TimePoint now = Clock::now();
    lock.unlock();
    carry_out(handle(event, now));
    lock.lock();
  }
}

CoordinatorStep CoordinatorHost::handle(const CoordinatorEvent& event, TimePoint now) {
  const std::lock_guard lock(machine_mutex_);
  return coordinator_.handle(event, now);
}

LinkTable CoordinatorHost::links() const {
  const std::lock_guard lock(machine_mutex_);
  return {job_, islands_, coordinator_.links(Clock::now())};
}

void CoordinatorHost::carry_out(CoordinatorStep step) {
  for (const LogLine& line : step.log) {
    if (log_) log_(line);
  }
  if (!step.records.empty()) {
    if (const Status status = journal_->append(step.records); !status.ok())
      return journal_failed(status);
  }
  const auto port_of = [this](ConnectionId connection) -> std::shared_ptr<Port> {
    const std::lock_guard lock(mutex_);
    const auto found = ports_.find(connection);
    return found == ports_.end() ? nullptr : found->second;
  };
  for (const auto& message : step.messages) {
    if (const auto port = port_of(message.connection)) port->send(message.message);
  }
  for (const ConnectionId connection : step.close) {
    const auto port = port_of(connection);
    if (!port) continue;
    port->close();
    const std::lock_guard lock(mutex_);
    ports_.erase(connection);
  }
  {
    const std::lock_guard lock(mutex_);
    next_tick_ = step.next_tick;
    if (step.finished && !finished_) {
      finished_ = step.finished;
      culprit_ = step.culprit;
    }
  }
  changed_.notify_all();
}

// What the journal does not hold must not be said. So nobody hears of the step, only that the job
// ends.
void CoordinatorHost::journal_failed(const Status& why) {
  const Status status = why.with_context("the coordinator cannot go on");
  if (log_) log_({LogLine::Level::kWarning, status.to_string()});
  v1::CoordinatorMessage message;
  message.set_job(job_);
  message.set_term(coordinator_.term());
  message.mutable_abort()->set_code(static_cast<std::uint32_t>(status.code()));
  message.mutable_abort()->set_why(status.message());
  std::map<ConnectionId, std::shared_ptr<Port>> ports;
  {
    const std::lock_guard lock(mutex_);
    ports.swap(ports_);
    finished_ = status;
    stopping_ = true;
  }
  for (const auto& [connection, port] : ports) {
    port->send(message);
    port->close();
  }
  changed_.notify_all();
}

}  // namespace outrigger
