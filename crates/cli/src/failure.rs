use std::process::ExitCode;

use crate::diagnostics::{Finding, Findings};

/// Why a command did not succeed, which decides its exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Whoever read standard output went away. Exit code 0, without a word.
    OutputClosed,
    /// It failed while running, or found problems. Exit code 1.
    Run(Box<Findings>),
    /// It was called the wrong way, or its configuration is wrong. Exit code 2.
    Usage(Box<Findings>),
    /// As [`Usage`](Self::Usage), and everything has been said already.
    Refused,
}

impl Failure {
    /// A failure at run time that needs no page of its own.
    #[must_use]
    pub(crate) fn run(message: impl Into<String>) -> Self {
        Self::run_with(Finding::plain(message))
    }

    /// A failure at run time with a page of its own.
    #[must_use]
    pub(crate) fn run_with(finding: Finding) -> Self {
        Self::Run(Box::new(finding.into()))
    }

    /// A command line that cannot be obeyed. `help` says what to type instead.
    #[must_use]
    pub(crate) fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage(Box::new(Finding::plain(message).help(help).into()))
    }

    /// The exit code: 0 clean, 1 failure at run time, 2 bad usage or configuration.
    #[must_use]
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::OutputClosed => 0,
            Self::Run(_) => 1,
            Self::Usage(_) | Self::Refused => 2,
        })
    }

    /// What to print about it on standard error; empty if there is nothing to say.
    #[must_use]
    pub(crate) fn render(self, color: bool) -> String {
        match self {
            Self::OutputClosed | Self::Refused => String::new(),
            Self::Run(findings) | Self::Usage(findings) => {
                findings.render(color).trim_end().to_owned() + "\n"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_printed_with_its_help() {
        let failure = Failure::usage("no --config given", "--config logboom.toml");
        assert_eq!(failure.exit_code(), ExitCode::from(2));
        assert_eq!(
            failure.render(false),
            "error: no --config given\nhelp: --config logboom.toml\n"
        );
        assert_eq!(Failure::OutputClosed.exit_code(), ExitCode::SUCCESS);
        assert_eq!(Failure::run("x").exit_code(), ExitCode::from(1));
    }
}
