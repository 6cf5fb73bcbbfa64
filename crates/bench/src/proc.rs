//! What Linux tells about a process and about the machine (proc(5)).

use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use crate::{Failure, Result};

/// The kernel counts processor time in hundredths of a second for user space, on every platform.
const TICK: Duration = Duration::from_millis(10);

/// What a process uses at one moment. Sizes are KiB, as the kernel writes them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Memory that is resident.
    pub rss_kib: u64,
    /// The part of it that is not a file: heap and stacks.
    pub anonymous_kib: u64,
    /// The most that was ever resident.
    pub peak_kib: u64,
    /// Threads.
    pub threads: u64,
    /// Processor time of all threads since the start, in user space and in the kernel.
    pub cpu: Duration,
}

impl Usage {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// If there is no such process any more.
    pub fn of(pid: u32) -> Result<Self> {
        let status = read(&format!("/proc/{pid}/status"))?;
        let stat = read(&format!("/proc/{pid}/stat"))?;
        let field = |name| number_of(&status, name).unwrap_or(0);
        Ok(Self {
            rss_kib: field("VmRSS"),
            anonymous_kib: field("RssAnon"),
            peak_kib: field("VmHWM"),
            threads: field("Threads"),
            cpu: cpu(&stat).ok_or_else(|| Failure::new("cannot understand /proc/PID/stat"))?,
        })
    }
}

/// Makes the peak of a process what it uses now (proc(5), clear_refs). Whether that is allowed.
#[must_use]
pub fn reset_peak(pid: u32) -> bool {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").is_ok()
}

/// The programs that listen on a TCP port of this machine, as far as this user may see.
#[must_use]
pub fn listeners(port: u16) -> Vec<u32> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| read(path).unwrap_or_default());
    let inodes: Vec<_> = tables
        .iter()
        .flat_map(|table| table.lines())
        .filter_map(|it| listening(it, port))
        .collect();
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let mut found: Vec<u32> = processes
        .flatten()
        .filter_map(|process| process.file_name().to_str()?.parse().ok())
        .filter(|pid| holds_socket(*pid, &inodes))
        .collect();
    found.sort_unstable();
    found
}

/// The inode of a socket that listens on a port, from its line in /proc/net/tcp.
fn listening(line: &str, port: u16) -> Option<&str> {
    const LISTEN: &str = "0A";
    let mut fields = line.split_whitespace();
    let (_, local_port) = fields.nth(1)?.rsplit_once(':')?;
    let state = fields.nth(1)?;
    (state == LISTEN && u16::from_str_radix(local_port, 16) == Ok(port))
        .then(|| fields.nth(5))
        .flatten()
}

fn holds_socket(pid: u32, inodes: &[&str]) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    files.flatten().filter_map(|file| fs::read_link(file.path()).ok()).any(|link| {
        let inode = link.to_str().and_then(|it| it.strip_prefix("socket:[")?.strip_suffix(']'));
        inode.is_some_and(|inode| inodes.contains(&inode))
    })
}

/// Memory that programs can still get without swapping, in KiB; `None` if the kernel does not say.
#[must_use]
pub fn memory_available_kib() -> Option<u64> {
    number_of(&read("/proc/meminfo").ok()?, "MemAvailable")
}

/// The ports that outgoing connections get; `None` if the kernel does not say.
#[must_use]
pub fn ephemeral_ports() -> Option<RangeInclusive<u64>> {
    let text = read("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut ends = text.split_whitespace().map(str::parse);
    Some(ends.next()?.ok()?..=ends.next()?.ok()?)
}

/// The version of the kernel.
#[must_use]
pub fn kernel() -> String {
    read("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned()).unwrap_or_default()
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(Path::new(path)).map_err(Failure::while_doing(format_args!("read {path}")))
}

/// The first number behind `name:` at the start of a line.
fn number_of(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Fields 14 and 15, counted behind the name of the program, which may contain anything.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = |index| fields.split_whitespace().nth(index)?.parse::<u32>().ok();
    Some(TICK * ticks(11)?.checked_add(ticks(12)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_by_the_names_of_its_lines() {
        let status = "Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\nThreads:\t3\n";
        assert_eq!(number_of(status, "VmRSS"), Some(1024));
        assert_eq!(number_of(status, "Threads"), Some(3));
        assert_eq!(number_of(status, "Vm"), None);
    }

    #[test]
    fn processor_time_is_found_behind_any_program_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 500 0 0 0 150 50 0 0 20 0 3 0 100";
        assert_eq!(cpu(stat), Some(Duration::from_secs(2)));
    }

    #[test]
    fn who_listens_on_a_port_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(listeners(port), [std::process::id()]);
        drop(listener);
        assert!(listeners(port).is_empty());
    }

    #[test]
    fn this_process_has_memory_and_a_thread() {
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.rss_kib > 0 && usage.threads > 0 && usage.peak_kib >= usage.rss_kib);
    }
}
