// Median microseconds of one picture through the library, in the folder of
// target cpp.

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <vector>

#include "digits.hpp"

constexpr int kWarmUp = 2000;
constexpr int kCalls = 2000;

int main() {
  std::ifstream file("example.pgm", std::ios::binary);
  const digits::Picture picture = digits::ReadPgm(file);
  const digits::Reader reader(digits::EmbeddedModel(),
                              digits::EmbeddedLabels());
  for (int call = 0; call < kWarmUp; ++call) reader.Read(picture);
  std::vector<double> times;
  for (int call = 0; call < kCalls; ++call) {
    const auto begin = std::chrono::steady_clock::now();
    reader.Read(picture);
    const std::chrono::duration<double, std::micro> taken =
        std::chrono::steady_clock::now() - begin;
    times.push_back(taken.count());
  }
  std::nth_element(times.begin(), times.begin() + kCalls / 2, times.end());
  std::cout << times[kCalls / 2] << "\n";
}
