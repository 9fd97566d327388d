//! What real apps do, as short plays: each is a check of its own, so that the one that can't be done is named.

mod money;
mod people;
mod work;

use crate::cli::script::Script;

/// Every workload with its checks, in the order in which they are shown.
pub(super) const ALL: [(&str, &[Script]); 8] = [
    ("Workload: profiles", people::PROFILES),
    ("Workload: payments", money::PAYMENTS),
    ("Workload: bet slips", money::BET_SLIPS),
    ("Workload: usage counters", work::COUNTERS),
    ("Workload: leaderboards", people::LEADERBOARDS),
    ("Workload: sessions", people::SESSIONS),
    ("Workload: queues", work::QUEUES),
    ("Workload: limiter", work::LIMITER),
];
