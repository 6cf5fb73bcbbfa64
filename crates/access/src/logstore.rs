use std::time::Duration;

use logboom_model::MappingOptions;

use crate::name::{LogstoreName, ProjectName};

/// A project: the unit of tenancy. Nothing is shared between two projects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Unique among all projects.
    pub name: ProjectName,
    /// What it owns.
    pub logstores: Vec<Logstore>,
}

/// A Logstore: where logs of one kind go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logstore {
    /// Unique within its project.
    pub name: LogstoreName,
    /// How many shards it has: what Kafka calls partitions. 1 to [`Self::SHARDS_MAX`].
    pub shards: u32,
    /// How long its logs are kept.
    pub retention: Retention,
    /// How its records become logs when they are read.
    pub mapping: MappingOptions,
}

impl Logstore {
    /// The largest number of shards. Every Metadata response lists every shard, so this bounds
    /// how much one Logstore adds to it.
    pub const SHARDS_MAX: u32 = 1024;

    /// A Logstore of one shard that keeps everything and maps by the defaults.
    #[must_use]
    pub fn new(name: LogstoreName) -> Self {
        Self {
            name,
            shards: 1,
            retention: Retention::default(),
            mapping: MappingOptions::default(),
        }
    }
}

/// How long logs are kept. The default is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// The age, counted from the append, at which logs expire.
    pub age: Option<Duration>,
    /// The size of a Logstore, in bytes as stored, above which its oldest logs expire.
    pub bytes: Option<u64>,
}
