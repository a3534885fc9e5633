#include <nlohmann/json.hpp>

#include <outrigger/comm/transport/grpc_wire.h>
#include <outrigger/framework/bench/collective_runs.h>

namespace outrigger {
namespace {

using Json = nlohmann::ordered_json;

Result<Meeting> meet(const CollectiveBenchOptions& options, const MemberPlace& place) {
  const Status allowed = check_address(place.meet, options.wire.insecure);
  if (!allowed.ok()) return allowed.with_context("--meet");
  return place.member == 0 ? Meeting::host(place.meet, place.members)
                           : Meeting::join(place.meet, place.member, place.members);
}

Result<Json> payload_rows(Meeting& meeting, StartLine& line,
                          const CollectiveBenchOptions& options) {
  Json rows = Json::array();
  for (const double mb : options.payload_mb)
    for (const std::size_t connections : options.payload_connections) {
      const Result<PayloadFigures> figures =
          measure_payload(meeting, line, options, mb, connections);
      if (!figures.ok()) return figures.status();
      rows.push_back(payload_json(*figures));
    }
  return rows;
}

Result<Json> collective_rows(Meeting& meeting, StartLine& line,
                             const CollectiveBenchOptions& options, const MemberPlace& place) {
  const Result<std::vector<CollectiveCase>> cases = cases_of(options, place.members);
  if (!cases.ok()) return cases.status();
  Json rows = Json::array();
  if (cases->empty()) return rows;
  const Result<std::unique_ptr<BenchWire>> wire = BenchWire::open(meeting, options.wire);
  if (!wire.ok()) return wire.status();
  for (const CollectiveCase& measured : *cases) {
    const Result<CollectiveFigures> figures =
        measure_collective(line, **wire, options, measured, place);
    if (!figures.ok()) return figures.status();
    rows.push_back(collective_json(*figures));
  }
  return rows;
}

}  // namespace

Result<Json> run_collective_member(const CollectiveBenchOptions& options, const MemberPlace& place,
                                   const std::function<void(const std::string&)>& met) {
  Result<Meeting> meeting = meet(options, place);
  if (!meeting.ok()) return meeting.status();
  met(meeting->address());
  Result<StartLine> line = StartLine::draw(*meeting);
  if (!line.ok()) return line.status();
  Result<Json> payload = payload_rows(*meeting, *line, options);
  if (!payload.ok()) return payload;
  Result<Json> rows = collective_rows(*meeting, *line, options, place);
  if (!rows.ok()) return rows;
  if (place.member != 0) return Json();
  return collective_report(options, std::move(*payload), std::move(*rows));
}

}  // namespace outrigger
