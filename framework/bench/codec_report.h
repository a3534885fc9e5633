#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include <outrigger/framework/bench/codec_bench.h>

namespace outrigger {

// The figures of `bench codec` with the machine they were taken on:
//   {"bench": "codec",
//    "machine": {"cpu", "vectors", "threads", "elements", "repeats", "commit", "build"},
//    "memcpy": {"fp32_bytes_per_s": SPREAD, "touched_bytes_per_s": SPREAD, "spread"},
//    "cpu_share",
//    "codecs": [{"codec", "bits_per_parameter",
//                "encode" | "encode_alone" | "aggregate": {"fp32_bytes_per_s": SPREAD,
//                                                          "of_memcpy"},
//                "decode": {"fp32_bytes_per_s": SPREAD, "touched_bytes_per_s": SPREAD,
//                           "of_memcpy"}}]}
// SPREAD is {"median", "min", "max"}; "spread" (max - min) / median: how noisy the machine was.
// "of_memcpy" divides medians, fp32 bytes by bytes copied; for decode, bytes touched by bytes
// touched, of which memcpy has two for each that it copies.
nlohmann::ordered_json codec_report(const CodecBenchOptions& options, const CodecBench& bench);

// Adds what tools/peers/codec.py printed as report["peers"], and to each of its records
// "ours_over_theirs": our median of the codec and pass that the record names over the peer's; null
// where that was not measured. Corruption if a record lacks a field.
Status add_codec_peers(nlohmann::ordered_json& report, nlohmann::ordered_json peers);

// The report as a table.
std::string codec_table(const nlohmann::ordered_json& report);

}  // namespace outrigger
