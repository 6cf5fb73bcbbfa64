//! The logboom server on threads.

use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;

use logboom_cli::Needs;
use logboom_sans_io::{Service, Shutdown};

struct Blocking;

impl logboom_cli::Runtime for Blocking {
    const NAME: &'static str = "blocking";
    /// A socket, and an event that wakes its thread.
    const NEEDS: Needs = Needs { descriptors_per_connection: 2, threads_per_connection: 1 };

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
