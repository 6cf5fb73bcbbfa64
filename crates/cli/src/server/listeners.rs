use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use logboom_engine::{Advertise, Listener, Port};

use crate::config::{self, Loaded};
use crate::diagnostics::{Finding, Findings};
use crate::failure::Failure;

/// So many connections may wait to be accepted; the kernel takes less if `net.core.somaxconn` is less.
/// With the 128 of the standard library, agents that all connect at once after a restart lose their
/// first packet and try again a second later.
const BACKLOG: i32 = 4096;

/// The sockets of a server, bound, and what runs on each.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) sockets: Vec<TcpListener>,
    pub(crate) addresses: Vec<SocketAddr>,
    /// Which of them somebody else has bound.
    pub(crate) inherited: Vec<bool>,
    pub(crate) ports: Vec<Port>,
}

/// Binds every listener that has not inherited its socket. All that cannot be bound are reported
/// together. In a demo, `--listen` says where to listen instead.
pub(crate) fn bind(
    loaded: &Loaded,
    inherited: Vec<Option<TcpListener>>,
    demo: bool,
) -> Result<Bound, Failure> {
    let mut bound = Bound {
        sockets: Vec::new(),
        addresses: Vec::new(),
        inherited: inherited.iter().map(Option::is_some).collect(),
        ports: Vec::new(),
    };
    let mut findings = Findings::default();
    let listeners = loaded.config.listeners.iter().zip(&loaded.tls);
    for ((listener, tls), inherited) in listeners.zip(inherited) {
        let wanted = listener.address.value;
        let socket = match inherited {
            Some(socket) => prepare(socket),
            None => listen(wanted),
        };
        match socket.and_then(|socket| Ok((socket.local_addr()?, socket))) {
            Ok((address, socket)) => {
                let described = describe(listener, address);
                bound.ports.push(match tls {
                    Some(tls) => Port::encrypted(described, Arc::clone(tls)),
                    None => Port::plaintext(described),
                });
                bound.sockets.push(socket);
                bound.addresses.push(address);
            }
            Err(error) => findings.push(cannot_bind(wanted, &error, demo)),
        }
    }
    match findings.error_count() {
        0 => Ok(bound),
        _ => Err(Failure::Run(Box::new(findings))),
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = TcpListener::bind(address)?;
    // Listening again changes nothing but the length of the queue.
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket)
}

/// Puts an inherited socket into the state of a new one: whoever used it before shares its flags.
fn prepare(socket: TcpListener) -> io::Result<TcpListener> {
    socket.set_nonblocking(false)?;
    Ok(socket)
}

fn describe(listener: &config::Listener, bound: SocketAddr) -> Listener {
    Listener {
        name: listener.name.value.clone(),
        advertise: Advertise::Fixed {
            host: listener.advertise.host("{project}"),
            port: listener.advertise.port(bound.port()),
        },
    }
}

fn cannot_bind(address: SocketAddr, error: &io::Error, demo: bool) -> Finding {
    if error.kind() == io::ErrorKind::AddrInUse {
        let any = SocketAddr::new(address.ip(), 0);
        let help = match demo {
            true => format!("--listen {any} takes any free port"),
            false => "stop that process, or give the listener another `address`".to_owned(),
        };
        return Finding::error("LB0203", format!("{address} is in use by another process"))
            .help(help);
    }
    Finding::error("LB0204", format!("cannot listen on {address}: {error}"))
        .help("use an address of this machine and a port above 1023")
}
