//! What the machine must allow before measuring makes sense, checked before anything is started.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{Failure, Result, proc};

/// Files that are open beside connections: of this program, or of a server.
const FILES_BESIDE: u64 = 256;

/// So much may a connection cost on both sides together, in KiB, before the machine is called too
/// small: the goal for the server, and as much again for this client and for the kernel.
const CONNECTION_KIB: u64 = 100;

/// Loopback addresses that connections may come from: 127.0.1.1 and the following.
pub(crate) const SOURCES_MAX: usize = 200;

/// Makes sure that this program, and a server that it starts, may have so many connections.
///
/// # Errors
///
/// If they may not, with what to change.
pub fn check(connections: usize) -> Result<()> {
    let connections = u64::try_from(connections).unwrap_or(u64::MAX);
    open_files(connections)?;
    ports(connections)?;
    memory(connections)
}

/// Raises the limit on open files, which children inherit.
fn open_files(connections: u64) -> Result<()> {
    let needed = connections.saturating_add(FILES_BESIDE);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    if let Some(maximum) = maximum.filter(|&maximum| maximum < needed) {
        return Err(Failure::new(format!(
            "{connections} connections need {needed} open files; the hard limit is {maximum}"
        ))
        .help(format!(
            "`ulimit -Hn {needed}` as root, LimitNOFILE= in a unit, or fewer connections"
        )));
    }
    let raised = Rlimit { current: Some(needed), maximum };
    setrlimit(Resource::Nofile, raised).map_err(Failure::while_doing("raise the limit of files"))
}

fn ports(connections: u64) -> Result<()> {
    let Some(range) = proc::ephemeral_ports() else { return Ok(()) };
    let ports = (range.end() + 1).saturating_sub(*range.start());
    let possible = ports.saturating_mul(SOURCES_MAX as u64);
    if connections <= possible {
        return Ok(());
    }
    Err(Failure::new(format!("{connections} connections need more ports than {possible}"))
        .help("sysctl -w net.ipv4.ip_local_port_range=\"10000 65000\""))
}

fn memory(connections: u64) -> Result<()> {
    let Some(available) = proc::memory_available_kib() else { return Ok(()) };
    let needed = connections.saturating_mul(CONNECTION_KIB);
    if needed <= available {
        return Ok(());
    }
    let (needed, available) = (needed >> 10, available >> 10);
    Err(Failure::new(format!(
        "{connections} connections may take {needed} MiB of memory and {available} MiB are left"
    ))
    .help("stop other programs, or measure fewer connections"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_connections_are_always_possible() {
        assert_eq!(check(10), Ok(()));
    }

    #[test]
    fn what_cannot_be_is_refused_with_a_way_out() {
        for refused in [ports(1 << 40), memory(1 << 40)] {
            let said = refused.unwrap_err().to_string();
            assert!(said.starts_with("error: ") && said.contains("\nhelp: "), "{said}");
        }
        if getrlimit(Resource::Nofile).maximum.is_some() {
            let said = open_files(1 << 40).unwrap_err().to_string();
            assert!(said.contains("open files") && said.contains("LimitNOFILE"), "{said}");
        }
    }
}
