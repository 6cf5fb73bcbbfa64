use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use logboom_store::Options;
use serde_json::json;

use super::build::Plan;
use super::measure::{Figures, measure};
use crate::table::{Row, json, markdown};
use crate::units::{bytes, size};
use crate::{Failure, Result, proc};

/// What the file is called by which a store is known.
const CATALOGUE_NAME: &str = "catalogue";

/// Measure how long it takes to open a large store
///
/// A store is written as a server writes it, and opened as a server opens it that starts after
/// it was killed:
///
///   warm   the kernel has the content of the files in memory
///   cold   it has forgotten the content (posix_fadvise), but knows the files and where they are;
///          after a restart of the machine it has to find that out as well
///
/// Shards take turns, and each has an idempotent producer of its own: that makes footers as
/// long as they get with so many batches, and opening reads them. The last segment is nearly
/// full, and opening reads all of it. From other segments batches are left out and take no
/// space on the disk.
///
/// Of several --repeat the table has the median and from where to where they lie. 1 MB is 10^6
/// bytes. CPU is that of the thread that opens.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The size of the log
    #[arg(long, value_name = "BYTES", default_value = "100 GB", value_parser = bytes)]
    bytes: u64,
    /// Shards, 10 in each Logstore
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..))]
    shards: u32,
    /// The size of a batch
    #[arg(long, value_name = "BYTES", default_value = "100 KiB", value_parser = bytes)]
    batch_bytes: u64,
    /// The size of a segment
    #[arg(long, value_name = "BYTES", default_value = "64 MiB", value_parser = bytes)]
    segment_bytes: u64,
    /// Where the store is written and kept, or opened if it is there already [default: a temporary
    /// directory in the current one]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Times that it is opened, each way
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Also write everything as JSON to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Args {
    /// Measures, prints the table, and tells on standard error how far it is.
    ///
    /// # Errors
    ///
    /// If the store cannot be written or opened.
    pub fn run(self) -> Result<()> {
        let plan = self.plan()?;
        let mut say = |what: &str| eprintln!("open: {what}");
        let rows = match &self.dir {
            Some(directory) => self.measure(directory, &plan, &mut say)?,
            None => {
                let temporary = tempfile::Builder::new()
                    .prefix("logboom-bench-")
                    .tempdir_in(".")
                    .map_err(Failure::while_doing("create a temporary directory"))?;
                self.measure(&temporary.path().join("store"), &plan, &mut say)?
            }
        };
        print!("{}", markdown("files", Figures::COLUMNS, &rows));
        let Some(path) = self.json else { return Ok(()) };
        let report = json!({
            "command": "open",
            "kernel": proc::kernel(),
            "cores": available_parallelism().map_or(1, usize::from),
            "batch_bytes": plan.batch_bytes,
            "segment_bytes": plan.options.segment_bytes,
            "opened": json(Figures::COLUMNS, &rows),
        });
        std::fs::write(&path, format!("{report:#}\n"))
            .map_err(Failure::while_doing(format_args!("write {}", path.display())))
    }

    fn plan(&self) -> Result<Plan> {
        let segment_bytes = u32::try_from(self.segment_bytes).unwrap_or(u32::MAX);
        let options = Options { segment_bytes, ..Options::default() };
        let batch_bytes = usize::try_from(self.batch_bytes).unwrap_or(usize::MAX);
        if batch_bytes > options.batch_bytes_max() / 2 {
            return Err(Failure::new(format!(
                "batches of {} are too large for segments of {}",
                size(self.batch_bytes),
                size(self.segment_bytes)
            )));
        }
        Ok(Plan { bytes: self.bytes, shards: self.shards, batch_bytes, options })
    }

    fn measure(
        &self,
        directory: &Path,
        plan: &Plan,
        say: &mut dyn FnMut(&str),
    ) -> Result<Vec<Row<Figures>>> {
        if !directory.join(CATALOGUE_NAME).exists() {
            plan.build(directory, say)?;
        }
        // What is in memory by then is the same for all.
        measure(directory, plan, false)?;
        let mut rows = Vec::new();
        for (name, cold) in [("warm", false), ("cold", true)] {
            say(&format!("{name}, {} times", self.repeat));
            let runs = (0..self.repeat).map(|_| measure(directory, plan, cold));
            rows.push(Row { name: name.to_owned(), runs: runs.collect::<Result<_>>()? });
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn args(directory: &Path) -> Args {
        Args {
            bytes: 8 << 20,
            shards: 25,
            batch_bytes: 4 << 10,
            segment_bytes: 1 << 20,
            dir: Some(directory.join("store")),
            repeat: 2,
            json: Some(directory.join("figures.json")),
        }
    }

    #[test]
    fn a_store_is_written_once_and_opened_warm_and_cold() {
        let directory = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            args(directory.path()).run().unwrap();
            let report = std::fs::read(directory.path().join("figures.json")).unwrap();
            let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
            let opened = report["opened"].as_array().unwrap();
            assert_eq!(opened.len(), 2);
            for row in opened {
                let median = &row["median"];
                assert!(median["open_ms"].as_f64() > Some(0.0));
                assert_eq!(median["shards"], 25.0);
                assert!(median["log_gb"].as_f64() >= Some(0.008));
                assert!(median["segments"].as_f64() >= Some(8.0));
                assert_eq!(row["runs"].as_array().map(Vec::len), Some(2));
            }
        }
        let args = Args { batch_bytes: 5 << 10, ..args(directory.path()) };
        assert!(args.run().unwrap_err().message().ends_with("holds another store"));
    }

    #[test]
    fn sealed_segments_take_little_space_and_the_last_one_all_of_it() {
        let directory = tempfile::tempdir().unwrap();
        let args = args(directory.path());
        let plan = args.plan().unwrap();
        let store = directory.path().join("store");
        plan.build(&store, &mut |_| {}).unwrap();
        let mut segments: Vec<_> = std::fs::read_dir(&store)
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.path().extension().is_some_and(|it| it == "log"))
            .collect();
        segments.sort_by_key(std::fs::DirEntry::file_name);
        let on_disk = |entry: &std::fs::DirEntry| entry.metadata().unwrap().blocks() * 512;
        // The one that is being written, and the one in hand.
        let (sealed, whole) = segments.split_at(segments.len() - 2);
        assert!(whole.iter().all(|segment| on_disk(segment) >= 1 << 20));
        assert!(sealed.iter().all(|segment| on_disk(segment) <= 256 << 10));
    }
}
