#include <fstream>
#include <iostream>
#include <iterator>

#include "fuzz/input.h"

// What libFuzzer's own main does with files: one run each.
int main(int count, char** files) {
  if (count < 2) {
    std::cerr << "usage: " << files[0] << " FILE...\n";
    return 2;
  }
  for (int i = 1; i < count; ++i) {
    std::ifstream file(files[i], std::ios::binary);
    if (!file) {
      std::cerr << files[i] << " cannot be read\n";
      return 2;
    }
    std::cerr << files[i] << "\n";
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  }
  return 0;
}
