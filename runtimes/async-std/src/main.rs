//! The logboom server on async-std.

use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;

use logboom_sans_io::{Service, Shutdown};

struct AsyncStd;

impl logboom_cli::Runtime for AsyncStd {
    const NAME: &'static str = "async-std";

    fn serve<S: Service>(
        &self,
        listeners: Vec<TcpListener>,
        service: Arc<S>,
        shutdown: Shutdown,
    ) -> std::io::Result<()> {
        logboom_async_std::serve(listeners, service, shutdown)
    }
}

fn main() -> ExitCode {
    logboom_cli::main(AsyncStd)
}
