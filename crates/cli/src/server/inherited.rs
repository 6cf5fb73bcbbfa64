use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd as _, FromRawFd as _, OwnedFd, RawFd};

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::sockopt::{socket_acceptconn, socket_domain, socket_type};
use rustix::net::{AddressFamily, SocketType};

use crate::config::Listener;
use crate::diagnostics::{Finding, Findings};
use crate::environment::Environment;
use crate::failure::Failure;

/// The first descriptor that is passed, as `sd_listen_fds(3)` says.
const FIRST: RawFd = 3;

/// Listening sockets that whoever started this process has passed, by the protocol of systemd.
/// They were open before this process and stay open after it, so nobody is refused meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Inherited(Vec<Passed>);

/// One of them.
#[derive(Debug)]
struct Passed {
    /// What `LISTEN_FDNAMES` calls it.
    name: Option<String>,
    address: SocketAddr,
    socket: TcpListener,
}

impl Inherited {
    /// Takes the sockets that were passed to this process; to be called once. What was passed to
    /// another process, such as the parent of this one, is none of ours.
    ///
    /// # Errors
    ///
    /// If the variables contradict themselves or the descriptors, or if one of these is no
    /// listening TCP socket.
    pub(crate) fn take(environment: &Environment) -> Result<Self, Failure> {
        let Some(count) = announced(environment, std::process::id()).map_err(refused)? else {
            return Ok(Self::default());
        };
        let mut names = environment.get("LISTEN_FDNAMES").unwrap_or_default().split(':');
        let mut sockets = Vec::new();
        for number in (FIRST..).take(count) {
            let name = names.next().filter(|name| !name.is_empty()).map(str::to_owned);
            let socket = adopt(number).and_then(listening);
            let (socket, address) =
                socket.map_err(|problem| refused(format!("descriptor {number} {problem}")))?;
            sockets.push(Passed { name, address, socket });
        }
        Ok(Self(sockets))
    }

    /// Whether none was passed.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives each listener its socket, if there is one for it: the one with its name, or else the
    /// one with its address. Port 0 takes any port.
    ///
    /// # Errors
    ///
    /// If a socket belongs to no listener, or to the same one as another.
    pub(crate) fn assign(
        self,
        listeners: &[Listener],
    ) -> Result<Vec<Option<TcpListener>>, Failure> {
        let mut places: Vec<Option<TcpListener>> = listeners.iter().map(|_| None).collect();
        let mut findings = Findings::default();
        for Passed { name, address, socket } in self.0 {
            let place = place_of(name.as_deref(), address, listeners);
            match place.and_then(|place| places.get_mut(place)) {
                Some(free @ None) => *free = Some(socket),
                Some(_) => {
                    let title = format!("{address} is a second socket for the same listener");
                    findings.push(Finding::error("LB0205", title).help("pass it only one"));
                }
                None => findings.push(belongs_to_nobody(address, listeners)),
            }
        }
        match findings.error_count() {
            0 => Ok(places),
            _ => Err(Failure::Run(Box::new(findings))),
        }
    }
}

/// How many sockets the variables announce to the process `pid`; `None` if they are not for it.
fn announced(environment: &Environment, pid: u32) -> Result<Option<usize>, String> {
    let number = |name: &str| {
        let text = environment.get(name).filter(|text| !text.is_empty());
        text.map(|text| text.parse::<u32>().map_err(|_| format!("{name} is no number: {text}")))
            .transpose()
    };
    if number("LISTEN_PID")? != Some(pid) {
        return Ok(None);
    }
    let count = number("LISTEN_FDS")?.unwrap_or(0);
    Ok((count > 0).then(|| usize::try_from(count).unwrap_or(usize::MAX)))
}

/// Becomes the owner of a descriptor that was passed, if it is there.
fn adopt(number: RawFd) -> Result<OwnedFd, String> {
    if fs::read_link(format!("/proc/self/fd/{number}")).is_err() {
        return Err("is not open, and LISTEN_FDS says that it is".to_owned());
    }
    // SAFETY: the descriptor is open, as was just seen. LISTEN_PID says that it was opened for this
    // process by the one before it, so nothing in this process owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// The descriptor as what it has to be, not to be passed on to anybody.
fn listening(descriptor: OwnedFd) -> Result<(TcpListener, SocketAddr), String> {
    let fd = descriptor.as_fd();
    let families = [Ok(AddressFamily::INET), Ok(AddressFamily::INET6)];
    let is_tcp = families.contains(&socket_domain(fd)) && socket_type(fd) == Ok(SocketType::STREAM);
    if !is_tcp {
        return Err("is no TCP socket".to_owned());
    }
    if socket_acceptconn(fd) != Ok(true) {
        return Err("does not listen".to_owned());
    }
    fcntl_setfd(fd, FdFlags::CLOEXEC).map_err(|errno| format!("cannot be kept: {errno}"))?;
    let socket = TcpListener::from(descriptor);
    let address = socket.local_addr().map_err(|error| format!("has no address: {error}"))?;
    Ok((socket, address))
}

/// Which of the listeners a socket is for.
fn place_of(name: Option<&str>, address: SocketAddr, listeners: &[Listener]) -> Option<usize> {
    let any_port = SocketAddr::new(address.ip(), 0);
    let find = |is_it: &dyn Fn(&Listener) -> bool| listeners.iter().position(is_it);
    let by_name = name.and_then(|name| find(&|listener| listener.name.value == name));
    by_name
        .or_else(|| find(&|listener| listener.address.value == address))
        .or_else(|| find(&|listener| listener.address.value == any_port))
}

fn belongs_to_nobody(address: SocketAddr, listeners: &[Listener]) -> Finding {
    let wanted: Vec<String> = listeners
        .iter()
        .map(|listener| format!("`{}` on {}", listener.name.value, listener.address.value))
        .collect();
    Finding::error("LB0205", format!("the inherited socket {address} belongs to no listener"))
        .note(format!("listeners: {}", wanted.join(", ")))
        .help("give the socket the address of a listener, or its name (FileDescriptorName=)")
}

fn refused(problem: String) -> Failure {
    Failure::run_with(
        Finding::error("LB0205", format!("inherited sockets cannot be used: {problem}"))
            .help("pass listening TCP sockets from descriptor 3 on, or unset LISTEN_FDS"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pid: &str, count: &str) -> Result<Option<usize>, String> {
        announced(&Environment::from([("LISTEN_PID", pid), ("LISTEN_FDS", count)]), 77)
    }

    #[test]
    fn only_what_is_announced_to_this_process_counts() {
        assert_eq!(told("77", "2"), Ok(Some(2)));
        assert_eq!(told("77", "0"), Ok(None));
        assert_eq!(told("78", "2"), Ok(None), "of another process");
        assert_eq!(told("78", "nonsense"), Ok(None), "of another process");
        assert_eq!(announced(&Environment::from([("LISTEN_FDS", "2")]), 77), Ok(None));
        assert!(told("77", "-1").is_err());
        assert!(told("77", "many").is_err());
        assert!(told("self", "1").is_err());
    }

    #[test]
    fn a_listener_on_any_port_is_the_last_choice_for_a_socket() {
        let text = |name, address: &str| {
            let text = format!(
                "[[listener]]\nname = \"{name}\"\naddress = \"{address}\"\n\
                 tls = false\nadvertise = \"localhost\"\n"
            );
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join("logboom.toml");
            fs::write(&file, text).unwrap();
            crate::config::examine(&crate::config::Request {
                file: &file,
                settings: &[],
                environment: &Environment::default(),
                scope: crate::config::Scope::Files,
                now: jiff::Timestamp::UNIX_EPOCH,
            })
            .config
            .listeners
            .remove(0)
        };
        let listeners = [
            text("any", "127.0.0.1:0"),
            text("public", "127.0.0.1:10012"),
            text("six", "[::]:10013"),
        ];
        let place = |name, address: &str| place_of(name, address.parse().unwrap(), &listeners);
        assert_eq!(place(None, "127.0.0.1:10012"), Some(1));
        assert_eq!(place(None, "127.0.0.1:4444"), Some(0));
        assert_eq!(place(Some("six"), "127.0.0.1:10012"), Some(2), "a name wins");
        assert_eq!(place(Some("logboom.socket"), "[::]:10013"), Some(2), "systemd's own name");
        assert_eq!(place(None, "[::]:10012"), None);
    }
}
