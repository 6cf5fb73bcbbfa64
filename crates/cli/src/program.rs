use std::path::Path;

use crate::environment::Environment;

/// How this program was called, so that every hint it prints can be typed as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// `logboom-smol`, or `cargo run --release --`.
    pub(crate) name: String,
    /// The runtime it stands on: `smol`.
    pub(crate) runtime: &'static str,
}

impl Program {
    /// Works out how the program was called.
    ///
    /// `called_as` is its first argument, `executable` the file that runs. Cargo sets
    /// `CARGO_PKG_NAME` for what it runs, and the name is that of this program's package only if
    /// cargo runs this program and not, say, a test that started it.
    #[must_use]
    pub(crate) fn detect(
        runtime: &'static str,
        called_as: Option<&Path>,
        executable: Option<&Path>,
        environment: &Environment,
    ) -> Self {
        let package = format!("logboom-{runtime}");
        if environment.get("CARGO_PKG_NAME") == Some(package.as_str()) {
            let release = if executable.is_some_and(is_release_build) { " --release" } else { "" };
            return Self { name: format!("cargo run{release} --"), runtime };
        }
        let name = called_as.and_then(Path::file_name).map(|name| name.to_string_lossy().into());
        Self { name: name.unwrap_or(package), runtime }
    }

    /// The first line of `--version` and of the log.
    #[must_use]
    pub(crate) fn version(&self) -> String {
        format!(
            "logboom {} ({}, {} {})",
            env!("CARGO_PKG_VERSION"),
            self.runtime,
            std::env::consts::OS,
            std::env::consts::ARCH
        )
    }

    /// A command line of this program, as a person would type it.
    #[must_use]
    pub(crate) fn command(&self, arguments: &str) -> String {
        format!("{} {arguments}", self.name)
    }
}

fn is_release_build(executable: &Path) -> bool {
    executable.components().any(|part| part.as_os_str() == "release")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(called_as: &str, executable: &str, package: &str) -> String {
        let environment = Environment::from([("CARGO_PKG_NAME", package)]);
        let called_as = Some(Path::new(called_as));
        Program::detect("smol", called_as, Some(Path::new(executable)), &environment).name
    }

    #[test]
    fn hints_name_the_program_as_it_was_called() {
        assert_eq!(name("/usr/bin/logboom", "/usr/bin/logboom-smol", ""), "logboom");
        let release = "/src/target/release/logboom-smol";
        assert_eq!(name(release, release, "logboom-smol"), "cargo run --release --");
        let debug = "/src/target/debug/logboom-smol";
        assert_eq!(name(debug, debug, "logboom-smol"), "cargo run --");
    }

    #[test]
    fn a_program_that_a_test_starts_is_not_run_by_cargo() {
        let debug = "/src/target/debug/logboom-smol";
        assert_eq!(name(debug, debug, "logboom-tests"), "logboom-smol");
    }
}
