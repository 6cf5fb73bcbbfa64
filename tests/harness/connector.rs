use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::stream::Stream;
use super::{Client, PATIENCE};

/// A SASL/PLAIN user.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The user name.
    pub project: String,
    /// `AccessKeyID#AccessKeySecret`.
    pub password: String,
}

/// How clients reach a listener.
#[derive(Debug, Clone)]
pub struct Connector {
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
}

impl Connector {
    /// A listener with TLS, known as localhost.
    #[must_use]
    pub const fn tls(address: SocketAddr, config: Arc<ClientConfig>) -> Self {
        Self { address, tls: Some(config) }
    }

    /// A listener without TLS.
    #[must_use]
    pub const fn plaintext(address: SocketAddr) -> Self {
        Self { address, tls: None }
    }

    /// A bare TCP connection, whatever the listener wants to speak.
    ///
    /// # Panics
    ///
    /// If nobody listens.
    #[must_use]
    pub fn tcp(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the server listens");
        configure(&stream).expect("a connected socket");
        stream
    }

    /// A client that is connected and not logged in.
    ///
    /// # Errors
    ///
    /// If nobody listens, or the TLS handshake fails.
    pub fn try_connect(&self) -> io::Result<Client> {
        let stream = TcpStream::connect(self.address)?;
        configure(&stream)?;
        let Some(config) = &self.tls else { return Ok(Client::new(Stream::Plain(stream))) };
        let name = "localhost".try_into().expect("a valid name");
        let session = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(session, stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Client::new(Stream::Tls(Box::new(stream))))
    }

    /// A client that is connected and not logged in.
    ///
    /// # Panics
    ///
    /// If nobody listens, or the TLS handshake fails.
    #[must_use]
    pub fn connect(&self) -> Client {
        self.try_connect().expect("the server accepts")
    }

    /// A client that is logged in.
    ///
    /// # Panics
    ///
    /// If the login fails.
    #[must_use]
    pub fn login(&self, credentials: &Credentials) -> Client {
        let mut client = self.connect();
        client.login(credentials).expect("the connection lives").expect("the login is right");
        client
    }
}

fn configure(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))
}
