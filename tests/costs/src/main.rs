//! One fixed workload on a whole server without sockets: `logboom-costs NAME`.
//!
//! Everything that is not the work of a server happens before or after [`counted`], where callgrind
//! starts and stops counting. `tests/costs/run` does that for all of them. The store is on a real disk,
//! because the copying of a simulated one would be counted, and the kernel is not.

#![forbid(unsafe_code)]

use std::hint::black_box;
use std::process::ExitCode;

use logboom_bench::load::{Codec, Content};
use logboom_costs::{Result, Run, Server};
use logboom_engine::LogMapper;
use logboom_engine::model::{MappingOptions, text};

/// What is sent, and how.
struct Workload {
    name: &'static str,
    codec: Codec,
    tls: bool,
    connections: usize,
    batch_bytes: u64,
    /// Requests of each connection that are counted.
    requests: usize,
    /// What is counted is reading what was stored.
    read: bool,
}

/// Batches of 100 KiB without compression, over one connection in clear.
const PLAINTEXT: Workload = Workload {
    name: "plaintext",
    codec: Codec::None,
    tls: false,
    connections: 1,
    batch_bytes: 100 << 10,
    requests: 100,
    read: false,
};

/// All that there are.
const WORKLOADS: [Workload; 8] = [
    PLAINTEXT,
    Workload { name: "tls", tls: true, ..PLAINTEXT },
    Workload { name: "gzip", codec: Codec::Gzip, ..PLAINTEXT },
    Workload { name: "snappy", codec: Codec::Snappy, ..PLAINTEXT },
    Workload { name: "lz4", codec: Codec::Lz4, ..PLAINTEXT },
    Workload { name: "zstd", codec: Codec::Zstd, ..PLAINTEXT },
    Workload { name: "small", connections: 64, batch_bytes: RECORD_BYTES, ..PLAINTEXT },
    Workload { name: "read", read: true, ..PLAINTEXT },
];

const RECORD_BYTES: u64 = 512;
/// Requests of each connection before the first that is counted: they fill what is kept.
const WARM_UP_REQUESTS: usize = 10;
/// Different batches.
const DISTINCT: usize = 8;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let name = arguments.first().map(String::as_str);
    if name == Some("--list") {
        WORKLOADS.iter().for_each(|workload| println!("{}", workload.name));
        return ExitCode::SUCCESS;
    }
    let Some(workload) = WORKLOADS.iter().find(|workload| Some(workload.name) == name) else {
        eprintln!("usage: logboom-costs NAME, one of those that --list prints");
        return ExitCode::FAILURE;
    };
    match run(workload) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a workload, and prints how much was counted.
fn run(workload: &Workload) -> Result<()> {
    let content = Content {
        record_bytes: RECORD_BYTES,
        batch_bytes: workload.batch_bytes,
        codec: workload.codec,
        distinct: DISTINCT,
    };
    let each = WARM_UP_REQUESTS + workload.requests;
    let mut run = Run::start(&content, workload.tls, workload.connections, each)?;
    run.ingest(WARM_UP_REQUESTS)?;
    if workload.read {
        run.ingest(workload.requests)?;
        counted(&mut || read(run.server()))?;
    } else {
        counted(&mut || run.ingest(workload.requests))?;
    }
    let stored = run.check_stored()?;
    let counted = (workload.requests * workload.connections) as u64;
    let requests = if workload.read { stored } else { counted };
    let value_bytes = requests * run.value_bytes();
    println!("{{\"requests\": {requests}, \"value_bytes\": {value_bytes}}}");
    Ok(())
}

/// What callgrind counts: `--toggle-collect` names this function, which must therefore be there.
#[inline(never)]
fn counted(work: &mut dyn FnMut() -> Result<()>) -> Result<()> {
    // Not a tail call, which would leave the function too early.
    black_box(work())
}

/// Reads all that is stored and makes JSON of it.
fn read(server: &Server) -> Result<()> {
    /// What `read` of the command line asks for at a time at least.
    const READ_BYTES: usize = 64 << 10;
    let (store, shard) = (server.engine().store(), server.shard()?);
    let (options, mut mapper) = (MappingOptions::default(), LogMapper::default());
    let (mut line, mut offset) = (String::new(), 0);
    loop {
        let batches = store.read(shard, offset, READ_BYTES)?;
        let Some(last) = batches.last() else { return Ok(()) };
        offset = last.base_offset + i64::from(last.record_count);
        for batch in &batches {
            let group = mapper.map(batch, &options, true)?;
            for log in &group.logs {
                line.clear();
                text::write_json(&mut line, log, &group, None);
                black_box(&line);
            }
        }
    }
}
