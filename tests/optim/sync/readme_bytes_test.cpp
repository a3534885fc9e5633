// The README's table of what a round sends, against rounds that really run.
#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <mutex>
#include <sstream>

#include <outrigger/optim/sync/diloco.h>

#include "optim/sync/islands.h"
#include "support/catch.h"

namespace outrigger::readme_bytes_test {
namespace {

constexpr std::size_t kElements = 1 << 18;

// The cells of the rows behind the heading that starts with `| codec |`.
std::vector<std::vector<std::string>> table() {
  std::ifstream file(std::string(OUTRIGGER_SOURCE_DIR) + "/README.md");
  std::vector<std::vector<std::string>> rows;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("| codec | result |")) inside = true;
    if (inside && !line.starts_with("|")) break;
    if (!inside) continue;
    std::vector<std::string> cells;
    std::istringstream words(line.substr(1));
    for (std::string cell; std::getline(words, cell, '|');) {
      std::erase_if(cell, [](char letter) { return letter == ' ' || letter == '`'; });
      cells.push_back(cell);
    }
    rows.push_back(cells);
  }
  if (rows.size() > 2) rows.erase(rows.begin(), rows.begin() + 2);
  return rows;
}

struct Bits {
  double up = 0, down = 0;  // of the island that sent, or received, most
};

Bits measure(const std::string& codec, const std::string& topology, std::size_t islands) {
  std::mutex mutex;
  Bits bits;
  run_islands(
      islands,
      [&](Session& session, std::size_t island) {
        NamedTensors parameters = {{"w", at::zeros({static_cast<std::int64_t>(kElements)})}};
        DiLoCoOptions options;
        options.every = 1;
        options.codec = codec;
        DiLoCo diloco(session, parameters, options);
        float* w = parameters[0].tensor.data_ptr<float>();
        for (std::size_t i = 0; i < kElements; ++i)
          w[i] = 1e-3F * static_cast<float>((i * 7 + island) % 1001);
        const std::uint64_t sent = session.bytes_sent(), received = session.bytes_received();
        diloco.step(1);
        const auto in_bits = [](std::uint64_t bytes) {
          return 8 * static_cast<double>(bytes) / static_cast<double>(kElements);
        };
        const std::lock_guard lock(mutex);
        bits.up = std::max(bits.up, in_bits(session.bytes_sent() - sent));
        bits.down = std::max(bits.down, in_bits(session.bytes_received() - received));
      },
      topology);
  return bits;
}

void check_cell(const std::string& codec, const std::string& topology, std::size_t islands,
                const std::string& cell) {
  CAPTURE(codec, topology, islands, cell);
  const Bits bits = measure(codec, topology, islands);
  CAPTURE(bits.up, bits.down);
  const std::size_t slash = cell.find('/');
  REQUIRE(slash != std::string::npos);
  // Two decimals, and the frames' headers in a fragment of this size.
  CHECK(std::abs(std::stod(cell.substr(0, slash)) - bits.up) < 0.015);
  CHECK(std::abs(std::stod(cell.substr(slash + 1)) - bits.down) < 0.015);
}

}  // namespace

// Mutations: change a figure of the table; Int4Codec::encoded_bytes counts a byte a value.
TEST_CASE("readme: the bits that a round sends and receives are those of the table") {
  const auto rows = table();
  std::vector<std::string> named;
  for (const std::vector<std::string>& row : rows) {
    REQUIRE(row.size() == 7);
    named.push_back(row[0]);
    DiLoCoOptions options;
    options.codec = row[0];
    CHECK(make_method(options, 2).value_or_throw().result_codec->name() == row[1]);
    const double bits = bits_per_value(**find_codec(row[0]));
    CHECK(std::abs(std::stod(row[2]) - bits) < 0.0051);
    check_cell(row[0], "direct", 2, row[3]);
    check_cell(row[0], "direct", 4, row[4]);
    check_cell(row[0], "gather", 2, row[5]);
    check_cell(row[0], "gather", 4, row[6]);
  }
  for (const std::string_view codec : codec_names()) CHECK(std::ranges::count(named, codec) == 1);
}

}  // namespace outrigger::readme_bytes_test
