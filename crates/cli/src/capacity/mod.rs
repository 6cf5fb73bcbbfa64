//! Whether the limits of this machine leave room for all connections that are allowed.

mod machine;

use crate::config::Config;
use crate::diagnostics::{Finding, Findings};
use crate::needs::Needs;
use machine::Machine;

/// File descriptors besides those of connections: listeners, the log, events, standard streams.
const DESCRIPTORS_RESERVED: u64 = 128;
/// Threads besides those of connections: the runtime, the committer, signals, retention.
const THREADS_RESERVED: u64 = 32;
/// Memory maps besides those of threads: the program, its libraries, its memory.
const MAPS_RESERVED: u64 = 1_024;
/// A thread has a stack and a guard.
const MAPS_PER_THREAD: u64 = 2;

/// The limit that this is about.
const LIMIT: &str = "connections_max";

/// Reports as errors what this machine does not have enough of.
pub(crate) fn check(findings: &mut Findings, config: &Config, needs: Needs) {
    for shortage in shortages(needs, config.node.limits.connections_max, &Machine::here()) {
        findings.push(shortage.finding(config));
    }
}

/// Lets this process open as many files as it may, which is what the other functions reckon with.
///
/// # Errors
///
/// If the kernel does not let it.
pub(crate) fn raise_descriptors() -> std::io::Result<()> {
    machine::raise_descriptors()
}

/// Lowers `connections_max` to what this machine has room for, unless somebody has written it
/// down. The warning says so; what cannot be helped is reported as by [`check`].
pub(crate) fn fit(findings: &mut Findings, config: &mut Config, needs: Needs) {
    let asked = config.node.limits.connections_max;
    let shortages = shortages(needs, asked, &Machine::here());
    let Some(tightest) = shortages.iter().min_by_key(|shortage| shortage.fitting) else { return };
    if tightest.fitting == 0 || config.node.limit_origins.contains_key(LIMIT) {
        return check(findings, config, needs);
    }
    let limits = &mut config.node.limits;
    limits.connections_max = tightest.fitting;
    limits.connections_per_address_max =
        limits.connections_per_address_max.min(limits.connections_max);
    let title = format!("{} instead of {asked} connections: {}", tightest.fitting, tightest.why());
    findings.push(Finding::warning("LB0206", title).help(tightest.remedy()));
}

/// What connections can run out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resource {
    Descriptors,
    ThreadsOfUser,
    ThreadsOfGroup,
    ThreadsOfMachine,
    Maps,
}

impl Resource {
    const ALL: [Self; 5] = [
        Self::Descriptors,
        Self::ThreadsOfUser,
        Self::ThreadsOfGroup,
        Self::ThreadsOfMachine,
        Self::Maps,
    ];

    /// What is needed besides connections, and for each.
    const fn needs(self, needs: Needs) -> (u64, u64) {
        let threads = needs.threads_per_connection;
        match self {
            Self::Descriptors => (DESCRIPTORS_RESERVED, needs.descriptors_per_connection),
            Self::Maps => {
                (MAPS_RESERVED + MAPS_PER_THREAD * THREADS_RESERVED, MAPS_PER_THREAD * threads)
            }
            _ => (THREADS_RESERVED, threads),
        }
    }

    const fn there(self, machine: &Machine) -> Option<u64> {
        match self {
            Self::Descriptors => machine.descriptors,
            Self::ThreadsOfUser => machine.threads_of_user,
            Self::ThreadsOfGroup => machine.threads_of_group,
            Self::ThreadsOfMachine => machine.threads_of_machine,
            Self::Maps => machine.maps,
        }
    }
}

/// Something of which there is too little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shortage {
    resource: Resource,
    connections: u64,
    needed: u64,
    there: u64,
    /// So many connections there is enough for.
    fitting: u64,
}

fn shortages(needs: Needs, connections: u64, machine: &Machine) -> Vec<Shortage> {
    let shortage = |resource: Resource| {
        let there = resource.there(machine)?;
        let (reserved, each) = resource.needs(needs);
        let needed = connections.saturating_mul(each).saturating_add(reserved);
        let fitting = match there.checked_sub(reserved) {
            Some(left) => left.checked_div(each).unwrap_or(connections),
            None => 0,
        };
        (needed > there).then_some(Shortage { resource, connections, needed, there, fitting })
    };
    Resource::ALL.into_iter().filter_map(shortage).collect()
}

impl Shortage {
    /// What is too small, in words that follow others.
    fn why(&self) -> String {
        let Self { needed, there, .. } = self;
        match self.resource {
            Resource::Descriptors => {
                format!("{needed} file descriptors are needed, and this process may have {there}")
            }
            Resource::ThreadsOfUser => {
                format!("{needed} threads are needed, and this user may have {there}")
            }
            Resource::ThreadsOfGroup => {
                format!("{needed} threads are needed, and this control group may have {there}")
            }
            Resource::ThreadsOfMachine => {
                format!("{needed} threads are needed, and this machine may have {there}")
            }
            Resource::Maps => {
                format!("{needed} memory maps are needed, and a process may have {there}")
            }
        }
    }

    /// What to change about the machine.
    fn remedy(&self) -> String {
        let needed = self.needed;
        match self.resource {
            Resource::Descriptors => {
                format!(
                    "ulimit -n {needed} in the shell, or LimitNOFILE={needed} in a systemd unit"
                )
            }
            Resource::ThreadsOfUser => {
                format!("ulimit -u {needed} in the shell, or LimitNPROC={needed} in a systemd unit")
            }
            Resource::ThreadsOfGroup => {
                format!("TasksMax={needed} in a systemd unit, or --pids-limit of a container")
            }
            Resource::ThreadsOfMachine => format!("sysctl kernel.threads-max={needed}"),
            Resource::Maps => format!("sysctl vm.max_map_count={needed}"),
        }
    }

    fn finding(&self, config: &Config) -> Finding {
        let Self { connections, fitting, .. } = self;
        let title = format!("too small for {connections} connections: {}", self.why());
        let mut finding = Finding::error("LB0206", title).help(self.remedy());
        if *fitting > 0 {
            let per_address = config.node.limits.connections_per_address_max;
            // Otherwise the next mistake would be that one is above the other.
            let also = if per_address > *fitting {
                format!(" and connections_per_address_max = {fitting}")
            } else {
                String::new()
            };
            finding = finding.help(format!("or {LIMIT} = {fitting}{also} in [node.limits]"));
        }
        match config.node.limit_origins.get(LIMIT) {
            Some(span) => finding.at(*span, "so many are asked for here"),
            None => finding.note(format!("{connections} is the default of {LIMIT}")),
        }
    }
}

#[cfg(test)]
mod tests;
