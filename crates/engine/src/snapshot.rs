use std::collections::BTreeMap;
use std::sync::Arc;

use logboom_access::{Directory, LogstoreName, ProjectName};
use logboom_planted::planted;
use logboom_store::{CatalogueError, Retention, Store, StreamId};

/// The configuration as of one moment: who may do what, and where in the store it goes.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) directory: Arc<Directory>,
    streams: BTreeMap<ProjectName, BTreeMap<LogstoreName, StreamId>>,
    retention: BTreeMap<StreamId, Retention>,
}

impl Snapshot {
    /// Gives every Logstore of the directory its place in the store.
    pub(crate) fn new(store: &Store, directory: Arc<Directory>) -> Result<Self, CatalogueError> {
        let mut streams = BTreeMap::new();
        let mut retention = BTreeMap::new();
        for project in directory.projects() {
            let mut of_project = BTreeMap::new();
            for logstore in directory.logstores_of(project.as_str()) {
                let stream = store.stream(project.as_str(), logstore.name.as_str())?;
                of_project.insert(logstore.name.clone(), stream);
                let logboom_access::Retention { age, bytes } = logstore.retention;
                retention.insert(stream, Retention { age, bytes });
            }
            streams.insert(project.clone(), of_project);
        }
        Ok(Self { directory, streams, retention })
    }

    /// Where a Logstore goes.
    pub(crate) fn stream(
        &self,
        project: &ProjectName,
        logstore: &LogstoreName,
    ) -> Option<StreamId> {
        if planted!(StreamOfAnotherProject) {
            return self.streams.values().find_map(|of_project| of_project.get(logstore)).copied();
        }
        self.streams.get(project)?.get(logstore).copied()
    }

    /// How long a Logstore keeps its logs: for ever if it is not configured.
    pub(crate) fn retention(&self, stream: StreamId) -> Retention {
        self.retention.get(&stream).copied().unwrap_or_default()
    }
}
