use std::fs;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, getuid, setrlimit};

/// How much of what connections need this process may have. `None` is as much as it likes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Machine {
    /// Open files of the process, once its soft limit is raised.
    pub(super) descriptors: Option<u64>,
    /// Processes and threads of the user.
    pub(super) threads_of_user: Option<u64>,
    /// Processes and threads of the control group.
    pub(super) threads_of_group: Option<u64>,
    /// Processes and threads of the whole machine.
    pub(super) threads_of_machine: Option<u64>,
    /// Memory maps of the process.
    pub(super) maps: Option<u64>,
}

impl Machine {
    /// The machine that this process runs on.
    pub(super) fn here() -> Self {
        let threads_of_user = getrlimit(Resource::Nproc).current;
        Self {
            descriptors: getrlimit(Resource::Nofile).maximum,
            // The kernel does not count the processes of root.
            threads_of_user: threads_of_user.filter(|_| !getuid().is_root()),
            threads_of_group: threads_of_group(Path::new("/proc"), Path::new("/sys/fs/cgroup")),
            threads_of_machine: number(Path::new("/proc/sys/kernel/threads-max")),
            maps: number(Path::new("/proc/sys/vm/max_map_count")),
        }
    }
}

/// Lets this process open as many files as it may. Soft limits are low for the sake of programs
/// that use `select`.
pub(super) fn raise_descriptors() -> std::io::Result<()> {
    let limits = getrlimit(Resource::Nofile);
    if limits.current == limits.maximum {
        return Ok(());
    }
    setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, ..limits })?;
    Ok(())
}

/// The smallest `pids.max` of the control group of this process and of those around it.
fn threads_of_group(proc: &Path, mounted: &Path) -> Option<u64> {
    let groups = fs::read_to_string(proc.join("self/cgroup")).ok()?;
    let limits = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let top = match controllers {
            "" => mounted.to_path_buf(),
            _ if controllers.split(',').any(|name| name == "pids") => mounted.join("pids"),
            _ => return None,
        };
        let group = top.join(path.trim_start_matches('/'));
        let around = group.ancestors().take_while(|directory| directory.starts_with(&top));
        around.filter_map(|directory| number(&directory.join("pids.max"))).min()
    });
    limits.min()
}

/// The number in a file. `max`, or a file that is not there, is none.
fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(cgroup: &str, limits: &[(&str, &str)]) -> Option<u64> {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("self")).unwrap();
        fs::write(root.path().join("self/cgroup"), cgroup).unwrap();
        for (directory, limit) in limits {
            let directory = root.path().join("mounted").join(directory);
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("pids.max"), limit).unwrap();
        }
        threads_of_group(root.path(), &root.path().join("mounted"))
    }

    #[test]
    fn the_smallest_limit_of_all_groups_around_counts() {
        let limits = [("a", "max\n"), ("a/b", "70\n"), ("a/b/c", "900\n"), ("other", "1\n")];
        assert_eq!(group("0::/a/b/c\n", &limits), Some(70));
        assert_eq!(group("0::/a\n", &limits), None);
        assert_eq!(group("0::/gone\n", &limits), None);
    }

    #[test]
    fn groups_of_the_first_version_are_found_too() {
        let limits = [("pids/x", "50"), ("x", "1")];
        assert_eq!(group("3:cpu:/x\n2:pids:/x\n0::/\n", &limits), Some(50));
    }

    #[test]
    fn this_machine_has_limits() {
        let machine = Machine::here();
        assert!(machine.threads_of_machine.is_some_and(|threads| threads > 0));
        assert!(machine.maps.is_some_and(|maps| maps > 0));
    }
}
