#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace outrigger::test {

template <class Id>
std::string little_endian(const std::vector<Id>& ids) {
  return {reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(Id)};
}

inline std::string llmc_header(std::int32_t magic, std::int32_t version, std::int32_t count) {
  std::vector<std::int32_t> header(256, 0);
  header[0] = magic;
  header[1] = version;
  header[2] = count;
  return little_endian(header);
}

inline std::string llmc_shard(const std::vector<std::uint16_t>& ids) {
  return llmc_header(20240520, 1, static_cast<std::int32_t>(ids.size())) + little_endian(ids);
}

inline std::string llmc_wide_shard(const std::vector<std::uint32_t>& ids) {
  return llmc_header(20240801, 7, static_cast<std::int32_t>(ids.size())) + little_endian(ids);
}

}  // namespace outrigger::test
