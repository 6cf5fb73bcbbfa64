use std::path::PathBuf;

use super::chart::Chart;
use super::measured::{Measured, read};
use crate::load::Figures;
use crate::table::Column;
use crate::{Failure, Result};

/// The figures that are drawn.
const CHARTS: [Chart; 5] = [
    Chart { key: "mb_per_second", title: "Throughput, MB/s", decimals: 0 },
    Chart {
        key: "server_cpu_seconds_per_gb",
        title: "Processor time of the server, CPU s/GB (less is better)",
        decimals: 3,
    },
    Chart { key: "mb_per_cpu_second", title: "Throughput per core, MB/s", decimals: 0 },
    Chart {
        key: "latency_p99_ms",
        title: "99th percentile of latency, ms (less is better)",
        decimals: 2,
    },
    Chart {
        key: "server_peak_mib",
        title: "Peak memory of the server, MiB (less is better)",
        decimals: 0,
    },
];

/// Draw figures of `load --json` side by side: SVG charts and a Markdown table
///
/// Each server under each load is one bar: the median of its runs, and a line from the least to the
/// most. Loads are named by what differs between them; files with the same load are put together.
/// Below the table stand the ratios of servers that took turns, each from its own file.
///
///   logboom-bench load client.conf --vs localhost:9092 --codec none --json none.json
///   logboom-bench load client.conf --vs localhost:9092 --codec zstd --json zstd.json
///   logboom-bench report none.json zstd.json --charts charts > table.md
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// What `logboom-bench load --json` has written
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Where the charts go; without it, only the table is printed
    #[arg(long, value_name = "DIRECTORY")]
    charts: Option<PathBuf>,
}

impl Args {
    /// Prints the table and writes the charts.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or a chart cannot be written.
    pub fn run(self) -> Result<()> {
        let all = read(&self.files)?;
        print!("{}{}", table(&all), ratios(&all));
        let Some(directory) = self.charts else { return Ok(()) };
        std::fs::create_dir_all(&directory)
            .map_err(Failure::while_doing(format_args!("make {}", directory.display())))?;
        for (chart, svg) in CHARTS.iter().filter_map(|it| Some((it, it.draw(&all)?))) {
            let path = directory.join(chart.key).with_extension("svg");
            std::fs::write(&path, svg)
                .map_err(Failure::while_doing(format_args!("write {}", path.display())))?;
            eprintln!("{}", path.display());
        }
        Ok(())
    }
}

/// A row for each server under each load.
fn table(all: &[Measured]) -> String {
    let mut text = match all {
        [one] => format!("{}\n\n", one.title),
        _ => String::new(),
    };
    text += &head(["load", "server", "security"]);
    for measured in all {
        for server in &measured.servers {
            let (label, name, security) = (&measured.label, &server.name, &server.security);
            let cells = cells(|it| server.figure(it.key).map(|figure| figure.text(it.decimals)));
            text += &format!("| {label} | {name} | {security} |{cells}\n");
        }
    }
    text
}

/// A row for each two servers that took turns: the first divided by the second.
fn ratios(all: &[Measured]) -> String {
    let mut text = String::new();
    for measured in all {
        for ratio in &measured.ratios {
            let (label, first, second) = (&measured.label, &ratio.first, &ratio.second);
            let cells = cells(|column| ratio.figure(column.key).map(|it| it.text(2)));
            text += &format!("| {label} | {first} | {second} |{cells}\n");
        }
    }
    if text.is_empty() { text } else { format!("\n{}{text}", head(["load", "ratio of", "to"])) }
}

fn head(first: [&str; 3]) -> String {
    let titles: String = Figures::COLUMNS.iter().map(|it| format!(" {} |", it.title)).collect();
    let dashes = " --- |".repeat(Figures::COLUMNS.len() + first.len());
    format!("| {} |{titles}\n|{dashes}\n", first.join(" | "))
}

/// What is not known is a dash.
fn cells(get: impl Fn(&Column<Figures>) -> Option<String>) -> String {
    let cell = |column| format!(" {} |", get(column).as_deref().unwrap_or("-"));
    Figures::COLUMNS.iter().map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::super::measured::tests::file;
    use super::*;

    #[test]
    fn a_report_is_a_table_and_charts() {
        let directory = tempfile::tempdir().unwrap();
        let (input, charts) = (directory.path().join("a.json"), directory.path().join("charts"));
        std::fs::write(&input, file("lz4", 8)).unwrap();
        let args = Args { files: vec![input.clone()], charts: Some(charts.clone()) };
        args.run().unwrap();
        // There is none for what is not known.
        let mut names: Vec<_> =
            charts.read_dir().unwrap().map(|it| it.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["latency_p99_ms.svg", "mb_per_second.svg"]);
        let all = read(&[input]).unwrap();
        assert!(ratios(&all).contains("| codec lz4 | a | <b> | 2.00 (1.50–2.50) | - |"));
        let table = table(&all);
        assert!(table.contains("| codec lz4 | a | TLS, SASL | 100 (50–200) | - |"), "{table}");
    }

    #[test]
    fn another_file_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let args = Args { files: vec![file.path().to_owned()], charts: None };
        assert!(args.run().unwrap_err().message().ends_with("was not written by `load --json`"));
    }
}
