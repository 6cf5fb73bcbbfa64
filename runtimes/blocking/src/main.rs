//! The logboom server on threads.

use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;

use logboom_sans_io::{Service, Shutdown};

struct Blocking;

impl logboom_cli::Runtime for Blocking {
    const NAME: &'static str = "blocking";

    fn serve<S: Service>(
        &self,
        listeners: Vec<TcpListener>,
        service: Arc<S>,
        shutdown: Shutdown,
    ) -> std::io::Result<()> {
        logboom_blocking::serve(listeners, service, shutdown)
    }
}

fn main() -> ExitCode {
    logboom_cli::main(Blocking)
}
