use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

use serde_json::json;

use super::{Figures, Options, measure};
use crate::table::{Row, json, markdown};
use crate::{Failure, Result, limits, proc};

/// The servers that are measured without `--server`.
const SERVERS: [&str; 3] = ["logboom-smol", "logboom-async-std", "logboom-blocking"];

/// Measure many connections: memory, connection rate, latency, time to drain
///
/// For each server binary it starts a server in a directory of its own, with TLS and one access key,
/// and takes it through this:
///
///   1. --idle connections are opened: TLS 1.3, ApiVersions, SASL/PLAIN, Metadata
///   2. nothing happens for --window, then memory is read
///   3. --active further connections send batches for --load-window, each its next one
///      when the one before is acknowledged
///   4. SIGTERM: every connection has to end with close_notify and without a reset,
///      and the server has to exit with 0
///
/// The client runs on the same machine, in one thread. So rates depend on its speed as well, and
/// processor time (of the server alone, user and kernel) is the figure to compare. Of several --runs
/// the table has the median and from where to where they lie.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Server binaries [default: logboom-smol, -async-std and -blocking beside this program]
    #[arg(long, value_name = "PATH", num_args = 1..)]
    server: Vec<PathBuf>,
    /// Connections that say nothing after their login
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = at_least_one)]
    idle: usize,
    /// Further connections, which send batches
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = at_least_one)]
    active: usize,
    /// Connections being opened at a time; a server lets at most 1,000 be without a login
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = at_least_one)]
    handshakes: usize,
    /// Seconds in which nothing is asked of the server
    #[arg(long, value_name = "S", default_value_t = 10)]
    window: u64,
    /// Seconds in which the active ones send
    #[arg(long, value_name = "S", default_value_t = 10)]
    load_window: u64,
    /// Records of a batch
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = at_least_one)]
    records: usize,
    /// Bytes of each record
    #[arg(long, value_name = "BYTES", default_value_t = 100)]
    record_bytes: usize,
    /// Times that every server is measured, taking turns
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    runs: usize,
    /// Also write everything as JSON to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Args {
    /// Measures, prints the table, and tells on standard error how far it is.
    ///
    /// # Errors
    ///
    /// If the machine is too small, or a server fails. The others are measured all the same.
    pub fn run(self) -> Result<()> {
        let options = self.options();
        limits::check(options.idle + options.active)?;
        let servers = if self.server.is_empty() { servers_beside()? } else { self.server };
        let mut rows: Vec<Row<Figures>> =
            servers.iter().map(|path| Row { name: name(path), runs: Vec::new() }).collect();
        let mut failed = None;
        for run in 1..=self.runs {
            for (path, row) in servers.iter().zip(&mut rows) {
                let title = format!("{} {run}/{}", row.name, self.runs);
                let mut say = |what: &str| eprintln!("{title}: {what}");
                match measure(path, &options, &mut say) {
                    Ok(figures) => row.runs.push(figures),
                    Err(failure) => {
                        say(&failure.to_string());
                        failed = Some(Failure::new(format!("{} could not be measured", row.name)));
                    }
                }
            }
        }
        rows.retain(|row| !row.runs.is_empty());
        print!("{}", markdown("server", Figures::COLUMNS, &rows));
        if let Some(path) = self.json {
            let report = json!({
                "command": "scale",
                "kernel": proc::kernel(),
                "cores": available_parallelism().map_or(1, usize::from),
                "active_connections": options.active,
                "batch": { "records": options.records, "record_bytes": options.record_bytes },
                "servers": json(Figures::COLUMNS, &rows),
            });
            std::fs::write(&path, format!("{report:#}\n"))
                .map_err(Failure::while_doing(format_args!("write {}", path.display())))?;
        }
        failed.map_or(Ok(()), Err)
    }

    fn options(&self) -> Options {
        Options {
            idle: self.idle,
            active: self.active,
            handshakes: self.handshakes,
            window: Duration::from_secs(self.window),
            load_window: Duration::from_secs(self.load_window),
            records: self.records,
            record_bytes: self.record_bytes,
        }
    }
}

/// The server binaries in the directory of this program.
fn servers_beside() -> Result<Vec<PathBuf>> {
    let own = std::env::current_exe().map_err(Failure::while_doing("find this program"))?;
    let found: Vec<_> =
        SERVERS.iter().map(|name| own.with_file_name(name)).filter(|path| path.exists()).collect();
    if found.is_empty() {
        let place = own.parent().unwrap_or(Path::new(".")).display();
        return Err(Failure::new(format!("there is no server in {place}"))
            .help("`cargo build --release --workspace`, or name one with --server"));
    }
    Ok(found)
}

/// The runtime of a server binary, as far as its name tells.
fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    name.strip_prefix("logboom-").unwrap_or(&name).to_owned()
}

fn at_least_one(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("it is at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}
