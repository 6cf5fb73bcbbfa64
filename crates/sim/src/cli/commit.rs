use std::process::Command;

/// The commit that is checked out, if that can be found out.
pub(crate) fn commit() -> String {
    let git = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    let hash = git.ok().filter(|output| output.status.success());
    let hash = hash.and_then(|output| String::from_utf8(output.stdout).ok());
    hash.map_or_else(|| "unknown".to_owned(), |hash| hash.trim().to_owned())
}
