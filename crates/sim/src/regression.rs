//! Failures of the past, as files that are run for ever.
//!
//! A file holds the decisions themselves, so that it survives every change of how decisions come
//! from a seed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fault::{FaultKind, FaultSet};
use crate::outcome::Level;
use crate::random::{Stream, Tape};
use crate::run::Run;

/// A failure of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regression {
    /// The level.
    pub level: Level,
    /// What did not hold then.
    pub invariant: String,
    /// The seed it was found with.
    pub found: u64,
    /// The faults it needs.
    pub faults: FaultSet,
    /// Its decisions.
    pub tape: Tape,
}

/// The same as it is in a file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    level: String,
    invariant: String,
    found_with_seed: u64,
    faults: Vec<String>,
    decisions: BTreeMap<String, Vec<u64>>,
}

impl Regression {
    /// What is to be run.
    #[must_use]
    pub fn run(&self) -> Run {
        Run::tape(self.level, self.tape.clone()).with_faults(self.faults)
    }

    /// The text of a file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let streams = Stream::all().map(|stream| (stream.name(), self.tape.get(stream)));
        let used = streams.filter(|(_, decisions)| !decisions.is_empty());
        let decisions = used.map(|(name, decisions)| (name.to_owned(), decisions.to_vec()));
        let file = File {
            level: self.level.name().to_owned(),
            invariant: self.invariant.clone(),
            found_with_seed: self.found,
            faults: self.faults.iter().map(|kind| kind.name().to_owned()).collect(),
            decisions: decisions.collect(),
        };
        serde_json::to_string(&file).expect("names and numbers") + "\n"
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: File = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let level =
            [Level::Store, Level::Full].into_iter().find(|level| level.name() == file.level);
        let level = level.ok_or_else(|| format!("no level {}", file.level))?;
        let kind =
            |name: &String| FaultKind::from_name(name).ok_or_else(|| format!("no fault {name}"));
        let faults = file.faults.iter().map(kind).collect::<Result<FaultSet, _>>()?;
        let mut tape = Tape::default();
        for (name, decisions) in file.decisions {
            let stream = Stream::all().find(|stream| stream.name() == name);
            tape.set(stream.ok_or_else(|| format!("no stream {name}"))?, decisions);
        }
        Ok(Self { level, invariant: file.invariant, found: file.found_with_seed, faults, tape })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_reads_back_and_runs_as_the_seed_did() {
        let outcome = Run::seed(Level::Store, 5).recording().execute();
        let regression = Regression {
            level: Level::Store,
            invariant: "none".to_owned(),
            found: 5,
            faults: FaultSet::all(),
            tape: outcome.tape.unwrap(),
        };
        let read = Regression::parse(&regression.to_text()).unwrap();
        assert_eq!(read, regression);
        assert_eq!(read.run().execute().hash, outcome.hash);
        assert!(Regression::parse("{}").is_err());
    }
}
