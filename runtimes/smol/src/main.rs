//! The logboom server on smol.

use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;

use logboom_sans_io::{Service, Shutdown};

struct Smol;

impl logboom_cli::Runtime for Smol {
    const NAME: &'static str = "smol";

    fn serve<S: Service>(
        &self,
        listeners: Vec<TcpListener>,
        service: Arc<S>,
        shutdown: Shutdown,
    ) -> std::io::Result<()> {
        logboom_smol::serve(listeners, service, logboom_smol::Options::default(), shutdown)
    }
}

fn main() -> ExitCode {
    logboom_cli::main(Smol)
}
