use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

use logboom_access::{
    AccessKey, Directory, DirectoryBuilder, Logstore, Policy, Project, Secret, SecretHash,
};
use logboom_conn::{Config, Limits};
use logboom_sans_io::testing::ManualClock;
use logboom_store::{MemDisk, Store};

use super::{Basis, Endpoint, clock};
use crate::{Advertise, Clock, Engine, Entropy, KafkaService, Listener, Options, Port};

/// The secret of the access key of every project.
pub(super) const SECRET: &str = "secret-of-a-test";

/// Segments are small, so that tests reach their end.
const SEGMENT_BYTES: u32 = 1 << 20;

/// How an [`Endpoint`] is to be.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    logstores: BTreeMap<String, u32>,
    directory: Option<Arc<Directory>>,
    limits: Limits,
    options: Options,
    store: Option<logboom_store::Options>,
    advertise: Option<(String, u16)>,
}

impl Builder {
    /// Adds a Logstore with so many shards, and its project with a key that may do everything:
    /// `logstore("acme/nginx", 2)`. The first one takes the place of `demo/demo`.
    #[must_use]
    pub fn logstore(mut self, logstore: &str, shards: u32) -> Self {
        self.logstores.insert(logstore.to_owned(), shards);
        self
    }

    /// Takes projects, keys and rights from a directory, and not from
    /// [`logstore`](Self::logstore).
    #[must_use]
    pub fn directory(mut self, directory: impl Into<Arc<Directory>>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Sets the limits of each connection.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the limits of all connections together. The clock of the options is not used.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Sets the numbers of the store, whose segments have 1 MiB otherwise.
    #[must_use]
    pub fn store(mut self, options: logboom_store::Options) -> Self {
        self.store = Some(options);
        self
    }

    /// Tells clients to connect there, which is `logboom.test:9092` otherwise.
    #[must_use]
    pub fn advertise(mut self, host: &str, port: u16) -> Self {
        self.advertise = Some((host.to_owned(), port));
        self
    }

    /// Starts it on an empty disk.
    ///
    /// # Panics
    ///
    /// If what was asked for makes no sense, for instance a name that is none.
    #[must_use]
    pub fn start(self) -> Endpoint {
        self.start_on(MemDisk::new(), Arc::new(clock::stopped()))
    }

    pub(super) fn start_on(self, disk: MemDisk, clock: Arc<ManualClock>) -> Endpoint {
        let directory = self.directory.clone().unwrap_or_else(|| self.make_directory());
        let sizes =
            || logboom_store::Options { segment_bytes: SEGMENT_BYTES, ..Default::default() };
        let sizes = self.store.clone().unwrap_or_else(sizes);
        let opened = Store::open(Arc::new(disk.clone()), sizes, [3; 32], clock.unix_ms());
        let (store, _recovery) = opened.expect("a disk that was left in order");
        let options =
            Options { clock: Arc::clone(&clock) as Arc<dyn Clock>, ..self.options.clone() };
        let engine = Engine::new(store.clone(), Arc::clone(&directory), options);
        let engine = engine.expect("a disk with room");
        let memory = Arc::new(engine.budget().clone());
        let config = Config::new(self.limits.clone(), memory).expect("limits that make sense");
        let service = KafkaService::new(Arc::clone(&engine), config, vec![self.port()])
            .with_entropy(Sequence::default());
        Endpoint {
            builder: self,
            directory,
            disk,
            basis: Basis { store, clock, disk_stalls: Arc::default() },
            service: Arc::new(service),
            engine,
            next_port: AtomicU16::new(40_000),
        }
    }

    fn port(&self) -> Port {
        let (host, port) = self.advertise.clone().unwrap_or(("logboom.test".to_owned(), 9092));
        let advertise = Advertise::Fixed { host, port };
        Port::plaintext(Listener { name: "test".to_owned(), advertise })
    }

    fn make_directory(&self) -> Arc<Directory> {
        let mut projects = BTreeMap::<&str, Vec<Logstore>>::new();
        let wanted = self.logstores.iter().map(|(path, shards)| (path.as_str(), *shards));
        let default = self.logstores.is_empty().then_some(("demo/demo", 1));
        for (path, shards) in wanted.chain(default) {
            let (project, name) = split(path);
            let name = name.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
            let logstore = Logstore { shards, ..Logstore::new(name) };
            projects.entry(project).or_default().push(logstore);
        }
        let mut builder = Directory::builder();
        for (project, logstores) in projects {
            add_project(&mut builder, project, logstores);
        }
        Arc::new(builder.build().unwrap_or_else(|mistakes| panic!("{mistakes:?}")))
    }
}

/// Project and Logstore of `project/logstore`.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.split_once('/').unwrap_or_else(|| panic!("not `project/logstore`: {path}"))
}

/// Adds a project and the key of [`Endpoint::password`].
fn add_project(builder: &mut DirectoryBuilder, project: &str, logstores: Vec<Logstore>) {
    let invalid = |error| -> ! { panic!("{project}: {error}") };
    let name = project.parse().unwrap_or_else(|error| invalid(error));
    let key = AccessKey {
        id: project.parse().expect("the name of a project, which is also an id"),
        project: name,
        secrets: vec![SecretHash::new(&Secret::new(SECRET), SecretHash::salt_from(project))],
        policies: vec![Policy::full_access()],
    };
    builder.project(Project { name: key.project.clone(), logstores }).access_key(key);
}

/// Entropy that is different for each connection, and the same in each run.
#[derive(Debug, Default)]
struct Sequence(AtomicU64);

impl Entropy for Sequence {
    fn fill(&self, bytes: &mut [u8; 32]) -> io::Result<()> {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        Ok(())
    }
}
