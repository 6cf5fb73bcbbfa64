use std::fs::{File, remove_file};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// More probes tell little more.
const PROBES_MAX: usize = 200;
/// A start must not wait for a slow disk for longer than this.
const PROBE_TIME_MAX: Duration = Duration::from_millis(30);
/// A small batch.
const PROBE_BYTES: usize = 4096;

/// How long the disk takes to make data durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SyncTime {
    /// Of the slowest of a hundred.
    pub(crate) p99: Duration,
    /// How often it was measured.
    pub(crate) probes: usize,
}

/// Measures `fdatasync` after small writes in `dir`, as a commit does it.
#[allow(clippy::disallowed_methods, reason = "measuring time is what this does")]
pub(crate) fn sync_time(dir: &Path) -> io::Result<SyncTime> {
    let path = dir.join(".sync-probe");
    let mut file = File::create(&path)?;
    let begin = Instant::now();
    let mut times = Vec::with_capacity(PROBES_MAX);
    while times.len() < PROBES_MAX && begin.elapsed() < PROBE_TIME_MAX {
        file.write_all(&[0; PROBE_BYTES])?;
        let before = Instant::now();
        file.sync_data()?;
        times.push(before.elapsed());
    }
    drop(file);
    remove_file(&path)?;
    times.sort_unstable();
    let slowest = times.len().saturating_sub(1);
    let p99 = times.get(slowest * 99 / 100).copied().unwrap_or_default();
    Ok(SyncTime { p99, probes: times.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probing_leaves_nothing_behind() {
        let dir = tempfile::tempdir().expect("a directory");
        let time = sync_time(dir.path()).expect("a disk that works");
        assert!(time.probes > 0);
        assert_eq!(std::fs::read_dir(dir.path()).expect("the directory").count(), 0);
    }
}
