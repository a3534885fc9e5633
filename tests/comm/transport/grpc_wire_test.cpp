#include <outrigger/comm/transport/grpc_wire.h>

#include "members.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;

namespace {

Envelope example() {
  Envelope envelope{{1, 2, 3}, {4, 5, 6}, {{7, 8}, {9, 10}, 11, 12}, {}, "job"};
  envelope.frame.fill(std::byte{13});
  return envelope;
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

}  // namespace

// Mutation: in pack, leave a field out; in unpack, swap two.
TEST_CASE("an envelope comes back as it was packed") {
  const Result<Envelope> back = unpack(bytes_of(pack(example())));
  REQUIRE(back.ok());
  CHECK(back->from == example().from);
  CHECK(back->to == example().to);
  CHECK(back->tag == example().tag);
  CHECK(back->frame == example().frame);
  CHECK(back->job == "job");
}

// Mutation: in unpack, check no length.
TEST_CASE("an envelope of any other length or magic is refused") {
  Envelope envelope = example();
  envelope.job.clear();
  const std::string whole = pack(envelope);
  for (std::size_t length = 0; length < whole.size(); ++length)
    CHECK_FALSE(unpack(bytes_of(whole.substr(0, length))).ok());
  CHECK(unpack(bytes_of(whole)).ok());
  CHECK(unpack(bytes_of(whole + std::string(kMaxJobBytes, 'x'))).ok());
  CHECK_FALSE(unpack(bytes_of(whole + std::string(kMaxJobBytes + 1, 'x'))).ok());
  std::string other_version = whole;
  other_version[3] = '1';
  CHECK_FALSE(unpack(bytes_of(other_version)).ok());
}

// Mutation: in to_grpc, exchange two codes.
TEST_CASE("a refusal keeps its code and message on the way back") {
  for (const Code code : {Code::kInvalidArgument, Code::kNotFound, Code::kFailedPrecondition,
                          Code::kPermissionDenied, Code::kUnavailable, Code::kDeadlineExceeded,
                          Code::kAborted, Code::kResourceExhausted, Code::kCorruption}) {
    const Status back = from_grpc(to_grpc({code, "why"}));
    CHECK(back.code() == code);
    CHECK(back.message() == "why");
  }
  CHECK(from_grpc(to_grpc({Code::kCancelled, ""})).code() == Code::kUnavailable);
  // gRPC's own word.
  CHECK(from_grpc({grpc::StatusCode::RESOURCE_EXHAUSTED, ""}).code() == Code::kUnavailable);
  CHECK(from_grpc(grpc::Status::OK).ok());
}

// Mutation: in check_address, do not look at read.ptr.
TEST_CASE("an address is HOST:PORT") {
  for (const char* address : {"", "nonsense", "127.0.0.1", ":80", "127.0.0.1:", "127.0.0.1:8x",
                              "127.0.0.1:65536", "127.0.0.1:-1"}) {
    const Status status = check_address(address, true);
    CHECK(status.code() == Code::kInvalidArgument);
    CHECK(status.message().find("HOST:PORT") != std::string::npos);
  }
}

// Mutation: in check_address, accept hosts that start with "127." whatever follows.
TEST_CASE("off loopback only with --insecure") {
  for (const char* address : {"127.0.0.1:80", "127.3.2.1:0", "localhost:1", "[::1]:0"})
    CHECK(check_address(address, false).ok());
  for (const char* address :
       {"0.0.0.0:0", "[::]:0", "10.0.0.1:80", "127.0.0.1.example.org:80", "example.org:80"}) {
    const Status status = check_address(address, false);
    CHECK(status.code() == Code::kInvalidArgument);
    CHECK(status.message().find("--insecure") != std::string::npos);
    CHECK(check_address(address, true).ok());
  }
}
