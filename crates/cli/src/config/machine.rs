//! Whether this machine can do what the configuration asks: its disk, its memory, its names.

use std::net::{IpAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use super::limits::LimitKind;
use super::model::{Config, Listener};
use crate::diagnostics::{Finding, Findings};
use crate::io_reason::io_reason;
use crate::units;

/// Checks that the data directory can be used, and returns how much room there is, in bytes.
pub(super) fn check_data_dir(findings: &mut Findings, config: &Config) -> Option<u64> {
    let data_dir = &config.node.data_dir;
    match usable(data_dir) {
        Ok(free_bytes) => free_bytes,
        Err(problem) => {
            let title = format!("cannot use the data directory {}", data_dir.display());
            let finding = Finding::error("LB0148", title);
            findings.push(match data_dir.origin {
                Some(span) => finding.at(span, problem),
                None => finding.note(problem).help("set node.data_dir, or start somewhere else"),
            });
            None
        }
    }
}

/// Checks that a directory exists and can be written to, or that it can be created.
fn usable(directory: &Path) -> Result<Option<u64>, String> {
    let existing = nearest_existing(directory);
    let metadata = std::fs::metadata(&existing).map_err(|error| io_reason(&error))?;
    if !metadata.is_dir() {
        return Err(format!("{} is no directory", existing.display()));
    }
    let wanted = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    rustix::fs::access(&existing, wanted).map_err(|errno| {
        format!("cannot write to {}: {}", existing.display(), io_reason(&errno.into()))
    })?;
    let free = rustix::fs::statvfs(&existing).ok();
    Ok(free.map(|free| free.f_bavail.saturating_mul(free.f_frsize)))
}

/// The directory itself if it is there, otherwise the nearest one above it that is.
fn nearest_existing(directory: &Path) -> PathBuf {
    directory
        .ancestors()
        .map(|ancestor| if ancestor.as_os_str().is_empty() { Path::new(".") } else { ancestor })
        .find(|ancestor| ancestor.exists())
        .unwrap_or(Path::new("/"))
        .to_path_buf()
}

/// Warns if requests in flight may take more memory than this process may use.
pub(super) fn check_memory(findings: &mut Findings, config: &Config) {
    let name = "process_bytes_in_flight_max";
    let Some(available) = memory_of_cgroup() else { return };
    let limit = config.node.limits.process_bytes_in_flight_max;
    if limit <= available {
        return;
    }
    let title =
        format!("{name} = {} is above the memory of this cgroup", LimitKind::Size.format(limit));
    let problem = format!("the cgroup has {}", units::approximate_size(available));
    let finding = Finding::warning("LB0105", title);
    findings.push(match config.node.limit_origins.get(name) {
        Some(span) => finding.at(*span, problem),
        None => finding.note(problem).help(format!("set node.limits.{name}")),
    });
}

/// The memory limit of the control group of this process, in bytes, if there is one.
fn memory_of_cgroup() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let directory = Path::new("/sys/fs/cgroup").join(group.trim_start_matches('/'));
    std::fs::read_to_string(directory.join("memory.max")).ok()?.trim().parse().ok()
}

/// Warns about advertised names that clients elsewhere cannot use.
pub(super) fn check_advertised(findings: &mut Findings, config: &Config, resolve: bool) {
    for listener in &config.listeners {
        let Some(problem) = unreachable(config, listener, resolve) else { continue };
        let title = format!("clients of listener `{}` may not reach it", *listener.name);
        let finding = Finding::warning("LB0147", title);
        findings.push(match listener.advertise.origin {
            Some(span) => finding.at(span, problem),
            None => finding.note(problem),
        });
    }
}

fn unreachable(config: &Config, listener: &Listener, resolve: bool) -> Option<String> {
    // Whoever listens on loopback wants clients on this machine only.
    if listener.address.ip().is_loopback() {
        return None;
    }
    for project in &config.projects {
        let host = listener.advertise.host(&project.name);
        if is_loopback(&host) {
            return Some(format!("{host} is each client's own machine"));
        }
        if resolve && (host.as_str(), 0).to_socket_addrs().is_err() {
            return Some(format!("{host} does not resolve on this machine"));
        }
    }
    None
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_can_be_created_is_usable() {
        let parent = tempfile::tempdir().unwrap();
        assert!(usable(&parent.path().join("a/b/c")).unwrap().is_some());
        let file = parent.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(usable(&file).unwrap_err().contains("is no directory"));
        assert!(usable(&file.join("below")).unwrap_err().contains("is no directory"));
    }
}
