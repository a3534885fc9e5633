#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include <outrigger/comm/buffer_pool.h>

namespace outrigger {

// Bytes and what keeps them alive. Nobody writes to them while somebody else holds a copy.
struct SharedBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;

  SharedBytes() = default;
  SharedBytes(std::span<const std::byte> all, std::shared_ptr<const void> kept)
      : bytes(all), owner(std::move(kept)) {}
  SharedBytes(const std::shared_ptr<const ByteBuffer>& buffer)  // NOLINT: the same bytes
      : bytes(*buffer), owner(buffer) {}

  SharedBytes slice(std::size_t offset, std::size_t count) const {
    return {bytes.subspan(offset, count), owner};
  }
};

}  // namespace outrigger
