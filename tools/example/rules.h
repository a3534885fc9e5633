#pragma once

// Makes outer.optimizer "soft_sgd" and the aggregation rule "farthest" known. Call it before the
// first DiLoCo; on every island, or the islands' states differ and the job ends.
void register_own_rules();
