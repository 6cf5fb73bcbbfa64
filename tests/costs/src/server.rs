use std::sync::Arc;

use logboom_engine::access::{AccessKey, Directory, Logstore, Policy, Project, Secret, SecretHash};
use logboom_engine::conn::{Config, Limits};
use logboom_engine::sans_io::Service as _;
use logboom_engine::sans_io::testing::{Ground as _, ManualClock, Pipe};
use logboom_engine::store::{self, RealDisk, Shard, Store};
use logboom_engine::testing::START_MS;
use logboom_engine::tls::{CertificateResolver, server_config};
use logboom_engine::{
    Advertise, Engine, EngineSession, KafkaMachine, KafkaService, Listener, Options, Port,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use tempfile::TempDir;

use crate::Result;

pub(crate) const PROJECT: &str = "demo";
pub(crate) const PASSWORD: &str = "demo#secret-of-a-test";
pub(crate) const HOST: &str = "localhost";

/// The client's end of a connection.
pub(crate) type Stream = Pipe<KafkaMachine, EngineSession, Arc<ManualClock>>;

/// A whole server whose time stands still.
#[derive(Debug)]
pub struct Server {
    engine: Arc<Engine>,
    service: KafkaService,
    clock: Arc<ManualClock>,
    /// Whom clients trust, if it speaks TLS.
    pub(crate) certificate: Option<CertificateDer<'static>>,
    _folder: TempDir,
}

impl Server {
    /// Starts it with an empty store on the disk.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub(crate) fn start(tls: bool) -> Result<Self> {
        let folder = TempDir::new()?;
        // A machine whose disk is nearly full counts the same.
        let options = store::Options { free_bytes_min: Some(1 << 20), ..Default::default() };
        let disk = Arc::new(RealDisk::create(folder.path().join("data"))?);
        let (store, _recovery) = Store::open(disk, options, [3; 32], START_MS)?;
        #[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
        let clock = Arc::new(ManualClock::new(std::time::Instant::now()));
        let options = Options { clock: clock.clone(), ..Options::default() };
        let engine = Engine::new(store, Arc::new(directory()?), options)?;
        let config = Config::new(Limits::default(), Arc::new(engine.budget().clone()))?;
        let advertise = Advertise::Fixed { host: HOST.into(), port: 9092 };
        let listener = Listener { name: "test".into(), advertise };
        let (port, certificate) = if tls {
            let (key, certificate) = certificate()?;
            let tls = server_config(CertificateResolver::new(Arc::new(key)));
            (Port::encrypted(listener, tls), Some(certificate))
        } else {
            (Port::plaintext(listener), None)
        };
        let service = KafkaService::new(Arc::clone(&engine), config, vec![port]);
        Ok(Self { engine, service, clock, certificate, _folder: folder })
    }

    /// A connection that is not logged in.
    ///
    /// # Errors
    ///
    /// If the server does not take it.
    pub(crate) fn connect(&self) -> Result<Stream> {
        let peer = ([192, 0, 2, 7], 40_000).into();
        let connection = self.service.accept(0, peer, self.clock.now());
        let connection = connection.ok_or("the server refuses the connection")?;
        let mut stream = Pipe::new(connection, Arc::clone(&self.clock));
        stream.set_nonblocking(true);
        Ok(stream)
    }

    /// Makes durable what waits for the disk.
    pub(crate) fn commit(&self) {
        while self.engine.store().commit_group() {}
    }

    /// What is inside.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Where everything is stored.
    ///
    /// # Errors
    ///
    /// If the store is out of order.
    pub fn shard(&self) -> Result<Shard> {
        Ok(Shard::new(self.engine.store().stream(PROJECT, PROJECT)?, 0))
    }
}

/// Project and Logstore `demo`, with a key that may do everything.
fn directory() -> Result<Directory> {
    let logstores = vec![Logstore::new(PROJECT.parse()?)];
    let mut directory = Directory::builder();
    directory.project(Project { name: PROJECT.parse()?, logstores });
    let (id, secret) = PASSWORD.split_once('#').ok_or("a password has two parts")?;
    directory.access_key(AccessKey {
        id: id.parse()?,
        project: PROJECT.parse()?,
        secrets: vec![SecretHash::new(&Secret::new(secret), SecretHash::salt_from(id))],
        policies: vec![Policy::full_access()],
    });
    directory.build().map_err(|mistakes| format!("{mistakes:?}").into())
}

/// A certificate signed by itself.
fn certificate() -> Result<(CertifiedKey, CertificateDer<'static>)> {
    let signed = rcgen::generate_simple_self_signed([HOST.to_owned()])?;
    let certificate = signed.cert.der().clone();
    let private = PrivateKeyDer::try_from(signed.signing_key.serialize_der())?;
    let provider = aws_lc_rs::default_provider();
    Ok((CertifiedKey::from_der(vec![certificate.clone()], private, &provider)?, certificate))
}
