#pragma once

#include <outrigger/comm/collective/collective.h>
#include <outrigger/comm/collective/pipeline.h>

namespace outrigger {

// What the collectives have in common.

// Internal unless the exchange keeps what collective.h requires of it.
Status check_exchange(const Exchange& exchange, MemberId self);

// The exchange as it is for these of its contributors alone, by their places; nobody owns a shard.
Exchange part_of(const Exchange& exchange, std::span<const std::size_t> places);

// The result to be filled in, in memory of the exchange's pool.
Exchanged empty_result(const Exchange& exchange, const Codec& codec);

// The contributors but for this member, in the closed order.
std::vector<MemberId> others_of(const Exchange& exchange, MemberId self);

// One message a chunk.
std::vector<ChunkMessage> messages_of(std::uint32_t hop, std::span<const Chunk> chunks,
                                      const Codec& codec);

// Aggregates one chunk in the closed order. `arrived` has the encoded bytes of others_of(), `own`
// this member's. Corruption names the contributor whose bytes do not decode,
// and sets failed_peer to it.
Status aggregate_chunk(const Exchange& exchange, MemberId self, std::span<const std::byte> own,
                       const Chunk& chunk, std::span<const std::span<const std::byte>> arrived,
                       const Reducer& reducer, const Codec& result_codec, std::span<std::byte> out,
                       std::optional<MemberId>& failed_peer);

// Runs the pipeline and completes `result`, whose codec and bytes are set.
Result<Exchanged> run_pipeline(Pipeline& pipeline, Exchanged result,
                               std::optional<MemberId>& failed_peer);

// The same for one chunk after the other from one member to another that has no part in the
// exchange, by the tags of `hop`. To each of `to`, all of the result.
Status send_chunks(Transport& transport, const Exchange& exchange, std::uint32_t hop,
                   std::span<const MemberId> to, Exchanged& result, TimePoint deadline,
                   std::stop_token stop, std::optional<MemberId>& failed_peer);
Result<Exchanged> receive_chunks(Transport& transport, const Exchange& exchange, std::uint32_t hop,
                                 MemberId from, const Codec& codec, TimePoint deadline,
                                 std::stop_token stop, std::optional<MemberId>& failed_peer);

}  // namespace outrigger
