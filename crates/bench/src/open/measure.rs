use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use logboom_store::{Access, Disk, RealDisk, Recovery, Store};

use super::build::{NOW_MS, Plan};
use crate::clock::{now, thread_cpu};
use crate::proc::{Usage, reset_peak};
use crate::table::Column;
use crate::units::ms;
use crate::{Failure, Result};

/// What one opening has found.
#[derive(Debug)]
pub(super) struct Figures {
    wall: Duration,
    cpu: Duration,
    /// The most that was resident until then: this program, and what the store needed. NaN if the kernel
    /// does not let it be measured anew for each opening.
    peak_rss_mib: f64,
    recovery: Recovery,
    batches: u64,
}

impl Figures {
    /// The figures of the table.
    pub(super) const COLUMNS: &[Column<Self>] = &[
        Column::new("open_ms", "open, ms", 1, |it| ms(it.wall)),
        Column::new("cpu_ms", "CPU, ms", 1, |it| ms(it.cpu)),
        Column::new("peak_rss_mib", "peak RSS, MiB", 1, |it| it.peak_rss_mib),
        Column::new("log_gb", "log, GB", 3, |it| it.recovery.log_bytes as f64 / 1e9),
        Column::new("scanned_mb", "of it scanned, MB", 1, |it| {
            it.recovery.scanned_bytes as f64 / 1e6
        }),
        Column::new("segments", "segments", 0, |it| it.recovery.segments as f64),
        Column::new("batches", "batches", 0, |it| it.batches as f64),
        Column::new("shards", "shards", 0, |it| it.recovery.shards as f64),
    ];
}

/// Opens the store once. `cold` lets the kernel forget the content of its files before.
///
/// # Errors
///
/// If the store cannot be opened, or is not the one of the plan.
pub(super) fn measure(directory: &Path, plan: &Plan, cold: bool) -> Result<Figures> {
    let disk = open_directory(directory, cold)
        .map_err(Failure::while_doing(format_args!("open {}", directory.display())))?;
    let pid = std::process::id();
    let peak_known = reset_peak(pid);
    let (start, start_cpu) = (now(), thread_cpu());
    let opened = Store::open(Arc::new(disk), plan.options.clone(), [9; 32], NOW_MS);
    let (wall, cpu) = (now() - start, thread_cpu() - start_cpu);
    let peak_kib = if peak_known { Usage::of(pid)?.peak_kib as f64 } else { f64::NAN };
    let (store, recovery) = opened.map_err(Failure::while_doing("open the store"))?;
    // A server that was killed leaves the next segment in hand. So does this, for the next opening.
    store.commit_group();
    store.close();
    let frame_bytes = plan.frame_bytes();
    if recovery.shards != plan.shards as usize || !recovery.log_bytes.is_multiple_of(frame_bytes) {
        return Err(Failure::new(format!("{} holds another store", directory.display()))
            .help("remove it, or say what is in it"));
    }
    if recovery.footers_rebuilt > 0 {
        return Err(Failure::new("a footer is damaged: not what was to be measured"));
    }
    let batches = recovery.log_bytes / frame_bytes;
    Ok(Figures { wall, cpu, peak_rss_mib: peak_kib / 1024.0, recovery, batches })
}

fn open_directory(directory: &Path, cold: bool) -> std::io::Result<RealDisk> {
    let disk = RealDisk::open(directory)?;
    if cold {
        for name in disk.list()? {
            disk.open(&name, Access::Read)?.forget_cached();
        }
    }
    Ok(disk)
}
