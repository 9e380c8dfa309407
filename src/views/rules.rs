//! The settings that counting looks at, in the form in which it needs them.

use std::time::Duration;

use ipnet::IpNet;

use super::judge::OriginRules;
use crate::config;

/// What a reload may change.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Which origins count.
    pub judging: OriginRules,
    /// Whose forwarding headers are believed.
    pub trusted: Vec<IpNet>,
    /// The same visitor and article within it is a repeat.
    pub repeat_window: Duration,
    /// Visitor keys remembered.
    pub repeat_keys_max: usize,
    /// Hits waiting for the disk.
    pub queue_max: usize,
    /// Hits committed together.
    pub batch_hits_max: usize,
    /// How often committed hits are added to the counts.
    pub fold_every: Duration,
    /// Keys of hits remembered.
    pub idempotency_keys_max: usize,
    /// Rows of parked hits.
    pub parked_max: usize,
    /// Articles of one question for counts.
    pub count_ids_max: usize,
}

impl Rules {
    /// Takes what counting needs of the settings.
    pub fn new(settings: &config::Views, site_origins: &[String], trusted: Vec<IpNet>) -> Rules {
        let origin = |origin: &String| origin.trim_end_matches('/').to_ascii_lowercase();
        Rules {
            judging: OriginRules {
                origins: site_origins.iter().map(origin).collect(),
                require_origin: settings.require_origin,
            },
            trusted,
            repeat_window: settings.repeat_window,
            repeat_keys_max: settings.repeat_keys_max,
            queue_max: settings.queue_max,
            batch_hits_max: settings.batch_hits_max.max(1),
            fold_every: settings.fold_every,
            idempotency_keys_max: settings.idempotency_keys_max,
            parked_max: settings.parked_max,
            count_ids_max: settings.count_ids_max,
        }
    }
}
