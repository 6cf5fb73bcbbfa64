use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;

use super::{Authority, Config, Exit, Log, Process, Program, Rights, Server};

/// A directory with everything that one server needs; it is removed with all of its data.
#[derive(Debug)]
pub struct Site {
    directory: TempDir,
    program: Program,
    authority: Authority,
}

impl Site {
    /// An empty directory, in which a server without configuration makes its demo.
    ///
    /// # Panics
    ///
    /// If there is no place for it.
    #[must_use]
    pub fn empty(program: Program) -> Self {
        let directory = tempfile::Builder::new().prefix("logboom-test-").tempdir();
        Self {
            directory: directory.expect("a directory"),
            program,
            authority: Authority::new("first authority"),
        }
    }

    /// A directory with a certificate and a configuration.
    #[must_use]
    pub fn new(program: Program, config: &Config) -> Self {
        let site = Self::empty(program);
        site.issue_certificate(&site.authority);
        site.configure(config);
        site
    }

    /// Writes the configuration, with the secrets and policies of its keys.
    ///
    /// # Panics
    ///
    /// If a file cannot be written.
    pub fn configure(&self, config: &Config) {
        for key in &config.keys {
            write_private(&self.path(&key.secret_file()), key.secret);
            if let Rights::Policy(document) = key.rights {
                self.write(&key.policy_file(), document);
            }
        }
        self.write(CONFIG, &config.to_text());
    }

    /// Gives the listeners with TLS a certificate for localhost.
    pub fn issue_certificate(&self, authority: &Authority) {
        authority.issue(&self.path("server.pem"), &self.path("server-key.pem"));
    }

    /// The authority of the certificate that it was made with.
    #[must_use]
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The binary.
    #[must_use]
    pub const fn program(&self) -> Program {
        self.program
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A file in it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory().join(name)
    }

    /// Writes a file.
    ///
    /// # Panics
    ///
    /// If it cannot be written.
    pub fn write(&self, name: &str, text: &str) {
        replace(&self.path(name), text, 0o644);
    }

    /// Reads a file.
    ///
    /// # Panics
    ///
    /// If it cannot be read.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("the file is there")
    }

    /// Starts a server with the configuration, and waits until it is ready.
    #[must_use]
    pub fn serve(&self) -> Server {
        Server::start(self, &["serve", "--config", CONFIG])
    }

    /// The same, but nobody hears it any more when it is ready.
    #[must_use]
    pub fn serve_unheard(&self) -> Server {
        Server::start_unheard(self, &["serve", "--config", CONFIG])
    }

    /// Starts a server without configuration, and waits until it is ready.
    #[must_use]
    pub fn serve_demo(&self) -> Server {
        Server::start(self, &["serve", "--listen", "127.0.0.1:0"])
    }

    /// Starts a command line in a shell, after `prelude`, with `stdin` as its descriptor 3.
    #[must_use]
    pub fn start_after(
        &self,
        prelude: &str,
        arguments: &[&str],
        stdin: impl Into<Stdio>,
    ) -> Process {
        let command = self.program.command_after(self.directory(), prelude, arguments);
        Process::spawn_with(command, stdin.into())
    }

    /// Runs a command line to its end.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Exit {
        self.program.run(self.directory(), arguments)
    }

    /// The logs of a Logstore, by the configuration.
    #[must_use]
    pub fn read(&self, target: &str) -> Vec<Log> {
        self.read_with(&["read", target, "--config", CONFIG])
    }

    /// The logs of a Logstore of the demo.
    #[must_use]
    pub fn read_demo(&self, target: &str) -> Vec<Log> {
        self.read_with(&["read", target])
    }

    fn read_with(&self, arguments: &[&str]) -> Vec<Log> {
        let exit = self.run(&[arguments, &["--format", "json", "--with-offsets"]].concat());
        assert_eq!((exit.code(), exit.stderr.as_str()), (Some(0), ""), "{arguments:?}");
        exit.stdout.lines().map(Log::parse).collect()
    }
}

/// The configuration of a site.
const CONFIG: &str = "logboom.toml";

/// Writes a file that only its owner can read.
pub(super) fn write_private(path: &Path, text: &str) {
    replace(path, text, 0o600);
}

/// Writes a file in one step, as whoever changes the files of a running server must: it may read
/// them at any moment, and half of a file is another file.
fn replace(path: &Path, text: &str, mode: u32) {
    let directory = path.parent().expect("a file is in a directory");
    let permissions = Permissions::from_mode(mode);
    let file = tempfile::Builder::new().permissions(permissions).tempfile_in(directory);
    let written = file.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        Ok(file.persist(path)?)
    });
    written.expect("the file is written");
}
