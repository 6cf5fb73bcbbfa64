use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};

use rustix::net::sockopt::set_tcp_nodelay;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};

use crate::limits::SOURCES_MAX;

/// The first of the loopback addresses that connections come from.
const FIRST_SOURCE: u32 = u32::from_be_bytes([127, 0, 1, 1]);

/// Begins connection `number` to `server`, and does not wait for it.
///
/// Each comes from the next of many loopback addresses, as agents on many machines do: one address
/// alone has not enough ports for very many.
pub(super) fn dial(server: SocketAddr, number: usize) -> io::Result<TcpStream> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    let source = Ipv4Addr::from(FIRST_SOURCE + (number % SOURCES_MAX) as u32);
    bind(&socket, &SocketAddrV4::new(source, 0))?;
    set_tcp_nodelay(&socket, true)?;
    match connect(&socket, &server) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => Ok(TcpStream::from(socket)),
        Err(error) => Err(error.into()),
    }
}
