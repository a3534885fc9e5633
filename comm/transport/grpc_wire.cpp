#include <charconv>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#include <outrigger/comm/transport/grpc_wire.h>

namespace outrigger {
namespace {

constexpr std::string_view kMagic = "ORE2";
constexpr std::size_t kMemberBytes = 4 + 8 + 4;
constexpr std::size_t kTagBytes = 4 + 8 + 8 + 8 + 4 + 4;
constexpr std::size_t kFixedBytes = 4 + 2 * kMemberBytes + kTagBytes + 4 + kFrameHeaderBytes;

template <class T>
void put(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

void put(std::string& out, const MemberId& member) {
  put(out, member.island);
  put(out, member.incarnation);
  put(out, member.worker);
}

// Reads what put() wrote. REQUIRES: enough bytes left, which unpack() has checked.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <class T>
  void get(T& value) {
    value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
      value |= static_cast<T>(std::to_integer<T>(bytes_[i]) << (8 * i));
    bytes_ = bytes_.subspan(sizeof(T));
  }

  void get(MemberId& member) {
    get(member.island);
    get(member.incarnation);
    get(member.worker);
  }

  std::span<const std::byte> take(std::size_t count) {
    const auto taken = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return taken;
  }

  std::size_t left() const { return bytes_.size(); }

 private:
  std::span<const std::byte> bytes_;
};

std::string as_string(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::string pack(const Envelope& envelope) {
  std::string out(kMagic);
  put(out, envelope.from);
  put(out, envelope.to);
  put(out, envelope.tag.round.fragment);
  put(out, envelope.tag.round.number);
  put(out, envelope.tag.attempt.term);
  put(out, envelope.tag.attempt.number);
  put(out, envelope.tag.hop);
  put(out, envelope.tag.shard);
  put(out, envelope.sending);
  return out + as_string(envelope.frame) + envelope.job;
}

Result<Envelope> unpack(std::span<const std::byte> bytes) {
  if (bytes.size() < kFixedBytes || bytes.size() > kFixedBytes + kMaxJobBytes)
    return Status(Code::kCorruption,
                  fmt::format("an envelope of {} bytes; {} to {} are possible", bytes.size(),
                              kFixedBytes, kFixedBytes + kMaxJobBytes));
  Reader reader(bytes);
  if (as_string(reader.take(kMagic.size())) != kMagic)
    return Status(Code::kCorruption, "not an Outrigger message, or one of another version");
  Envelope envelope;
  reader.get(envelope.from);
  reader.get(envelope.to);
  reader.get(envelope.tag.round.fragment);
  reader.get(envelope.tag.round.number);
  reader.get(envelope.tag.attempt.term);
  reader.get(envelope.tag.attempt.number);
  reader.get(envelope.tag.hop);
  reader.get(envelope.tag.shard);
  reader.get(envelope.sending);
  std::ranges::copy(reader.take(kFrameHeaderBytes), envelope.frame.begin());
  envelope.job = as_string(reader.take(reader.left()));
  return envelope;
}

grpc::Status to_grpc(const Status& status) {
  const auto make = [&](grpc::StatusCode code) { return grpc::Status(code, status.message()); };
  switch (status.code()) {
    case Code::kOk:
      return grpc::Status::OK;
    case Code::kInvalidArgument:
      return make(grpc::StatusCode::INVALID_ARGUMENT);
    case Code::kNotFound:
      return make(grpc::StatusCode::NOT_FOUND);
    case Code::kFailedPrecondition:
      return make(grpc::StatusCode::FAILED_PRECONDITION);
    case Code::kPermissionDenied:
      return make(grpc::StatusCode::PERMISSION_DENIED);
    case Code::kUnavailable:
      return make(grpc::StatusCode::CANCELLED);  // UNAVAILABLE is gRPC's own word: no connection
    case Code::kDeadlineExceeded:
      return make(grpc::StatusCode::DEADLINE_EXCEEDED);
    case Code::kCancelled:
      return make(grpc::StatusCode::CANCELLED);
    case Code::kAborted:
      return make(grpc::StatusCode::ABORTED);
    case Code::kResourceExhausted:
      return make(grpc::StatusCode::OUT_OF_RANGE);  // RESOURCE_EXHAUSTED is gRPC's own word
    case Code::kCorruption:
      return make(grpc::StatusCode::DATA_LOSS);
    case Code::kInternal:
      return make(grpc::StatusCode::INTERNAL);
  }
  return make(grpc::StatusCode::UNKNOWN);
}

Status from_grpc(const grpc::Status& status) {
  const auto make = [&](Code code) { return Status(code, status.error_message()); };
  switch (status.error_code()) {
    case grpc::StatusCode::OK:
      return {};
    case grpc::StatusCode::INVALID_ARGUMENT:
      return make(Code::kInvalidArgument);
    case grpc::StatusCode::NOT_FOUND:
      return make(Code::kNotFound);
    case grpc::StatusCode::FAILED_PRECONDITION:
      return make(Code::kFailedPrecondition);
    case grpc::StatusCode::PERMISSION_DENIED:
      return make(Code::kPermissionDenied);
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return make(Code::kDeadlineExceeded);
    case grpc::StatusCode::ABORTED:
      return make(Code::kAborted);
    case grpc::StatusCode::OUT_OF_RANGE:
      return make(Code::kResourceExhausted);
    case grpc::StatusCode::DATA_LOSS:
      return make(Code::kCorruption);
    default:
      return make(Code::kUnavailable);
  }
}

void copy_out(const grpc::ByteBuffer& buffer, std::span<std::byte> out) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return;
  std::size_t at = 0;
  for (const grpc::Slice& slice : slices) {
    std::memcpy(out.data() + at, slice.begin(), slice.size());
    at += slice.size();
  }
}

Status check_address(const std::string& address, bool insecure, const char* what) {
  const std::size_t colon = address.rfind(':');
  int port = -1;
  if (colon != std::string::npos && colon > 0) {
    const char* end = address.data() + address.size();
    const auto read = std::from_chars(address.data() + colon + 1, end, port);
    if (read.ec != std::errc() || read.ptr != end) port = -1;
  }
  if (port < 0 || port > 65535)
    return {Code::kInvalidArgument,
            fmt::format("'{}' is no address; one is HOST:PORT, such as 127.0.0.1:7077", address)};
  const std::string host = address.substr(0, colon);
  const bool loopback =
      host == "localhost" || host == "[::1]" ||
      (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos);
  if (loopback || insecure) return {};
  return {Code::kInvalidArgument,
          fmt::format("{} is not a loopback address, and {} would cross the network neither "
                      "encrypted nor authenticated; say --insecure if that network is trusted",
                      address, what)};
}

}  // namespace outrigger
