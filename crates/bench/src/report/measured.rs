use std::path::Path;

use serde_json::Value;

use crate::table::Spread;
use crate::units::size;
use crate::{Failure, Result};

/// One load on one or more servers, as `logboom-bench load --json` wrote it.
#[derive(Debug)]
pub(super) struct Measured {
    /// The load in one line.
    pub(super) title: String,
    /// What tells it from the others; see [`label`].
    pub(super) label: String,
    /// All that were measured under this load, each once.
    pub(super) servers: Vec<Server>,
    /// Those that took turns, from one file each.
    pub(super) ratios: Vec<Ratio>,
    /// What each part of the load is.
    parts: Vec<String>,
}

/// What was found about a server.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) name: String,
    pub(super) security: String,
    runs: Vec<Value>,
}

/// Two servers that took turns.
#[derive(Debug)]
pub(super) struct Ratio {
    pub(super) first: String,
    pub(super) second: String,
    figures: Value,
}

impl Ratio {
    /// The figure of the first divided by that of the second; `None` if it is not known.
    pub(super) fn figure(&self, key: &str) -> Option<Spread> {
        let number = |name| self.figures[key][name].as_f64();
        Some(Spread { median: number("median")?, min: number("min")?, max: number("max")? })
    }
}

impl Server {
    /// `None` if it is not known.
    pub(super) fn figure(&self, key: &str) -> Option<Spread> {
        let runs: Vec<_> = self.runs.iter().filter_map(|run| run[key].as_f64()).collect();
        (!runs.is_empty()).then(|| Spread::of_values(runs))
    }
}

/// Reads files.
///
/// # Errors
///
/// If one of them is not such a file.
pub(super) fn read(paths: &[impl AsRef<Path>]) -> Result<Vec<Measured>> {
    let one = |path: &Path| {
        let text = std::fs::read_to_string(path)
            .map_err(Failure::while_doing(format_args!("read {}", path.display())))?;
        parse(&text).ok_or_else(|| {
            Failure::new(format!("{} was not written by `load --json`", path.display()))
        })
    };
    let mut all = Vec::new();
    for path in paths {
        merge(&mut all, one(path.as_ref())?);
    }
    label(&mut all);
    Ok(all)
}

/// Files with the same load are one: a server that took turns with several others is there once,
/// with all its runs.
fn merge(all: &mut Vec<Measured>, other: Measured) {
    let Some(same) = all.iter_mut().find(|it| it.parts == other.parts) else {
        return all.push(other);
    };
    same.ratios.extend(other.ratios);
    for server in other.servers {
        let known = |it: &&mut Server| it.name == server.name && it.security == server.security;
        match same.servers.iter_mut().find(known) {
            Some(known) => known.runs.extend(server.runs),
            None => same.servers.push(server),
        }
    }
}

fn parse(text: &str) -> Option<Measured> {
    let value: Value = serde_json::from_str(text).ok()?;
    let servers = value["servers"].as_array().filter(|_| value["command"] == "load")?;
    let servers = servers.iter().map(|server| {
        Some(Server {
            name: server["name"].as_str()?.to_owned(),
            security: server["security"].as_str()?.to_owned(),
            runs: server["runs"].as_array()?.clone(),
        })
    });
    let servers: Vec<_> = servers.collect::<Option<_>>()?;
    let ratio = match &servers[..] {
        [first, second] if value["ratio"].is_object() => Some(Ratio {
            first: first.name.clone(),
            second: second.name.clone(),
            figures: value["ratio"].clone(),
        }),
        _ => None,
    };
    let title = value["title"].as_str()?.to_owned();
    Some(Measured {
        label: title.clone(),
        title,
        servers,
        ratios: ratio.into_iter().collect(),
        parts: parts(&value["workload"]),
    })
}

/// The parts of a load that can differ, each as it is called in a chart.
fn parts(load: &Value) -> Vec<String> {
    let number = |key: &str| load[key].as_u64().unwrap_or(0);
    let text = |key: &str| load[key].as_str().unwrap_or_default().to_owned();
    vec![
        text("codec"),
        format!("batches of {}", size(number("batch_bytes"))),
        format!("records of {}", size(number("record_bytes"))),
        format!("{} connections", number("connections")),
        format!("{} in flight", number("in_flight")),
        format!("acks {}", text("acks")),
        match load["partitions"].as_u64() {
            Some(partitions) => format!("{partitions} partitions"),
            None => "all partitions".to_owned(),
        },
        match load["rate_bytes_per_second"].as_f64() {
            Some(rate) => format!("{} MB/s due", rate / 1e6),
            None => "as fast as it goes".to_owned(),
        },
        match load["stored"].as_str() {
            Some(stored) => format!("{stored} stored before"),
            None => "nothing stored before".to_owned(),
        },
    ]
}

/// Names each load by the parts in which it differs from any other.
fn label(all: &mut [Measured]) {
    let Some(first) = all.first().map(|it| it.parts.clone()) else { return };
    let differs: Vec<_> = (0..first.len())
        .filter(|&part| all.iter().any(|it| it.parts.get(part) != first.get(part)))
        .collect();
    for it in all.iter_mut().filter(|_| !differs.is_empty()) {
        let parts: Vec<_> = differs.iter().filter_map(|&part| it.parts.get(part)).collect();
        it.label = parts.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// A file with two servers.
    pub(in crate::report) fn file(codec: &str, connections: u64) -> String {
        let run = |mb: f64| json!({ "mb_per_second": mb, "latency_p99_ms": 2.5 });
        let server = |name: &str, mb: f64| {
            json!({
                "name": name, "security": "TLS, SASL",
                "runs": [run(mb), run(mb * 2.0), run(mb / 2.0)],
            })
        };
        let ratio = json!({ "mb_per_second": { "median": 2.0, "min": 1.5, "max": 2.5 } });
        json!({
            "command": "load",
            "title": format!("codec {codec}"),
            "workload": { "codec": codec, "connections": connections, "acks": "1" },
            "servers": [server("a", 100.0), server("<b>", 50.0)],
            "ratio": ratio,
        })
        .to_string()
    }

    #[test]
    fn figures_are_medians_with_their_spread() {
        let measured = parse(&file("lz4", 8)).unwrap();
        let figure = measured.servers[0].figure("mb_per_second");
        assert_eq!(figure, Some(Spread { median: 100.0, min: 50.0, max: 200.0 }));
        assert_eq!(measured.servers[0].figure("server_peak_mib"), None);
        assert!(parse("{}").is_none() && parse("no JSON").is_none());
    }

    #[test]
    fn files_with_the_same_load_are_one() {
        let mut all = Vec::new();
        for codec in ["lz4", "zstd", "lz4"] {
            merge(&mut all, parse(&file(codec, 8)).unwrap());
        }
        let counts = |it: &Measured| (it.servers.len(), it.servers[0].runs.len(), it.ratios.len());
        assert_eq!(all.iter().map(counts).collect::<Vec<_>>(), [(2, 6, 2), (2, 3, 1)]);
    }

    #[test]
    fn loads_are_told_apart_by_what_differs() {
        let labels = |files: &[String]| {
            let mut all: Vec<_> = files.iter().map(|text| parse(text).unwrap()).collect();
            label(&mut all);
            all.into_iter().map(|it| it.label).collect::<Vec<_>>()
        };
        assert_eq!(labels(&[file("lz4", 8), file("zstd", 8)]), ["lz4", "zstd"]);
        let both = labels(&[file("lz4", 8), file("zstd", 64)]);
        assert_eq!(both, ["lz4, 8 connections", "zstd, 64 connections"]);
        assert_eq!(labels(&[file("lz4", 8)]), ["codec lz4"]);
    }
}
